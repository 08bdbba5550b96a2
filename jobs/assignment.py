"""What the assignment asks for: its settings and recipe, and which part shows which of them.

The widths and the numbers themselves are `aemodel.settings`; what is here says what they are for.
"""

from collections.abc import Iterable

from aemodel.settings import RECIPES, SETTINGS, Setting
from jobs.spec import Pair

RECIPE = RECIPES["assignment"]
"""The recipe that it prescribes."""

PAIRS: tuple[Pair, ...] = ((3, 8), (4, 9), (1, 7))
"""Pairs of digits to interpolate between if none are named: it asks for three, of any digits."""

INTERPOLATED = ("2", "3")
"""Settings of which Part 2 may show either."""

EMBEDDED = "1"
"""Setting that Part 3 shows."""


def covers(settings: Iterable[Setting]) -> bool:
    """Return whether all that the assignment asks for is among these: its three settings."""
    return {setting.name for setting in settings} >= set(SETTINGS)
