"""Part 2, beyond the assignment: ways between single test images instead of mean codes."""

from collections.abc import Iterator

import numpy as np

from aemodel.real_images import PAIRS, RealInterpolations
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import setting_name
from jobs.report.analysis.interpolation import share_nearer_centre
from jobs.report.analysis.real_images import KINDS, Halfway, halfway, mean_radius
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, ref
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_mse, format_percent, listing

SEE = ("table-real-images",)
LEAST = 0.0005
"""Least difference that is stated: smaller ones are 0.0% in print, and may be of rounding alone."""
NEARLY_AFFINE = 0.1
"""Difference between affine shares from which on it is told."""
AFFINE = (
    "An affine decoder takes a straight line between codes to the pixel blend of its ends. The "
    "more of a decoder is affine, the less its way can differ from the blend."
)

Measured = list[tuple[TrainingRecord, RealInterpolations, dict[str, Halfway]]]


def blocks(study: Study) -> Iterator[Block]:
    """Yield ways between single images, and their measures; nothing if none were recorded."""
    measured = _measured(study)
    if not measured:
        return
    first, found, _ = measured[0]
    noun = first.dataset.noun
    yield Heading("Between single test images", 2)
    yield Paragraph(
        f"Beyond the assignment, {PAIRS} random pairs of test images of the same {noun} and as "
        f"many of different {first.dataset.nouns} are interpolated: on the straight line between "
        "their codes, and on an arc about the mean of all codes (spherical). "
        f"{ref('table-real-images')} measures what lies halfway."
    )
    yield Figure(
        key="figure-real-images",
        picture=charts.real_interpolations(found, first.dataset),
        alt=f"Ways between two test images of the same {noun}, and of different ones: linear, "
        "spherical, and the pixel blend of the decoded ends.",
        caption=f"The first pair of each kind in {setting_name(first.spec.setting)}: linear and "
        "spherical ways, and the pixel blend of the decoded ends.",
        width=0.85,
    )
    yield Table(
        key="table-real-images",
        caption="Halfway between single test images: mean MSE to the nearest other test image, and "
        "by which share the linear way is nearer than the blend, with its 95% interval over the "
        "pairs.",
        columns=(
            ("Training", "left"), ("Pairs", "left"), ("Linear", "right"), ("Spherical", "right"),
            ("Blend", "right"), ("Linear nearer by", "right"),
        ),
        rows=[
            _row(training, kind, ways[kind]) for training, _, ways in measured for kind in KINDS
        ],
    )  # fmt: skip


def _measured(study: Study) -> Measured:
    return [
        (training, training.real_interpolations, halfway(training.real_interpolations))
        for training in study.for_interpolation
        if training.real_interpolations is not None
        and np.isfinite(training.real_interpolations.distances).all()
    ]


def _pairs(training: TrainingRecord, kind: str) -> str:
    """Return `same digit`, or `different digits`."""
    data = training.dataset
    return f"{kind} {data.noun if kind == 'same' else data.nouns}"


def _row(training: TrainingRecord, kind: str, way: Halfway) -> list[str]:
    low, high = way.gain.interval or (way.gain.value, way.gain.value)
    value, least, most = (format_percent(share, 1) for share in (way.gain.value, low, high))
    interval = f"{value} ({least.rstrip('%')} to {most.rstrip('%')})"
    return [
        setting_name(training.spec.setting),
        _pairs(training, kind),
        format_mse(way.linear),
        format_mse(way.spherical),
        format_mse(way.blend),
        interval,
    ]


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the ways between single images, and of where mean codes lie."""
    measured = _measured(study)
    yield from beside_blends(measured)
    yield from spherical(measured)
    yield from geometry(study)


def beside_blends(measured: Measured) -> Iterator[Observation]:
    """Say where the linear way is nearer to other images than the blend, and where further."""
    told: dict[str, list[str]] = {"nearer to": [], "further from": []}
    numbers: dict[str, Estimate] = {}
    for training, _, ways in measured:
        for kind in KINDS:
            gain = ways[kind].gain
            name = f"{setting_name(training.spec.setting)}, {_pairs(training, kind)}"
            numbers[name] = gain
            if words := _direction(gain):
                told[words].append(f"{format_percent(abs(gain.value))} ({name})")
    parts = [f"{words} other test images by {listing(by)}" for words, by in told.items() if by]
    if parts:
        yield Observation(
            kind="single images, decoded beside blended",
            numbers=numbers,
            text="Halfway between single images the decoded pictures are, compared with the "
            f"blends, {listing(parts)}.",
            see=SEE,
        )


def _direction(share: Estimate) -> str:
    """Return `nearer to` or `further from`; nothing within the noise, or for a share that rounds
    to nothing."""
    if abs(share.value) < LEAST:
        return ""
    return "nearer to" if share.is_positive else "further from" if share.is_negative else ""


def spherical(measured: Measured) -> Iterator[Observation]:
    """Say where the arc is nearer to other images than the straight line, or further."""
    bends = {
        f"{setting_name(training.spec.setting)}, {_pairs(training, kind)}": ways[kind].bend
        for training, _, ways in measured
        for kind in KINDS
    }
    for verdict in ("nearer to", "further from"):
        if names := [name for name, bend in bends.items() if _direction(bend) == verdict]:
            listed = listing(f"{format_percent(abs(bends[n].value))} ({n})" for n in names)
            yield Observation(
                kind=f"spherical {verdict} images",
                numbers={name: bends[name] for name in names},
                text="Halfway, the spherical way is "
                f"{verdict} other test images than the linear one by {listed}.",
                see=SEE,
            )


def geometry(study: Study) -> Iterator[Observation]:
    """Say how far out the mean codes lie, and how nearly affine each decoder is."""
    radii = {
        setting_name(t.spec.setting): radius
        for t in study.for_interpolation
        if (radius := _radius(t)) is not None
    }
    shares = {
        setting_name(t.spec.setting): t.decoder_affine_share
        for t in study.for_interpolation
        if t.decoder_affine_share is not None
    }
    nearer = {
        setting_name(t.spec.setting): share
        for t in study.for_interpolation
        if (share := share_nearer_centre(t)) is not None
    }
    data = study.for_interpolation[0].dataset
    if radii and nearer:
        out = listing(f"{radius:.2f} ({name})" for name, radius in radii.items())
        few = listing(f"{_share(share)} ({name})" for name, share in nearer.items())
        yield Observation(
            kind="where mean codes lie",
            numbers={f"radius, {name}": Estimate(radius) for name, radius in radii.items()}
            | {f"codes as near, {name}": Estimate(share) for name, share in nearer.items()},
            text=f"The mean code of a {data.noun} lies at {out} of the median distance of its "
            f"codes from the centre of all codes, averaged over the {data.nouns} of the pairs; "
            f"{few} of these codes lie as near to it as their mean.",
        )
    if shares:
        affine = listing(f"{format_percent(share)} ({name})" for name, share in shares.items())
        spread = max(shares.values()) - min(shares.values())
        yield Observation(
            kind="affine share of the decoder",
            numbers={name: Estimate(share) for name, share in shares.items()},
            text=f"An affine map of the codes gives {affine} of the variance of the decoded test "
            "images.",
            intuition=AFFINE if spread >= NEARLY_AFFINE else "",
        )


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
