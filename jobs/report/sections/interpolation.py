"""Part 2, interpolation between classes: what is on the path, and how near it is to real images.

How near is measured, not judged by eye: by the MSE to the nearest test image, beside that of a
plain blend of the two end pictures.
"""

from collections.abc import Iterator, Sequence

from aemodel.evaluation import Interpolation
from jobs.assignment import INTERPOLATED
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate, values_over_seeds
from jobs.report.analysis.groups import Group
from jobs.report.analysis.interpolation import (
    EQUAL,
    Pair,
    Segment,
    Verdict,
    astray,
    compared_by_pair,
    distances_by_pair,
    judged,
    judged_by_all,
    left_out_pairs,
    mean_ratio,
    pair_of,
    segments,
)
from jobs.report.analysis.seeds import has_seeds, ranged, shown, with_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, ref
from jobs.report.dataset import DatasetRecord
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

MAX_ROWS = 3
"""Networks whose pictures stand below each other."""
MANY_LABELS = 4
"""Paths with more segments than this are not told step by step."""
QUESTION = (
    "What happens to the pictures on the path from one mean code to the other? Where does the "
    "label change, how real do the pictures between look beside the pixel blends, and why?"
)
BENDS = (
    "The blend is the straight line between the two end pictures. The decoder takes the straight "
    "line between the codes to a curve between the same pictures, which can pass nearer to test "
    "images."
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 2; nothing if no training recorded interpolations."""
    groups = _compared(study)
    if not groups:
        return
    yield Heading("Part 2: Interpolation in latent space")
    yield Paragraph(_method(groups))
    for path in groups[0].first.interpolations:
        yield _figure(path, groups)
    yield _table(groups)
    yield from real_images.blocks(groups)
    yield from part_ending(study, 2, observations(study), QUESTION)


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the interpolations."""
    groups = _compared(study)
    if not groups:
        return
    yield from labels(groups)
    for group in groups:
        yield from realness(group)
    yield from between_settings(groups)
    yield from real_images.observations(groups)


def _compared(study: Study) -> list[Group]:
    """Return the trainings that part 2 compares, each with the other seeds of its setting."""
    return [with_seeds(study.groups, training) for training in study.for_interpolation]


def _figure(path: Interpolation, groups: Sequence[Group]) -> Figure:
    """Return the pictures of one pair: of the first training, of others, and the pixel blend."""
    first, data = groups[0].first, groups[0].first.dataset
    rows = [(groups[0].label, path.pixels)]
    drawn = [groups[0]]
    for group in groups[1:MAX_ROWS]:
        paths = [p for p in group.first.interpolations if pair_of(p) == pair_of(path)]
        rows += [(group.label, other.pixels) for other in paths]
        drawn += [group for _ in paths]
    of_first = f" of {groups[0].label}" if len(drawn) > 1 else ""
    pair = data.pair(path.digit_a, path.digit_b)
    caption = (
        f"From {pair}: decoded pictures in {shown(drawn)}, and the pixel blend of the "
        f"ends{of_first}, with f and the label of the decoded picture{of_first}."
    )
    return Figure(
        key=figure_key(path),
        picture=charts.interpolation(path, data, rows),
        alt=_alt(path, data, groups[0].label),
        caption=caption if path is first.interpolations[0] else f"The same from {pair}.",
        width=0.9,
    )


def _method(groups: Sequence[Group]) -> str:
    """Say how the pictures were made, and of which network."""
    training = groups[0].first
    setting, data = training.spec.setting, training.dataset
    text = (
        f"The mean code of each {data.noun} is taken over its test images. Between two such means "
        "a and b the codes (1 − f) a + f b are decoded, for f = 0.0, 0.1 to 1.0. For comparison "
        "the two end pictures are blended pixel by pixel with the same weights. The label of a "
        f"picture is the {data.noun} of the test image nearest to it in MSE; that MSE says how "
        "near the picture is to real images, and favours blurred pictures; pixels are not clipped "
        "to 0..1. Between mean codes, MSEs of decoded pictures and blends that differ by less than "
        f"{100 * EQUAL:.0f}% count as equal. The figures show {groups[0].label} "
        f"(latent size {setting.latent_size}, seed {training.spec.seed})"
    )
    if len(groups) == 1:
        return f"{text}."
    those = listing(group.label for group in groups)
    asked = ", either of which the assignment admits" * all(
        g.setting.name in INTERPOLATED for g in groups
    )
    return (
        f"{text} first: of {those}{asked}, {_why(groups)}. "
        f"{ref('table-interpolation')} measures them."
    )


def _why(groups: Sequence[Group]) -> str:
    """Say by what rule the first was chosen, and whether it leads in every seed."""
    lowest = "lowest" if len(groups) > 2 else "lower"
    first, *others = ([mean_ratio(training) for training in g.trainings] for g in groups)
    if max(first) <= min(min(ratios) for ratios in others) - EQUAL:
        return f"it has the {lowest} ratio to the blends, averaged over the pairs"
    return (
        "it is chosen by a rule, the lowest mean MSE among those whose ratio to the blends, "
        f"averaged over the pairs, is within {EQUAL:g} of the lowest"
    )


def _alt(path: Interpolation, data: DatasetRecord, label: str) -> str:
    names = listing(data.name_of(c) for c in path.nearest_digit.tolist())
    return (
        f"Rows of eleven decoded pictures from {data.pair(path.digit_a, path.digit_b)}; those in "
        f"{label} are labelled {names}. Below, the pixel blend of its first and last picture."
    )


def _table(groups: Sequence[Group]) -> Table:
    """Return how near the pictures are to test images, one row per setting and pair."""
    seeds = " Means over the seeds, with the range of the ratio." if has_seeds(groups) else ""
    noun, some = groups[0].first.dataset.noun, " in some seed" * has_seeds(groups)
    if any(left_out_pairs(group.trainings) for group in groups):
        seeds += f" {ASTRAY}: not compared, since an end decodes to another {noun}{some}."
    return Table(
        key="table-interpolation",
        caption="Mean MSE to the nearest test image over the steps between the ends, 0 < f < 1."
        + seeds,
        columns=(
            ("Training", "left"), ("Latent", "right"), ("Pair", "left"), ("Decoded", "right"),
            ("Blend", "right"), ("Decoded / blend", "right"),
        ),
        rows=[row for group in groups for row in _rows(group)],
    )  # fmt: skip


ASTRAY = "†"
"""Marks a ratio that nothing is concluded from."""


def _rows(group: Group) -> Iterator[list[str]]:
    known, left_out = distances_by_pair(group.trainings), left_out_pairs(group.trainings)
    for path in group.first.interpolations:
        each = known.get(pair_of(path), [])
        yield [
            group.label,
            str(group.setting.latent_size),
            group.first.dataset.pair(*pair_of(path)),
            format_mse(_mean([d.decoded for d in each])) if each else UNKNOWN,
            format_mse(_mean([d.blended for d in each])) if each else UNKNOWN,
            (ranged([d.ratio for d in each], "{:.3f}".format) if each else UNKNOWN)
            + f" {ASTRAY}" * (pair_of(path) in left_out),
        ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def figure_key(path: Interpolation) -> str:
    """Return the key of the figure that shows this pair."""
    return f"figure-pair-{path.digit_a}-{path.digit_b}"


def labels(groups: Sequence[Group]) -> Iterator[Observation]:
    """Say of the networks in the figures where the labels change, and what lies between."""
    told: dict[str, list[Group]] = {}
    numbers: dict[str, Estimate] = {}
    for group in groups[:MAX_ROWS]:
        changes = _changes(group)
        if text := _labels(group, changes):
            told.setdefault(text, []).append(group)
        for f, pairs in changes.items():
            numbers |= {f"{group.label}, {pair}": Estimate(f) for pair in pairs}
    if not told:
        return
    is_left_out = any(
        astray(path) for group in groups[:MAX_ROWS] for path in group.first.interpolations
    )
    text = " ".join(f"In {shown(those)} {text}." for text, those in told.items())
    yield Observation(
        kind="labels on the path",
        numbers=numbers,
        text=text + _left_out(groups) * is_left_out,
        see=tuple(figure_key(path) for path in groups[0].first.interpolations),
    )


def _left_out(groups: Sequence[Group]) -> str:
    any_seed = " in any seed" * has_seeds(groups)
    return f" Observations on the blends leave out pairs with such an end{any_seed}."


def _changes(group: Group) -> dict[float, list[str]]:
    """Return the pairs on whose path the label changes once, by the step where it does."""
    changes: dict[float, list[str]] = {}
    for path in group.first.interpolations:
        if _changes_once(path):
            pair = group.first.dataset.pair(*pair_of(path))
            changes.setdefault(segments(path)[1].first, []).append(pair)
    return changes


def _changes_once(path: Interpolation) -> bool:
    return tuple(segment.label for segment in segments(path)) == pair_of(path)


def _labels(group: Group, changes: dict[float, list[str]]) -> str:
    """Return `the label changes once from 1 to 7 at f = 0.3; from 4 to 9 the labels are ...`."""
    data = group.first.dataset
    once = [f"{listing(pairs)} at {format_fraction(f)}" for f, pairs in changes.items()]
    parts = [f"the label changes once {listing(f'from {part}' for part in once)}"] if once else []
    for path in group.first.interpolations:
        if not _changes_once(path):
            pair = data.pair(*pair_of(path))
            ends = listing(
                f"the mean code of the {data.many_of(own)} decodes to a picture labelled "
                f"{data.name_of(label)}"
                for own, label in astray(path)
            )
            labelled = f"from {pair} the labels are {_path(segments(path), data)}"
            parts.append(f"{labelled}: {ends}" if ends else labelled)
    return "; ".join(parts)


def _path(way: Sequence[Segment], data: DatasetRecord) -> str:
    if len(way) > MANY_LABELS:
        return f"in turn {listing(data.name_of(segment.label) for segment in way)}"
    return listing(f"{data.name_of(segment.label)} ({_interval(segment)})" for segment in way)


def _interval(segment: Segment) -> str:
    if segment.first == segment.last:
        return format_fraction(segment.first)
    return f"{format_fraction(segment.first)} to {segment.last:.1f}"


def realness(group: Group) -> Iterator[Observation]:
    """Compare decoded pictures with pixel blends, pair by pair, and say where seeds disagree.

    A pair one of whose mean codes decodes to another class is not compared.
    """
    compared = compared_by_pair(group.trainings)
    if not compared:
        return
    ratios = {pair: [d.ratio for d in each] for pair, each in compared.items()}
    verdicts = {pair: judged_by_all(each) for pair, each in compared.items()}
    agreed = {pair: each for pair, each in ratios.items() if verdicts[pair]}
    data, told = group.first.dataset, list[str]()
    if agreed:
        where = group.label + " (one seed)" * (len(group.trainings) == 1)
        told.append(f"the decoded pictures in {where} lie {_against_blends(group, agreed)}")
    if mixed := [_mixed(data.pair(*pair), ratios[pair]) for pair in ratios.keys() - agreed.keys()]:
        two = "the two" if agreed else f"decoded pictures and blends of {group.label}"
        threshold = f"differ by {100 * EQUAL:.0f}% or more"
        told.append(f"whether {two} {threshold} depends on the seed {listing(sorted(mixed))}")
    yield Observation(
        kind=f"decoded beside blended, {group.label}",
        numbers={data.pair(*pair): values_over_seeds(each) for pair, each in ratios.items()},
        text=f"Averaged over the steps between the ends, {'; '.join(told)}.",
        see=("table-interpolation",),
        intuition=BENDS if set(verdicts.values()) == {"nearer"} else "",
    )


def _mixed(pair: str, ratios: Sequence[float]) -> str:
    low, high = min(ratios), max(ratios)
    return f"from {pair} ({low:.3f} to {high:.3f} times the MSE of the blends)"


COMPARED: dict[Verdict, tuple[str, str]] = {
    "nearer": ("nearer", "to test images than the pixel blends"),
    "further": ("further", "from test images than the pixel blends"),
    "same": ("as near", "to test images as the pixel blends"),
}


def _against_blends(group: Group, ratios: dict[Pair, list[float]]) -> str:
    """Return `nearer to test images than the pixel blends from 1 to 7 (by 12%), and ...`."""
    data, parts = group.first.dataset, list[str]()
    for verdict, (word, than) in COMPARED.items():
        pairs = {pair: each for pair, each in ratios.items() if judged(each[0]) == verdict}
        if not pairs:
            continue
        words = word if parts else f"{word} {than}"
        every = len(pairs) == len(group.first.interpolations) > 1
        where = [f"for all {len(pairs)} pairs"] if every else []
        if not every or verdict != "same":
            where.append(f"from {listing(_pair(pair, each, data) for pair, each in pairs.items())}")
        within = f" (within {100 * EQUAL:.0f}%)" if verdict == "same" else ""
        parts.append(f"{words}{within} {': '.join(where)}")
    return listing(parts)


def _pair(pair: Pair, ratios: Sequence[float], data: DatasetRecord) -> str:
    if judged(ratios[0]) == "same":
        return data.pair(*pair)
    by = ranged([abs(1 - round(ratio, 3)) for ratio in ratios], format_percent, inside=True)
    return f"{data.pair(*pair)} (by {by})"


def between_settings(groups: Sequence[Group]) -> Iterator[Observation]:
    """Say which of two networks decodes nearer to test images, if it does so for every pair."""
    if len(groups) == 2:
        yield from _nearer(groups[0], groups[1])
        yield from _nearer(groups[1], groups[0])


def _nearer(near: Group, far: Group) -> Iterator[Observation]:
    """Say that every seed of one setting decodes nearer to test images than any of the other."""
    known = [compared_by_pair(group.trainings) for group in (near, far)]
    shared = sorted(known[0].keys() & known[1].keys())
    ours, theirs = ({pair: [d.decoded for d in each[pair]] for pair in shared} for each in known)
    if not shared or any(max(ours[p]) > (1 - EQUAL) * min(theirs[p]) for p in shared):
        return
    means = [_mean([_mean(side[pair]) for pair in shared]) for side in (ours, theirs)]
    blends = [_mean([d.blended for pair in shared for d in each[pair]]) for each in known]
    data, every = near.first.dataset, len(shared) == len(near.first.interpolations) > 1
    pairs = "for every pair" if every else f"from {listing(data.pair(*p) for p in shared)}"
    text = capitalized(
        f"{pairs} the decoded pictures of {near.label} ({near.setting.latent_size} dimensions) are "
        f"nearer to test images than those of {far.label} ({far.setting.latent_size}): "
        f"{format_mse(means[0])} against {format_mse(means[1])} on average (the blends of their "
        f"ends: {format_mse(blends[0])} against {format_mse(blends[1])})"
    )
    yield Observation(
        kind="decoded beside decoded",
        numbers={near.label: Estimate(means[0]), far.label: Estimate(means[1])},
        text=f"{text}.",
        see=("table-interpolation",),
    )
