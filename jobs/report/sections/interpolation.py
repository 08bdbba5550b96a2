"""Part 2, interpolation between classes: what is on the way, and how near it is to real images.

How near is measured, not judged by eye: by the MSE to the nearest test image, beside that of a
plain blend of the two end pictures.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from aemodel.evaluation import Interpolation
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import setting_name
from jobs.report.analysis.interpolation import (
    Distances,
    Segment,
    distances,
    mean_ratio,
    segments,
    share_nearer_centre,
)
from jobs.report.analysis.noise import SINGLE_TRAINING
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, ref
from jobs.report.dataset import DatasetRecord
from jobs.report.records import TrainingRecord
from jobs.report.sections import real_images
from jobs.report.sections.ending import part_ending
from jobs.report.wording import (
    UNKNOWN,
    capitalized,
    format_fraction,
    format_mse,
    format_percent,
    listing,
)

EQUAL = 0.02
"""Distances that differ by less than this share are called about the same."""
FEW = 0.05
"""Share of the codes of a class near the centre that is called few."""
MAX_ROWS = 3
"""Networks whose pictures stand below each other."""
MANY_LABELS = 4
"""Ways with more segments than this are not told step by step."""
QUESTION = (
    "What happens to the pictures on the way from one mean code to the other? Where does the label "
    "change, how real do the pictures between look beside the pixel blends, and why?"
)
MEANS = (
    "A mean of many codes averages away what they differ in, and so lies nearer to the centre than "
    "they do. Nothing in the loss asks the decoder for a real image there, so it need not make one."
)
BENDS = (
    "The blend is the straight line between the two end pictures. The decoder takes the straight "
    "line between the codes to a curve between the same pictures, here one nearer to test images."
)

Verdict = Literal["nearer", "further", "same"]
Measured = list[tuple[Interpolation, Distances]]


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 2; nothing if no training recorded interpolations."""
    if not study.for_interpolation:
        return
    training = study.for_interpolation[0]
    yield Heading("Part 2: Interpolation in latent space")
    yield Paragraph(_method(study))
    for path in training.interpolations:
        yield _figure(path, study.for_interpolation)
    yield _table(study.for_interpolation)
    yield from real_images.blocks(study)
    yield from part_ending(study, 2, observations(study), QUESTION)


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the interpolations."""
    if not study.for_interpolation:
        return
    yield from labels(study.for_interpolation[0])
    for training in study.for_interpolation:
        yield from realness(training)
    yield from between_settings(study.for_interpolation)
    yield from real_images.observations(study)


def _figure(path: Interpolation, trainings: Sequence[TrainingRecord]) -> Figure:
    """Return the pictures of one pair: of the first training, of others, and the pixel blend."""
    first, data = trainings[0], trainings[0].dataset
    rows = [(setting_name(first.spec.setting), path.pixels)]
    for training in trainings[1:MAX_ROWS]:
        ways = (p for p in training.interpolations if _pair_of(p) == _pair_of(path))
        rows += [(setting_name(training.spec.setting), way.pixels) for way in ways]
    names = listing(name for name, _ in rows)
    of_first = f" of {rows[0][0]}" if len(rows) > 1 else ""
    pair = data.pair(path.digit_a, path.digit_b)
    shown = (
        f"From {pair}: decoded pictures in {names}, and the pixel blend of the ends{of_first}, "
        f"with f and the label of the decoded picture{of_first}."
    )
    return Figure(
        key=figure_key(path),
        picture=charts.interpolation(path, data, rows),
        alt=_alt(path, data),
        caption=shown if path is first.interpolations[0] else f"The same from {pair}.",
        width=0.9,
    )


def _pair_of(path: Interpolation) -> tuple[int, int]:
    return path.digit_a, path.digit_b


def _method(study: Study) -> str:
    """Say how the pictures were made, and of which network."""
    training = study.for_interpolation[0]
    setting, data = training.spec.setting, training.dataset
    text = (
        f"The mean code of each {data.noun} is taken over its test images. Between two such means "
        "a and b the codes (1 − f) a + f b are decoded, for f = 0.0, 0.1 to 1.0. For comparison "
        "the two end pictures are blended pixel by pixel with the same weights. The label of a "
        f"picture is the {data.noun} of the test image nearest to it in MSE; that MSE says how "
        "near the picture is to real images, and favours blurred pictures."
    )
    text += (
        f" The figures show {setting_name(setting)} (latent size {setting.latent_size}, seed "
        f"{training.spec.seed})"
    )
    if others := study.for_interpolation[1:]:
        text += " first"
        if round(mean_ratio(training), 3) < round(min(map(mean_ratio, others)), 3):
            text += ", where the mean ratio of the two distances is lowest"
        text += f"; {ref('table-interpolation')} measures all"
    return f"{text}."


def _alt(path: Interpolation, data: DatasetRecord) -> str:
    names = listing(data.name_of(c) for c in path.nearest_digit.tolist())
    return (
        f"Eleven decoded pictures from {data.pair(path.digit_a, path.digit_b)}, labelled {names}. "
        "Below, the pixel blend of the first and the last picture."
    )


def _table(trainings: Sequence[TrainingRecord]) -> Table:
    """Return how near the pictures are to test images, one row per training and pair."""
    return Table(
        key="table-interpolation",
        caption="Mean MSE to the nearest test image over the steps between the ends, 0 < f < 1.",
        columns=(
            ("Training", "left"), ("Latent", "right"), ("Pair", "left"), ("Decoded", "right"),
            ("Blend", "right"), ("Decoded / blend", "right"),
        ),
        rows=[_row(training, path) for training in trainings for path in training.interpolations],
    )  # fmt: skip


def _row(training: TrainingRecord, path: Interpolation) -> list[str]:
    measured = distances(path)
    return [
        setting_name(training.spec.setting),
        str(training.spec.setting.latent_size),
        training.dataset.pair(path.digit_a, path.digit_b),
        format_mse(measured.decoded) if measured else UNKNOWN,
        format_mse(measured.blended) if measured else UNKNOWN,
        f"{measured.ratio:.3f}" if measured else UNKNOWN,
    ]


def figure_key(path: Interpolation) -> str:
    """Return the key of the figure that shows this pair."""
    return f"figure-pair-{path.digit_a}-{path.digit_b}"


def labels(training: TrainingRecord) -> Iterator[Observation]:
    """Say where the labels change on the way, and what lies between."""
    data = training.dataset
    changes: dict[float, list[str]] = {}
    detours = []
    for path in training.interpolations:
        way, pair = segments(path), data.pair(path.digit_a, path.digit_b)
        if [segment.label for segment in way] == [path.digit_a, path.digit_b]:
            changes.setdefault(way[1].first, []).append(pair)
        else:
            detours.append(f"From {pair} the labels are {_way(way, data)}.")
    sentences = detours
    if changes:
        once = [f"{listing(pairs)} at {format_fraction(f)}" for f, pairs in changes.items()]
        rest = (f"from {part}" for part in once[1:])
        sentences = [f"The label changes once from {listing([once[0], *rest])}.", *detours]
    if sentences:
        yield Observation(
            kind="labels on the way",
            numbers={pair: Estimate(f) for f, pairs in changes.items() for pair in pairs},
            text=" ".join(sentences),
            see=tuple(figure_key(path) for path in training.interpolations),
        )


def _way(way: Sequence[Segment], data: DatasetRecord) -> str:
    if len(way) > MANY_LABELS:
        return f"in turn {listing(data.name_of(segment.label) for segment in way)}"
    return listing(f"{data.name_of(segment.label)} ({_interval(segment)})" for segment in way)


def _interval(segment: Segment) -> str:
    if segment.first == segment.last:
        return format_fraction(segment.first)
    return f"{format_fraction(segment.first)} to {segment.last:.1f}"


def realness(training: TrainingRecord) -> Iterator[Observation]:
    """Compare decoded pictures with pixel blends, pair by pair."""
    measured = [(path, d) for path in training.interpolations if (d := distances(path))]
    if not measured:
        return
    name = setting_name(training.spec.setting)
    verdicts = {_verdict(d.ratio) for _, d in measured}
    yield Observation(
        kind=f"decoded beside blended, {name}",
        numbers={f"{path.digit_a} to {path.digit_b}": Estimate(d.ratio) for path, d in measured},
        text=f"In {name} the decoded pictures lie {_against_blends(measured, training.dataset)}.",
        see=("table-interpolation",),
        intuition=_why(verdicts, share_nearer_centre(training)),
    )


def _why(verdicts: set[Verdict], nearer: float | None) -> str:
    if verdicts == {"nearer"}:
        return BENDS
    if "nearer" not in verdicts and nearer is not None and nearer <= FEW:
        return MEANS
    return ""


def _verdict(ratio: float) -> Verdict:
    """Judge the ratio as it is printed, with three decimals."""
    printed = round(ratio, 3)
    if abs(printed - 1) < EQUAL:
        return "same"
    return "nearer" if printed < 1 else "further"


WORDS: dict[Verdict, str] = {"nearer": "nearer to", "further": "further from", "same": "as near to"}


def _against_blends(measured: Measured, data: DatasetRecord) -> str:
    """Return `nearer to test images than the pixel blends from 1 to 7 (by 12%), and ...`."""
    parts: list[str] = []
    for verdict, words in WORDS.items():
        pairs = [(path, d) for path, d in measured if _verdict(d.ratio) == verdict]
        if not pairs:
            continue
        within = f", within {100 * EQUAL:.0f}%," if verdict == "same" else ""
        than = "as" if verdict == "same" else "than"
        compared = f" test images {than} the pixel blends" if not parts else ""
        words = words if not parts else words.split()[0] + (" near" if verdict == "same" else "")
        every = f" for all {len(pairs)} pairs:" if len(pairs) == len(measured) > 1 else ""
        listed = listing(_pair(path, d, verdict, data) for path, d in pairs)
        parts.append(f"{words}{compared}{within}{every} from {listed}")
    return listing(parts)


def _pair(path: Interpolation, d: Distances, verdict: Verdict, data: DatasetRecord) -> str:
    pair = data.pair(path.digit_a, path.digit_b)
    by = format_percent(abs(1 - round(d.ratio, 3)))
    return pair if verdict == "same" else f"{pair} (by {by})"


def between_settings(trainings: Sequence[TrainingRecord]) -> Iterator[Observation]:
    """Say which of two networks decodes nearer to test images, if it does so for every pair."""
    if len(trainings) != 2:
        return
    ways = [
        {(p.digit_a, p.digit_b): d.decoded for p in t.interpolations if (d := distances(p))}
        for t in trainings
    ]
    shared = sorted(ways[0].keys() & ways[1].keys())
    ratios = [ways[0][pair] / ways[1][pair] for pair in shared]
    if not ratios or max(ratios) > 1 - EQUAL:
        return
    near, far = (setting_name(t.spec.setting) for t in trainings)
    sizes = [t.spec.setting.latent_size for t in trainings]
    lower = [t.final_test_mse for t in trainings]
    means = [sum(way[pair] for pair in shared) / len(shared) for way in ways]
    text = capitalized(
        f"for {'every pair' if len(shared) > 1 else 'this pair'} the decoded pictures of {near} "
        f"({sizes[0]} dimensions) are nearer to test images than those of {far} ({sizes[1]}): "
        f"{format_mse(means[0])} against {format_mse(means[1])} on average"
    )
    if lower[0] and lower[1] and lower[1] < (1 - SINGLE_TRAINING) * lower[0]:
        text += f", although {far} reconstructs better"
    yield Observation(
        kind="decoded beside decoded",
        numbers={near: Estimate(means[0]), far: Estimate(means[1])},
        text=f"{text}.",
        see=("table-interpolation",),
    )
