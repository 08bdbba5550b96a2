"""The identity of a training: all that decides its bits, as the params of its run.

A `TrainingSpec` is written into a run and read back equal; it is what resuming looks for, and what
a record of the report holds. There is no second description of a training anywhere.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from aemodel.cost import training_cost
from aemodel.settings import Recipe, Setting

Pair = tuple[int, int]

LEGACY_WIDTHS = ("d1", "d2", "d3")
"""Params that runs with three widths have besides `widths`: older runs and scripts know these."""

TYPED = (
    "setting",
    "recipe",
    "iterations",
    "learning_rate",
    "batch_size",
    "eval_every",
    "pairs",
    "precision",
    "device",
    "threads",
)
"""Params that a user may have typed in another form, or left empty, when `mlflow run` logs them."""


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """All that decides the result of one training, bit for bit, on one type of hardware."""

    setting: Setting
    recipe: Recipe
    seed: int
    precision: str
    """`float32` or `bfloat16`."""
    pairs: tuple[Pair, ...]
    """Digits to interpolate between, (from, to)."""
    device: str = "cpu"
    """Where it is computed: `cpu`, as of runs that did not record it, or `gpu`."""
    threads: int = 0
    """Threads that compute it, on which the last digits depend; 0 while that is not decided, and
    of runs that did not record it."""
    data_digest: str = ""
    """Of the data set; empty while it is not loaded."""

    @property
    def name(self) -> str:
        """The name of its run, such as `setting-3 fast seed-0`."""
        return f"setting-{self.setting.name} {self.recipe.name} seed-{self.seed}"

    @property
    def model_name(self) -> str:
        """The name of its logged model, of characters that MLflow admits."""
        return self.name.replace(" ", "-")

    @property
    def cost(self) -> float:
        """Estimated work; see `aemodel.cost`."""
        return training_cost(self.setting, self.recipe)

    def to_params(self) -> dict[str, str]:
        """Return every field as text, for the tracker; `from_params` reads it back equal."""
        widths = self.setting.widths
        values = {
            **dataclasses.asdict(self.recipe),
            "setting": self.setting.name,
            "widths": "-".join(map(str, widths)),
            "latent_size": self.setting.latent_size,
            "recipe": self.recipe.name,
            "seed": self.seed,
            "precision": self.precision,
            "device": self.device,
            "threads": self.threads,
            "data_digest": self.data_digest,
            "pairs": ",".join(f"{a}-{b}" for a, b in self.pairs),
        }
        if len(widths) == len(LEGACY_WIDTHS):
            values |= dict(zip(LEGACY_WIDTHS, widths, strict=True))
        del values["name"]
        return {name: str(value) for name, value in values.items()}

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> "TrainingSpec":
        """Return the spec whose fields `to_params` wrote.

        A field of the recipe that the run does not know, since it was added later, has its default.

        Raises:
            KeyError: a field that has no default is missing.
            ValueError: a value cannot be read or is out of its range.
        """
        widths = params["widths"].split("-") if "widths" in params else _legacy_widths(params)
        kinds = get_type_hints(Recipe)
        values: dict[str, Any] = {
            field.name: _read(kinds[field.name], params[field.name])
            for field in dataclasses.fields(Recipe)
            if field.name != "name"
            and (field.name in params or field.default is dataclasses.MISSING)
        }
        return cls(
            setting=Setting(params["setting"], tuple(map(int, widths))),
            recipe=Recipe(name=params["recipe"], **values),
            seed=int(params["seed"]),
            precision=params["precision"],
            pairs=tuple(parse_pair(item) for item in params["pairs"].split(",")),
            device=params.get("device") or "cpu",
            threads=int(params.get("threads") or 0),
            data_digest=params.get("data_digest", ""),
        )


def _read(kind: type, text: str) -> Any:
    """Return the value of a field of this kind that `str` made this text of."""
    return text == str(True) if kind is bool else kind(text)


def _legacy_widths(params: Mapping[str, str]) -> list[str]:
    return [params[name] for name in LEGACY_WIDTHS]


def parse_pair(item: str) -> Pair:
    """Return the pair of different digits that a text such as `3-8` names.

    Raises:
        ValueError: it names none.
    """
    digits = item.split("-")
    if len(digits) != 2 or not all(len(d) == 1 and d in "0123456789" for d in digits):
        raise ValueError(f"{item!r} is not a pair of digits such as 3-8")
    if digits[0] == digits[1]:
        raise ValueError(f"{item!r} is the same digit twice: give two different digits")
    return int(digits[0]), int(digits[1])
