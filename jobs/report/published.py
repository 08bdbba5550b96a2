"""Published reconstruction errors on MNIST, to be shown as what they are.

MSE per pixel over the test set, on the 0..1 scale. None of these networks was trained as ours are.
"""

from dataclasses import dataclass

from aemodel.settings import PIXELS


@dataclass(frozen=True)
class Published:
    """Errors of one source."""

    key: str
    """In `references.REFERENCES`."""
    label: str
    """As a legend has it."""
    what: str
    """What was trained, and where the numbers stand."""
    errors: tuple[tuple[int, float], ...]
    """Latent size and error, by size."""


PUBLISHED = (
    Published(
        key="miller",
        label="784-512-256-d, ReLU, read off a figure",
        what="ReLU networks 784-512-256-d, the best of 20 epochs of Adam by test error, from one "
        "seed, read off a figure",
        errors=((2, 0.0365), (16, 0.0089), (32, 0.0058), (64, 0.0053)),
    ),
    Published(
        key="hinton-salakhutdinov",
        label="784-1000-500-250-30, 2006",
        what="the network 784-1000-500-250-30 with logistic units, pretrained layer by layer (its "
        "squared error of an image, 3.00, divided by 784 pixels)",
        errors=((30, 3.00 / PIXELS),),
    ),
)
