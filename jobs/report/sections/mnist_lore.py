"""What is known of MNIST's images, for documents about MNIST alone.

The numbers are of the 10,000 test images, which the report itself does not read.
"""

from itertools import combinations

PIXEL_VARIANCE = (0.0627, 0.0284, 0.0637, 0.0556, 0.0518, 0.0604, 0.0562, 0.0469, 0.0575, 0.0478)
"""Mean squared difference of a pixel between the images of a digit and their mean image."""

NEAREST_RATIO = (2.41, 5.97, 1.69, 1.61, 1.62, 1.62, 2.30, 2.10, 1.45, 1.60)
"""How much further the nearest image of another digit is than the nearest of the same, in MSE:
ratio of the medians over the images of each digit."""

PIXEL_NEIGHBOURS = (
    (97.6, 0.1, 0.1, 0.1, 0.1, 0.6, 1.0, 0.1, 0.1, 0.1),
    (0.0, 99.3, 0.2, 0.2, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0),
    (1.9, 2.7, 88.0, 1.4, 0.5, 0.2, 0.6, 3.3, 1.1, 0.3),
    (0.1, 0.7, 0.9, 90.9, 0.0, 3.4, 0.2, 1.3, 1.6, 0.9),
    (0.1, 1.6, 0.2, 0.0, 87.7, 0.1, 0.8, 0.8, 0.2, 8.5),
    (0.8, 1.0, 0.1, 5.1, 0.4, 87.7, 1.7, 0.3, 1.5, 1.5),
    (1.3, 0.8, 0.1, 0.0, 0.4, 0.6, 96.4, 0.1, 0.2, 0.1),
    (0.0, 3.7, 0.4, 0.1, 0.8, 0.1, 0.0, 91.3, 0.1, 3.4),
    (0.8, 1.5, 1.6, 4.2, 1.2, 3.9, 0.8, 1.2, 82.5, 2.3),
    (0.6, 0.8, 0.2, 0.7, 3.9, 0.4, 0.1, 4.3, 0.4, 88.6),
)
"""Percent of each digit among the 10 nearest other test images in pixels; row: digit of the image.
"""

PIXEL_AXES = 579
"""Principal axes of the 60,000 training images that the recipes with SOAP train."""


def mutual(a: int, b: int) -> float:
    """Return the share of the other digit among the neighbours in pixels, averaged over both."""
    return (PIXEL_NEIGHBOURS[a][b] + PIXEL_NEIGHBOURS[b][a]) / 200


def most_alike(a: int, b: int) -> bool:
    """Return whether a and b are the two digits that are most each other's neighbours in pixels."""
    return mutual(a, b) == max(mutual(c, d) for c, d in combinations(range(10), 2))
