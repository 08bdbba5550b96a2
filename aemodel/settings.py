"""What to train and how: the layer widths of a setting and the schedule of a recipe.

Both are frozen and validated when they are made; every field is a plain number, text or truth
value, so that they can be logged as parameters of a run and read back equal.
"""

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise

PIXELS = 784
"""Pixels of one MNIST image, 28 x 28: the width of the network's input and output."""

MAX_WIDTH = 16_384
"""Maximum width of a layer: beyond it one weight matrix takes more than a gigabyte with Adam."""

MAX_LAYERS = 16
"""Maximum number of layers of the encoder."""

SCHEDULES = ("constant", "cosine")

OPTIMIZERS = ("adam", "soap")


@dataclass(frozen=True)
class Setting:
    """A network 784 -> w_1 -> ... -> w_n -> ... -> w_1 -> 784: the decoder mirrors the encoder.

    Raises:
        ValueError: there are no widths, or more than `MAX_LAYERS`, or one is not an integer from 1
            to `MAX_WIDTH`.
    """

    name: str
    """`1`, `2` or `3` as in the assignment; for any other network its widths, as `256-64-8`."""
    widths: tuple[int, ...]
    """Widths of the encoder's layers, outermost first: hidden layers (tanh), then the latent layer
    (linear)."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.widths) <= MAX_LAYERS:
            raise ValueError(
                f"setting {self.name!r}: {len(self.widths)} layer widths, not 1 to {MAX_LAYERS}"
            )
        for width in self.widths:
            if not 1 <= width <= MAX_WIDTH:
                raise ValueError(
                    f"setting {self.name!r}: layer width {width} is outside 1..{MAX_WIDTH}"
                )

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Widths of the encoder's hidden layers, outermost first."""
        return self.widths[:-1]

    @property
    def latent_size(self) -> int:
        """Width of the latent layer: the dimension of a latent code."""
        return self.widths[-1]

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """Widths of all layers in order, input and output included."""
        return (PIXELS, *self.widths, *reversed(self.hidden_widths), PIXELS)

    @property
    def tanh_layers(self) -> tuple[bool, ...]:
        """Which of the dense layers end in tanh; the latent and the output layer are linear."""
        half = (*(True for _ in self.hidden_widths), False)
        return half + half

    @property
    def parameter_count(self) -> int:
        """Trainable parameters: one weight matrix and one bias per pair of layers."""
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.layer_widths))


SETTINGS = {
    "1": Setting("1", (128, 64, 2)),
    "2": Setting("2", (512, 128, 16)),
    "3": Setting("3", (1024, 128, 64)),
}
"""The assignment's three settings."""


def parse_setting(text: str) -> Setting:
    """Return the setting that `text` names: `1`, `2`, `3` or custom widths such as `256-64-8`.

    Widths equal to one of the assignment's settings give that setting, under its own name.

    Raises:
        ValueError: `text` is neither, or a width is out of range.
    """
    text = text.strip()
    if text in SETTINGS:
        return SETTINGS[text]
    if re.fullmatch(r"[0-9]{1,6}(-[0-9]{1,6})+", text) is None:
        raise ValueError(
            f"setting {text!r} is not known: give 1, 2, 3 or the widths of two layers or more, the "
            "last one the latent size, such as 256-64-8"
        )
    widths = tuple(int(width) for width in text.split("-"))
    own = Setting("-".join(map(str, widths)), widths)
    return next((preset for preset in SETTINGS.values() if preset.widths == widths), own)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained on mini-batches, and when to measure.

    Raises:
        ValueError: a field is outside its range; the message names the field.
    """

    name: str
    """Name of the preset this recipe is, or started from."""
    iterations: int
    """Number of optimiser updates."""
    batch_size: int
    """Images in a mini-batch."""
    eval_every: int
    """The test error is recorded after the update of iterations 0, eval_every, 2 eval_every ..."""
    learning_rate: float
    """Adam's step size; for the cosine schedule its peak."""
    schedule: str = "constant"
    """`constant`, or `cosine`: half a cosine from the peak to zero at the last iteration."""
    warmup_iterations: int = 0
    """Iterations over which the learning rate first rises linearly to `learning_rate`."""
    beta_1: float = 0.9
    """Adam's decay of the mean of the gradients."""
    beta_2: float = 0.999
    """Adam's decay of the mean of the squared gradients."""
    epsilon: float = 1e-8
    """Adam's guard against division by zero."""
    nesterov: bool = False
    """Whether Adam's step looks ahead, as Nesterov's momentum does."""
    optimizer: str = "adam"
    """`adam`, or `soap`: Adam in the layers' eigenbases (`aemodel.soap`)."""

    def __post_init__(self) -> None:
        def check(field: str, holds: bool, wanted: str) -> None:
            if not holds:
                raise ValueError(f"{field}={getattr(self, field)!r} is not valid: give {wanted}")

        check("iterations", 1 <= self.iterations <= 10_000_000, "a whole number from 1 to 10000000")
        check("batch_size", 1 <= self.batch_size <= 60_000, "a whole number from 1 to 60000")
        check("eval_every", self.eval_every >= 1, "a whole number of at least 1")
        check("learning_rate", 0 < self.learning_rate <= 1, "a number above 0, up to 1")
        check("schedule", self.schedule in SCHEDULES, " or ".join(SCHEDULES))
        check("warmup_iterations", self.warmup_iterations >= 0, "a whole number of at least 0")
        check("beta_1", 0 <= self.beta_1 < 1, "a number from 0 to below 1")
        check("beta_2", 0 <= self.beta_2 < 1, "a number from 0 to below 1")
        check("optimizer", self.optimizer in OPTIMIZERS, " or ".join(OPTIMIZERS))
        check("epsilon", 0 < self.epsilon < 1, "a number between 0 and 1")

    @property
    def evaluations(self) -> range:
        """The iterations at which the test error is recorded."""
        return range(0, self.iterations, self.eval_every)

    def learning_rate_at(self, iteration: int) -> float:
        """Return the learning rate of the update number `iteration`, counted from 0.

        Raises:
            ValueError: the training has no such update.
        """
        if not 0 <= iteration < self.iterations:
            raise ValueError(f"iteration {iteration} is outside 0..{self.iterations - 1}")
        if iteration < self.warmup_iterations:
            return self.learning_rate * (iteration + 1) / self.warmup_iterations
        if self.schedule == "constant":
            return self.learning_rate
        progress = (iteration - self.warmup_iterations) / (self.iterations - self.warmup_iterations)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


_SOAP = Recipe(
    "fast",
    iterations=2_800,
    batch_size=500,
    eval_every=100,
    learning_rate=6e-3,
    schedule="cosine",
    warmup_iterations=100,
    beta_2=0.99,
    nesterov=True,
    optimizer="soap",
)

RECIPES = {
    "fast": _SOAP,
    "quick": replace(_SOAP, name="quick", iterations=700, eval_every=50),
    "assignment": Recipe("assignment", 100_000, 500, 100, 1e-3),
}
"""`assignment`: the assignment's exact recipe. `fast`: its error in less than a tenth of its time;
the numbers were chosen on a slice of the training set (`benchmarks/fast_study.py`). `quick`: the
same recipe, a quarter as long, for a first look."""
