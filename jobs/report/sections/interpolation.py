"""Part 2, interpolation between digits: what is on the way, and how real it looks.

How real a decoded picture is is measured, not judged by eye: by its MSE to the nearest test image,
beside that of a plain blend of the two end pictures, and that of real test images to one another.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from jobs.report.records import Interpolation, TrainingRecord
from jobs.report.wording import Finding, a_digit, error, fraction, listing, percent

EQUAL_DISTANCE = 0.05
"""Distances closer than this share are called equal."""


def findings(training: TrainingRecord) -> Iterator[Finding]:
    """Yield what holds of the interpolations of this training."""
    for path in training.interpolations:
        yield from change(path)
    yield from realness(training)
    yield from hardest_step(training.interpolations)


def figure_key(path: Interpolation) -> str:
    """Return the key of the figure that shows this pair."""
    return f"figure-pair-{path.digit_a}-{path.digit_b}"


def segments(path: Interpolation) -> list[tuple[int, float, float]]:
    """Return the runs of equal nearest digit along the path: (digit, first f, last f)."""
    steps = zip(path.nearest_digit.tolist(), path.fractions.tolist(), strict=True)
    runs = (list(run) for _, run in groupby(steps, key=lambda step: step[0]))
    return [(run[0][0], run[0][1], run[-1][1]) for run in runs]


def change(path: Interpolation) -> Iterator[Finding]:
    """Say where along the path the picture changes its digit, and what lies between."""
    runs, see = segments(path), (figure_key(path), "table-interpolation")
    a, b = path.digit_a, path.digit_b
    if [digit for digit, _, _ in runs] == [a, b]:
        yield Finding(
            f"From {a} to {b} the picture changes its digit once: its nearest test image is "
            f"{a_digit(a)} up to {fraction(runs[0][2])} and {a_digit(b)} from "
            f"{fraction(runs[1][1])} on.",
            see,
            "The nearest digit flips at one step while the pictures change smoothly: along such a "
            "line the regions of the two digits touch, and the change is a matter of a stroke.",
        )
    else:
        route = listing(
            f"{a_digit(digit)} ({_interval(first, last)})" for digit, first, last in runs
        )
        text = f"From {a} to {b} the nearest test image is {route}."
        yield Finding(text, see, _detour(a, b, [digit for digit, _, _ in runs]))


def _detour(a: int, b: int, visited: Sequence[int]) -> str:
    """Return what it means that a path shows other digits than its ends, or not its ends."""
    strange = [end for end, shown in ((a, visited[0]), (b, visited[-1])) if end != shown]
    if strange:
        return (
            f"The decoded mean code of {listing(map(a_digit, strange))} does not even look most "
            "like one: where the codes of a digit lie apart, their mean falls among others."
        )
    others = listing(f"{digit}s" for digit in sorted(set(visited) - {a, b}))
    return others and (
        f"Between {a} and {b} the straight line leaves the two digits and crosses ground that "
        f"belongs to {others}: a straight line in the latent space need not be the natural way "
        "from one shape to another."
    )


def _interval(first: float, last: float) -> str:
    return fraction(first) if first == last else f"{fraction(first)} to {last:.1f}"


def between(path: Interpolation) -> tuple[float, float] | None:
    """Return the mean distance to the nearest test image of decoded and of blended pictures.

    Over the steps between the ends (0 < f < 1); None when a distance is missing or not finite.
    """
    inner = (path.fractions > 0.001) & (path.fractions < 0.999)
    decoded, blended = path.nearest_mse[inner], path.blend_nearest_mse[inner]
    if not inner.any() or not np.isfinite([decoded, blended]).all():
        return None
    return float(decoded.mean()), float(blended.mean())


def realness(training: TrainingRecord) -> Iterator[Finding]:
    """Compare decoded pictures with pixel blends, and with real images."""
    known = [distances for path in training.interpolations if (distances := between(path))]
    if not known:
        return
    decoded, blended = (float(np.mean(side)) for side in zip(*known, strict=True))
    yield Finding(
        f"Between the ends (0 < f < 1, {_pairs(len(known))}) the decoded pictures lie on average "
        f"{error(decoded)} from their nearest test image, pixel blends of the same two ends "
        f"{error(blended)}: {_nearer(decoded, blended)}.",
        ("table-interpolation",),
        _blend_intuition(decoded, blended),
    )
    real = training.real_nearest_mse
    if real is not None and np.isfinite(real):
        yield Finding(
            f"A real test image typically (median) lies {error(real)} from the nearest other one; "
            f"the decoded pictures are {_than_real(decoded, real)}.",
            ("table-interpolation",),
            _real_intuition(decoded, real),
        )


def _pairs(number: int) -> str:
    return "one pair" if number == 1 else f"mean of {number} pairs"


def _nearer(decoded: float, blended: float) -> str:
    ratio = decoded / blended
    if abs(ratio - 1) <= EQUAL_DISTANCE:
        return "about the same"
    verb = "nearer to real digits" if ratio < 1 else "further from real digits"
    return f"the decoded ones are {percent(abs(1 - ratio))} {verb}"


def _than_real(decoded: float, real: float) -> str:
    if abs(decoded / real - 1) <= EQUAL_DISTANCE:
        return "as near to the test set as that"
    return f"{'nearer' if decoded < real else 'further away'} than that"


def _blend_intuition(decoded: float, blended: float) -> str:
    if decoded < (1 - EQUAL_DISTANCE) * blended:
        return (
            "A pixel blend is one digit fading over another, a picture nobody would write. The "
            "line through the latent space stays closer to where real digits lie: the code holds "
            "strokes and shapes rather than pixels, so that halfway is a shape halfway."
        )
    return (
        "That the latent path is no nearer to real digits than fading one picture into the other "
        "shows a limit of the latent space: nothing in the loss asks the decoder to make digits of "
        "codes between those of the training images."
    )


def _real_intuition(decoded: float, real: float) -> str:
    if decoded < real:
        return (
            "Near does not mean sharp: a decoded picture of a mean code is smooth and lacks the "
            "accidents of a single hand, and an average image is close to many. The comparison "
            "with the blend, which is as smooth, is therefore the fairer one."
        )
    return "The pictures between lie off the set of real digits, in places no image has claimed."


def hardest_step(paths: Sequence[Interpolation]) -> Iterator[Finding]:
    """Name the step of all paths whose picture is furthest from any test image."""
    known = [path for path in paths if between(path)]
    if known:
        path = max(known, key=lambda one: float(one.nearest_mse.max()))
        step = int(path.nearest_mse.argmax())
        yield Finding(
            f"The picture furthest from any test image is that of {path.digit_a} to {path.digit_b} "
            f"at {fraction(float(path.fractions[step]))} ({error(float(path.nearest_mse[step]))}).",
            (figure_key(path),),
        )
