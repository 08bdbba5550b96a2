"""Part 2, interpolation between digits: what is on the way, and how real it looks.

How real a decoded picture is is measured, not judged by eye: by its MSE to the nearest test image,
beside that of a plain blend of the two end pictures, and that of real test images to one another.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from jobs.report import charts
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, observed
from jobs.report.records import Interpolation, TrainingRecord
from jobs.report.wording import (
    UNKNOWN,
    format_fraction,
    format_mse,
    format_percent,
    listing,
    with_article,
)

EQUAL_DISTANCE = 0.05
"""Distances closer than this share are called equal."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 2; nothing if no training recorded interpolations."""
    training = study.for_interpolation
    if training is None:
        return
    yield Heading("Part 2: Interpolation in latent space")
    yield Paragraph(_method(training))
    for path in training.interpolations:
        a, b = path.digit_a, path.digit_b
        yield Figure(
            key=figure_key(path),
            picture=charts.interpolation(path),
            alt=_alt(path),
            caption=f"From {a} to {b}: decoded steps above, the pixel blend of the two ends below, "
            "with f and the digit of the test image nearest to the decoded picture.",
        )
    yield _table(training)
    yield from observed(observations(training))


def observations(training: TrainingRecord) -> Iterator[Observation]:
    """Yield what holds of the interpolations of this training."""
    for path in training.interpolations:
        yield from change(path)
    yield from realness(training)
    yield from hardest_step(training.interpolations)


def _method(training: TrainingRecord) -> str:
    """Say how the pictures were made, and of which network."""
    setting = training.spec.setting
    return (
        f"In setting {setting.name} (latent size {setting.latent_size}, seed "
        f"{training.spec.seed}) the mean code of each digit is taken over its test images. "
        "Between two such means a and b the codes (1 − f) a + f b are decoded, for f = 0.0, 0.1 "
        "to 1.0. For comparison the two end pictures are blended pixel by pixel with the same "
        "weights, and each picture is compared with all test images: the digit of the nearest "
        "says what it shows, and the distance (MSE) how close to a real digit it is. Of settings "
        "2 and 3 this part takes the one whose training ended with the lower error."
    )


def _alt(path: Interpolation) -> str:
    digits = listing(str(digit) for digit in path.nearest_digit.tolist())
    return (
        f"Eleven decoded pictures on the way from {path.digit_a} to {path.digit_b}; the nearest "
        f"test images show {digits}. Below, the pixel blend of the first and the last picture."
    )


def _table(training: TrainingRecord) -> Table:
    """Return what is nearest to the decoded pictures, one row per pair of digits."""
    real = training.real_nearest_mse
    beside = f" Real test images to one another (median): {format_mse(real)}." if real else ""
    return Table(
        key="table-interpolation",
        caption="The interpolated pictures beside their nearest test images. Decoded and Blend: "
        f"mean MSE to the nearest test image over the steps between the ends, 0 < f < 1.{beside}",
        columns=(
            ("Pair", "left"),
            ("Nearest digit, f = 0.0 to 1.0", "left"),
            ("Changes at f", "left"),
            ("Decoded", "right"),
            ("Blend", "right"),
        ),
        rows=[_row(path) for path in training.interpolations],
    )


def _row(path: Interpolation) -> list[str]:
    distances = between(path)
    return [
        f"{path.digit_a} to {path.digit_b}",
        " ".join(map(str, path.nearest_digit.tolist())),
        ", ".join(f"{first:.1f}" for _, first, _ in segments(path)[1:]) or "never",
        *(map(format_mse, distances) if distances else (UNKNOWN, UNKNOWN)),
    ]


def figure_key(path: Interpolation) -> str:
    """Return the key of the figure that shows this pair."""
    return f"figure-pair-{path.digit_a}-{path.digit_b}"


def segments(path: Interpolation) -> list[tuple[int, float, float]]:
    """Return the runs of equal nearest digit along the path: (digit, first f, last f)."""
    steps = zip(path.nearest_digit.tolist(), path.fractions.tolist(), strict=True)
    runs = (list(run) for _, run in groupby(steps, key=lambda step: step[0]))
    return [(run[0][0], run[0][1], run[-1][1]) for run in runs]


def change(path: Interpolation) -> Iterator[Observation]:
    """Say where along the path the picture changes its digit, and what lies between."""
    runs, see = segments(path), (figure_key(path), "table-interpolation")
    a, b = path.digit_a, path.digit_b
    if [digit for digit, _, _ in runs] == [a, b]:
        yield Observation(
            kind="change",
            text=(
                f"From {a} to {b} the picture changes its digit once: its nearest test image is "
                f"{with_article(a)} up to {format_fraction(runs[0][2])} and {with_article(b)} from "
                f"{format_fraction(runs[1][1])} on."
            ),
            see=see,
            intuition=(
                "The nearest digit flips at one step while the pictures change smoothly: along "
                "such a line the regions of the two digits touch, and the change is a matter of a "
                "stroke."
            ),
        )
    else:
        route = listing(
            f"{with_article(digit)} ({_interval(first, last)})" for digit, first, last in runs
        )
        text = f"From {a} to {b} the nearest test image is {route}."
        yield Observation(
            kind="change",
            text=text,
            see=see,
            intuition=_detour(a, b, [digit for digit, _, _ in runs]),
        )


def _detour(a: int, b: int, visited: Sequence[int]) -> str:
    """Return what it means that a path shows other digits than its ends, or not its ends."""
    strange = [end for end, shown in ((a, visited[0]), (b, visited[-1])) if end != shown]
    if strange:
        return (
            f"The decoded mean code of {listing(map(with_article, strange))} does not even look "
            "most like one: where the codes of a digit lie apart, their mean falls among others."
        )
    others = listing(f"{digit}s" for digit in sorted(set(visited) - {a, b}))
    return others and (
        f"Between {a} and {b} the straight line leaves the two digits and crosses ground that "
        f"belongs to {others}: a straight line in the latent space need not be the natural way "
        "from one shape to another."
    )


def _interval(first: float, last: float) -> str:
    return format_fraction(first) if first == last else f"{format_fraction(first)} to {last:.1f}"


def between(path: Interpolation) -> tuple[float, float] | None:
    """Return the mean distance to the nearest test image of decoded and of blended pictures.

    Over the steps between the ends (0 < f < 1); None when a distance is missing or not finite.
    """
    inner = (path.fractions > 0.001) & (path.fractions < 0.999)
    decoded, blended = path.nearest_mse[inner], path.blend_nearest_mse[inner]
    if not inner.any() or not np.isfinite([decoded, blended]).all():
        return None
    return float(decoded.mean()), float(blended.mean())


def realness(training: TrainingRecord) -> Iterator[Observation]:
    """Compare decoded pictures with pixel blends, and with real images."""
    known = [distances for path in training.interpolations if (distances := between(path))]
    if not known:
        return
    decoded, blended = (float(np.mean(side)) for side in zip(*known, strict=True))
    yield Observation(
        kind="realness",
        text=(
            f"Between the ends (0 < f < 1, {_pairs(len(known))}) the decoded pictures lie on "
            f"average {format_mse(decoded)} from their nearest test image, pixel blends of the "
            f"same two ends {format_mse(blended)}: {_nearer(decoded, blended)}."
        ),
        see=("table-interpolation",),
        intuition=_blend_intuition(decoded, blended),
    )
    real = training.real_nearest_mse
    if real is not None and np.isfinite(real):
        yield Observation(
            kind="realness",
            text=(
                f"A real test image typically (median) lies {format_mse(real)} from the nearest "
                f"other one; the decoded pictures are {_than_real(decoded, real)}."
            ),
            see=("table-interpolation",),
            intuition=_real_intuition(decoded, real),
        )


def _pairs(number: int) -> str:
    return "one pair" if number == 1 else f"mean of {number} pairs"


def _nearer(decoded: float, blended: float) -> str:
    ratio = decoded / blended
    if abs(ratio - 1) <= EQUAL_DISTANCE:
        return "about the same"
    verb = "nearer to real digits" if ratio < 1 else "further from real digits"
    return f"the decoded ones are {format_percent(abs(1 - ratio))} {verb}"


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


def hardest_step(paths: Sequence[Interpolation]) -> Iterator[Observation]:
    """Name the step of all paths whose picture is furthest from any test image."""
    known = [path for path in paths if between(path)]
    if known:
        path = max(known, key=lambda path: float(path.nearest_mse.max()))
        step = int(path.nearest_mse.argmax())
        yield Observation(
            kind="hardest step",
            text=(
                f"The picture furthest from any test image is that of {path.digit_a} to "
                f"{path.digit_b} at {format_fraction(float(path.fractions[step]))} "
                f"({format_mse(float(path.nearest_mse[step]))})."
            ),
            see=(figure_key(path),),
        )
