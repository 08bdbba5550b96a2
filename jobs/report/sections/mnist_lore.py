"""What is known of MNIST's images, for documents about MNIST alone.

The numbers are of the 10,000 test images, which the report itself does not read.
"""

from itertools import combinations

PIXEL_VARIANCE = (
    0.06269, 0.02841, 0.06375, 0.05556, 0.05179, 0.06039, 0.05617, 0.04695, 0.05748, 0.04783,
)  # fmt: skip
"""Mean squared difference of a pixel between the images of a digit and their mean image."""

NEAREST_RATIO = (2.415, 5.971, 1.692, 1.610, 1.615, 1.622, 2.302, 2.096, 1.451, 1.603)
"""How much further the nearest image of another digit is than the nearest of the same, in MSE:
ratio of the medians over the images of each digit."""

PIXEL_NEIGHBOURS = (
    (97.61, 0.12, 0.14, 0.12, 0.08, 0.63, 0.98, 0.10, 0.11, 0.09),
    (0.01, 99.32, 0.21, 0.16, 0.01, 0.04, 0.16, 0.04, 0.01, 0.04),
    (1.89, 2.74, 87.97, 1.40, 0.48, 0.23, 0.61, 3.29, 1.08, 0.31),
    (0.12, 0.66, 0.93, 90.85, 0.05, 3.36, 0.21, 1.29, 1.63, 0.90),
    (0.14, 1.62, 0.18, 0.01, 87.73, 0.10, 0.77, 0.82, 0.15, 8.46),
    (0.78, 0.98, 0.11, 5.12, 0.41, 87.66, 1.67, 0.34, 1.46, 1.47),
    (1.32, 0.77, 0.11, 0.03, 0.45, 0.59, 96.40, 0.05, 0.21, 0.06),
    (0.03, 3.66, 0.41, 0.14, 0.84, 0.10, 0.04, 91.32, 0.08, 3.39),
    (0.83, 1.46, 1.64, 4.18, 1.16, 3.89, 0.83, 1.21, 82.49, 2.30),
    (0.56, 0.84, 0.21, 0.69, 3.90, 0.37, 0.14, 4.27, 0.40, 88.61),
)
"""Percent of each digit among the 10 nearest other test images in pixels; row: digit of the image.
Four digits here and above: rounded further they tie, and a rank correlation is another."""

PIXEL_AXES = 579
"""Principal axes of the 60,000 training images that the recipes with SOAP train."""


def mutual(a: int, b: int) -> float:
    """Return the share of the other digit among the neighbours in pixels, averaged over both."""
    return (PIXEL_NEIGHBOURS[a][b] + PIXEL_NEIGHBOURS[b][a]) / 200


def most_alike(a: int, b: int) -> bool:
    """Return whether a and b are the two digits that are most each other's neighbours in pixels."""
    return mutual(a, b) == max(mutual(c, d) for c, d in combinations(range(10), 2))
