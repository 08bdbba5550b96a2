"""Part 2, beyond the assignment: paths between single test images instead of mean codes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from aemodel.real_images import PAIRS
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate, over_seeds, values_over_seeds
from jobs.report.analysis.groups import Group
from jobs.report.analysis.interpolation import share_nearer_centre
from jobs.report.analysis.real_images import KINDS, Halfway, halfway, mean_radius
from jobs.report.analysis.seeds import has_seeds, ranged, shown
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, ref
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_mse, format_percent, listing, signed_percent

SEE = ("table-real-images",)
LEAST = 0.0005
"""Least difference that is stated: smaller ones are 0.0% in print, and may be of rounding alone."""
NEARLY_AFFINE = 0.1
"""Difference between affine shares from which on it is told."""
FEW = 0.05
"""Share of the codes near the centre that is called few."""
AFFINE = "An affine decoder takes a straight line between codes to the pixel blend of its ends."

Measured = list[tuple[Group, dict[str, list[Halfway]]]]
"""Settings, and for each of `KINDS` what lies halfway, in each of their seeds."""


def blocks(groups: Sequence[Group]) -> Iterator[Block]:
    """Yield paths between single images, and their measures; nothing if none were recorded."""
    measured = _measured(groups)
    if not measured:
        return
    group = measured[0][0]
    first, found, label = group.first, group.first.real_interpolations, shown([group])
    noun = first.dataset.noun
    yield Heading("Between single test images", 2)
    yield Paragraph(
        f"Beyond the assignment, {PAIRS} random pairs of test images of the same {noun} and as "
        f"many of different {first.dataset.nouns} are interpolated: on the straight line between "
        "their codes, and on an arc about the mean of all codes (spherical). "
        f"{ref('table-real-images')} measures what lies halfway."
    )
    if found is not None:
        yield Figure(
            key="figure-real-images",
            picture=charts.real_interpolations(found, first.dataset),
            alt=f"Paths between two test images of the same {noun}, and of different ones: linear, "
            "spherical, and the pixel blend of the decoded ends.",
            caption=f"The first pair of each kind in {label}: linear and spherical paths, and the "
            "pixel blend of the decoded ends.",
            width=0.85,
        )
    seeds = " Of several seeds: means, and an interval that spans theirs."
    yield Table(
        key="table-real-images",
        caption="Halfway between single test images: mean MSE to the nearest other test image, and "
        "by which share the linear path is nearer than the blend (gain), with its 95% interval "
        f"over the pairs.{seeds * has_seeds(groups)}",
        columns=(
            ("Training", "left"), ("Pairs", "left"), ("Linear", "right"), ("Spherical", "right"),
            ("Blend", "right"), ("Gain over blend", "right"),
        ),
        rows=[_row(group, kind, paths[kind]) for group, paths in measured for kind in KINDS],
    )  # fmt: skip


def _measured(groups: Sequence[Group]) -> Measured:
    """Return the settings whose first training recorded such paths."""
    return [
        (group, {kind: [each[kind] for each in halves] for kind in KINDS})
        for group in groups
        if _halfway(group.first) and (halves := list(filter(None, map(_halfway, group.trainings))))
    ]


def _halfway(training: TrainingRecord) -> dict[str, Halfway]:
    """Return what lies halfway; nothing if it was not recorded or is not finite."""
    found = training.real_interpolations
    return halfway(found) if found is not None and np.isfinite(found.distances).all() else {}


def _pairs(group: Group, kind: str) -> str:
    """Return `same digit`, or `different digits`."""
    data = group.first.dataset
    return f"{kind} {data.noun if kind == 'same' else data.nouns}"


def _row(group: Group, kind: str, each: Sequence[Halfway]) -> list[str]:
    means = np.mean([(path.linear, path.spherical, path.blend) for path in each], axis=0)
    return [
        group.label,
        _pairs(group, kind),
        *map(format_mse, means.tolist()),
        _gain([path.gain for path in each]),
    ]


def _gain(each: Sequence[Estimate]) -> str:
    """Return `18.2% (15.0 to 21.4)`."""
    gain = over_seeds(each)
    low, high = gain.interval or (gain.value, gain.value)
    value, least, most = (signed_percent(share, 1) for share in (gain.value, low, high))
    return f"{value} ({least.rstrip('%')} to {most.rstrip('%')})"


def observations(groups: Sequence[Group]) -> Iterator[Observation]:
    """Yield what holds of the paths between single images, and of where mean codes lie."""
    measured = _measured(groups)
    yield from beside_blends(measured)
    yield from where_means_lie(groups)
    yield from affine(groups)


def beside_blends(measured: Measured) -> Iterator[Observation]:
    """Say where the linear path is nearer to other images than the blend, and where further."""
    gains = {
        f"{group.label}, {_pairs(group, kind)}": [path.gain for path in paths[kind]]
        for group, paths in measured
        for kind in KINDS
    }
    parts = [
        f"{verdict} other test images by {listed}"
        for verdict in VERDICTS
        if (listed := _listed(gains, verdict))
    ]
    if parts:
        yield Observation(
            kind="single images, decoded beside blended",
            numbers={name: over_seeds(each) for name, each in gains.items()},
            text="Halfway along the straight line between the codes of single images the decoded "
            f"pictures are, compared with the blends, {listing(parts)}.",
            see=SEE,
        )


VERDICTS = ("nearer to", "further from")


def _listed(shares: dict[str, list[Estimate]], verdict: str) -> str:
    """Return `18% (setting 2, same digit) and ...` of those with this verdict in every seed."""
    return listing(
        ranged([abs(share.value) for share in each], of=name)
        for name, each in shares.items()
        if _direction(over_seeds(each)) == verdict
    )


def _direction(share: Estimate) -> str:
    """Return one of `VERDICTS`; nothing within the noise, or for a share that rounds to nothing."""
    if abs(share.value) < LEAST:
        return ""
    return VERDICTS[0] if share.is_positive else VERDICTS[1] if share.is_negative else ""


def where_means_lie(groups: Sequence[Group]) -> Iterator[Observation]:
    """Say how far out the mean codes lie, beside the codes they are means of."""
    radii = {group.label: each for group in groups if (each := _each(group, _radius))}
    shares = {group.label: each for group in groups if (each := _each(group, share_nearer_centre))}
    if not radii or not shares:
        return
    data = groups[0].first.dataset
    out = listing(ranged(each, "{:.2f}".format, of=name) for name, each in radii.items())
    if any(any(each) for each in shares.values()):
        close = listing(ranged(each, _share, of=name) for name, each in shares.items())
        close = f"on average {close} of the {data.noun}'s own codes are"
    else:
        close = f"none of the {data.noun}'s own codes is"
    alone = [name for name, each in shares.items() if max(each) <= FEW]
    yield Observation(
        kind="where mean codes lie",
        numbers=_numbers("radius, ", radii) | _numbers("codes as near, ", shares),
        text=f"A {data.noun}'s mean code is {out} times as far from the centre of all codes as its "
        f"codes typically are (their median, averaged over the {data.nouns} of the pairs); {close} "
        "that close to it.",
        intuition=_alone(alone) if alone else "",
    )


def _alone(labels: Sequence[str]) -> str:
    """Explain mean codes that lie where few codes are, in the settings where they do."""
    return (
        f"In {listing(labels)} the mean codes of these pairs lie nearer to the centre than nearly "
        "all codes they are means of: a mean averages away what codes differ in. Nothing in the "
        "loss asks the decoder for a real image there, so it need not make one."
    )


def affine(groups: Sequence[Group]) -> Iterator[Observation]:
    """Say how nearly affine each decoder is."""
    shares = {g.label: each for g in groups if (each := g.values("decoder_affine_share"))}
    if not shares:
        return
    means = [float(np.mean(each)) for each in shares.values()]
    listed = listing(ranged(each, of=name) for name, each in shares.items())
    yield Observation(
        kind="affine share of the decoder",
        numbers=_numbers("", shares),
        text=f"An affine function of the code explains {listed} of the variance of the decoded "
        "test images.",
        intuition=AFFINE if max(means) - min(means) >= NEARLY_AFFINE else "",
    )


def _each(group: Group, measure: Callable[[TrainingRecord], float | None]) -> list[float]:
    """Return what is measured of each seed, of those where it can be."""
    return [value for t in group.trainings if (value := measure(t)) is not None]


def _numbers(prefix: str, values: dict[str, list[float]]) -> dict[str, Estimate]:
    return {f"{prefix}{name}": values_over_seeds(each) for name, each in values.items()}


def _share(share: float) -> str:
    if share == 0:
        return "none"
    return "fewer than 0.1%" if share < 0.0005 else format_percent(share)


def _radius(training: TrainingRecord) -> float | None:
    codes, labels = training.codes, training.labels
    if codes is None or labels is None or not np.isfinite(codes).all():
        return None
    classes = sorted({c for p in training.interpolations for c in (p.digit_a, p.digit_b)})
    return mean_radius(codes.astype(np.float64), labels, classes)
