"""How numbers and names are put into words.

Errors are MSE per pixel on the 0..1 scale and are written with five decimals, so that columns of
them align and the assignment's reference values (such as 0.05567) can be compared by eye.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from aemodel.settings import RECIPES, Recipe

ERROR_DECIMALS = 5
OPTIMIZERS = {"adam": "Adam", "soap": "a variant of SOAP"}
"""What a recipe's optimizer is called."""
MAX_LISTED = 4
"""Settings that a sentence names one by one."""
MAX_PERCENT_DECIMALS = 4
"""Decimals of a percentage, at most: what rounds to 0% or 100% without being it gets more."""
SIGNIFICANT = 6
"""Digits of a number that is kept: what lies behind depends on the processor."""
SEED = re.compile(r" \(seed (\d+)\)$")
"""How the name of a training ends if its setting was trained from several seeds."""
UNKNOWN = "–"
"""What a table shows for a value that the tracker does not hold."""


def significant(number: float) -> float:
    """Return a number rounded to `SIGNIFICANT` digits."""
    return float(f"{number:.{SIGNIFICANT}g}")


def format_mse(value: float | None) -> str:
    """Return an MSE with five decimals, seven below 0.001."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return "not finite"
    decimals = ERROR_DECIMALS if value >= 1e-3 else ERROR_DECIMALS + 2
    return f"{value:.{decimals}f}"


def format_spread(values: Sequence[float]) -> str:
    """Return one error as it is, several as mean ± sample standard deviation (n = ...)."""
    if not values:
        return UNKNOWN
    if len(values) == 1:
        return format_mse(values[0])
    deviation = float(np.std(values, ddof=1))
    return (
        f"{format_mse(float(np.mean(values)))} ±\u00a0{deviation:.{ERROR_DECIMALS}f} "
        f"(n\u00a0=\u00a0{len(values)})"
    )


def format_percent(share: float, decimals: int | None = None) -> str:
    """Return a share 0..1 in percent; unless told otherwise with one decimal below 10%.

    What is not 0% or 100% gets as many decimals more as it takes to tell it from these.
    """
    if decimals is None:
        decimals = 1 if abs(share) < 0.0995 else 0
    enough = (d for d in range(decimals, MAX_PERCENT_DECIMALS + 1) if not _is_edge(share, d))
    if not _is_edge(share):
        decimals = next(enough, decimals)
    return f"{round(100 * share, decimals) + 0.0:.{decimals}f}%"  # no minus before a zero


def signed_percent(share: float, decimals: int | None = None) -> str:
    """Return `format_percent` of a share that may be negative, with a minus sign for a hyphen."""
    return format_percent(share, decimals).replace("-", "−")


def _is_edge(share: float, decimals: int = 17) -> bool:
    """Return whether a share, so rounded, is nothing or all."""
    return abs(round(100 * share, decimals)) in (0.0, 100.0)


def format_fraction(f: float) -> str:
    """Return a step of an interpolation, as `f = 0.3`, which no line end takes apart."""
    return f"f\u00a0=\u00a0{f:.1f}"


def format_count(number: int) -> str:
    """Return a whole number with thousands separated: 100,000."""
    return f"{number:,}"


def format_ratio(ratio: float) -> str:
    """Return a ratio as `1.3 times`; whole from 10 on."""
    return f"{ratio:.0f} times" if ratio >= 9.95 else f"{ratio:.1f} times"


def format_duration(seconds: float | None) -> str:
    """Return a time as `145 s`, `12 min` or `1 h 20 min`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 599.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def format_seconds(seconds: float | None) -> str:
    """Return a time as `4,570 s`, which no line end takes apart."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    return f"{seconds:,.0f}\u00a0s"


def is_shortened(recipe: Recipe) -> bool:
    """Return whether a recipe is a preset that trains for fewer iterations, and no other change.

    How often the error is recorded does not change a training; the command shortens the warm-up
    with the training.
    """
    preset = RECIPES.get(recipe.name)
    if preset is None or recipe.iterations >= preset.iterations:
        return False
    warmup = min(recipe.warmup_iterations, preset.warmup_iterations)
    shorter = replace(preset, iterations=recipe.iterations, warmup_iterations=warmup)
    return replace(shorter, eval_every=recipe.eval_every) == recipe


def recipe_name(recipe: Recipe) -> str:
    """Return `the recipe fast`, and how much of it was trained if that is all that was changed.

    A cosine schedule ends with the training: a shorter one is not the same, stopped.
    """
    own = f"the recipe {one_line(recipe.name, 40)}"
    name = "the assignment's recipe" if recipe.name == "assignment" else own
    preset = RECIPES.get(recipe.name)
    if preset == recipe:
        return name
    if preset is None or not is_shortened(recipe):
        return f"a variant of {name}"
    verb = "stopped after" if recipe.schedule == "constant" else "shortened to"
    iterations = f"{format_count(recipe.iterations)} of its {format_count(preset.iterations)}"
    return f"{name}, {verb} {iterations} iterations"


def recipe_label(recipe: Recipe) -> str:
    """Return `fast`, `assignment, stopped`, `quick, shortened` or `fast, changed`."""
    label = one_line(recipe.name, 40)
    if RECIPES.get(recipe.name) == recipe:
        return label
    shortened = "stopped" if recipe.schedule == "constant" else "shortened"
    return f"{label}, {shortened if is_shortened(recipe) else 'changed'}"


def listing(words: Iterable[str], last: str = "and") -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    words = list(words)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def split_seed(names: Sequence[str]) -> tuple[list[str], str]:
    """Return names without the ` (seed 0)` that all end in, and ` (seed 0 of each)`."""
    seeds = {match[1] if (match := SEED.search(name)) else "" for name in names}
    if len(names) < 2 or len(seeds) > 1 or "" in seeds:
        return list(names), ""
    return [SEED.sub("", name) for name in names], f" (seed {seeds.pop()} of each)"


def listing_of_names(names: Sequence[str]) -> str:
    """Return `setting 1 and setting 2 (seed 0 of each)`: a seed that all share is given once."""
    bare, seed = split_seed(names)
    return listing(bare) + seed


def moments(iterations: Mapping[str, int]) -> str:
    """Return `from iteration 100 on in setting 1 and setting 2 and from 300 on in setting 3`.

    Of more than `MAX_LISTED` names the first and the last are given; a seed that all share once.
    """
    bare, seed = split_seed(list(iterations))
    return _moments(dict(zip(bare, iterations.values(), strict=True))) + seed


def _moments(iterations: Mapping[str, int]) -> str:
    names: dict[int, list[str]] = {}
    for name, iteration in sorted(iterations.items(), key=lambda item: item[1]):
        names.setdefault(iteration, []).append(name)
    parts = [f"{format_count(at)} on in {listing(who)}" for at, who in names.items()]
    if len(iterations) > MAX_LISTED and len(names) > 1:
        first, last = min(names), max(names)
        return (
            f"from iteration {format_count(first)} on at the earliest ({names[first][0]}) and from "
            f"{format_count(last)} on at the latest ({names[last][-1]})"
        )
    return "from iteration " + listing([parts[0], *(f"from {part}" for part in parts[1:])])


def capitalized(text: str) -> str:
    """Return `text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def clean(text: str) -> str:
    """Return `text` with what cannot be printed, or would reorder its neighbours, taken out.

    Line breaks stay; tabs become spaces. Lone surrogates become U+FFFD. Control characters,
    direction overrides and other format characters (Unicode category C) are dropped, save the
    joiners that emoji and many scripts need.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(map(_printable, text)) if not text.isascii() or _has_controls(text) else text


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` cleaned, on one line, and cut at `limit` characters with an ellipsis."""
    line = " ".join(clean(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _has_controls(text: str) -> bool:
    return not text.replace("\n", "").isprintable()


def _printable(character: str) -> str:
    if character in "\n\u200c\u200d":
        return character
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category in ("Cc", "Cf", "Cn", "Co") else character
