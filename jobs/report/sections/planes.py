"""Part 3: the plane of the codes beside PCA's, and the codes of all settings beside PCA's."""

from collections.abc import Iterator, Sequence

import numpy as np

from aemodel.evaluation import NEIGHBOURHOOD
from jobs.report.analysis.estimate import Estimate, over_seeds
from jobs.report.analysis.groups import Group
from jobs.report.analysis.neighbours import K, Neighbours
from jobs.report.analysis.noise import share_difference
from jobs.report.analysis.seeds import has_seeds, ranged, with_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Observation, Table
from jobs.report.records import PlaneQuality
from jobs.report.wording import UNKNOWN, format_percent, listing


def blocks(study: Study) -> Iterator[Block]:
    """Yield the measures of both planes, and the votes in all spaces."""
    yield from _both_planes(study)
    rows = [_votes(group) for group in study.groups if group.mean("knn_accuracy_pca") is not None]
    if rows:
        yield Table(
            key="table-votes",
            caption=f"Test images whose {study.dataset.noun} the {K} nearest training images vote "
            "for: nearest in the codes, in PCA's codes of the same size, and in pixels."
            + " Means over the seeds." * has_seeds(study.groups),
            columns=(
                ("Training", "left"), ("Latent", "right"), ("Codes", "right"), ("PCA", "right"),
                ("Pixels", "right"),
            ),
            rows=rows,
        )  # fmt: skip


def _both_planes(study: Study) -> Iterator[Block]:
    training, both = study.for_embedding, study.planes_beside_pca
    if training is None or not both or not all(study.planes[0]):
        return
    data, group = training.dataset, with_seeds(study.groups, training)
    owns, linear = zip(*both, strict=True)
    yield Table(
        key="table-planes",
        caption=f"Both planes. Vote: test images whose {data.noun} the {K} nearest other test "
        f"images in the plane vote for. Same {data.noun}: share of these neighbours. "
        "Trustworthiness (1 is best) is lowered by points that are neighbours in the plane but not "
        "in pixels, continuity by those that are neighbours in pixels but not in the plane; over "
        f"{_measured(len(owns[0].labels))} test images."
        + " Means over the seeds." * (len(both) > 1),
        columns=(
            ("Plane", "left"), ("Vote", "right"), (f"Same {data.noun}", "right"),
            ("Trustworthiness", "right"), ("Continuity", "right"),
        ),
        rows=[
            _plane(group.label, owns, [t.plane for t in group.trainings]),
            _plane("PCA", linear, [t.pca_plane for t in group.trainings]),
        ],
    )  # fmt: skip


def _measured(images: int) -> str:
    """Return `2,000 of the`, or `all`."""
    return f"{NEIGHBOURHOOD:,} of the" if images > NEIGHBOURHOOD else "all"


def _plane(
    name: str, each: Sequence[Neighbours], qualities: Sequence[PlaneQuality | None]
) -> list[str]:
    """Return the measures of one plane, as means over the seeds."""
    known = [(quality.trustworthiness, quality.continuity) for quality in qualities if quality]
    return [
        name,
        _share(float(np.mean([neighbours.vote for neighbours in each]))),
        _share(float(np.mean([neighbours.same for neighbours in each]))),
        *([f"{mean:.3f}" for mean in np.mean(known, axis=0)] if known else [UNKNOWN] * 2),
    ]


def _votes(group: Group) -> list[str]:
    shares = (group.mean(f"knn_accuracy{of}") for of in ("", "_pca", "_pixels"))
    return [
        group.label,
        str(group.setting.latent_size),
        *(UNKNOWN if share is None else format_percent(share, 1) for share in shares),
    ]


def beside_pca(study: Study) -> Iterator[Observation]:
    """Say whether neighbours in the plane are more often of the same class than in PCA's."""
    training = study.for_embedding
    if training is None:
        return
    group = with_seeds(study.groups, training)
    both = study.planes_beside_pca
    if not both:
        return
    lead = over_seeds([own.lead_over(linear) for own, linear in both])
    if not (lead.is_positive or lead.is_negative):
        return
    ours, pca = ranged([own.same for own, _ in both], _share, inside=True), both[0][1].same
    yield Observation(
        kind="plane beside PCA's",
        numbers={"lead": lead},
        text=f"In PCA's plane {_share(pca)} of the {K} nearest neighbours are of the same "
        f"{training.dataset.noun}, {'less' if lead.is_positive else 'more'} than in the plane "
        f"of {group.label} ({ours}).",
        see=("figure-embedding", "table-planes"),
    )


def _share(share: float) -> str:
    return format_percent(share, decimals=1)


def codes_beside_pca(study: Study) -> Iterator[Observation]:
    """Say which codes name the class more often than PCA's codes and pixels, and which less."""
    parts: list[str] = []
    numbers: dict[str, Estimate] = {}
    for field, words in (
        ("knn_accuracy_pca", "PCA's codes"),
        ("knn_accuracy_pixels", "raw pixels"),
    ):
        gains = dict(_gains(study.sound, field))
        numbers |= {f"{label}, {words}": gain for label, gain in gains.items()}
        wins = listing(label for label, gain in gains.items() if gain.is_positive)
        losses = listing(label for label, gain in gains.items() if gain.is_negative)
        beaten = f"those among {words}"
        verbs = [f"beat {beaten} in {wins}"] if wins else []
        if losses:
            verbs.append(f"lose to {'them' if wins else beaten} in {losses}")
        if verbs:
            parts.append(f"{'they ' * bool(parts)}{listing(verbs)}")
    if parts:
        yield Observation(
            kind="codes beside PCA and pixels",
            numbers=numbers,
            text=f"In naming the {study.dataset.noun}, the {K} nearest neighbours among the codes "
            f"{'; '.join(parts)}.",
            see=("table-votes",),
        )


def _gains(groups: Sequence[Group], field: str) -> Iterator[tuple[str, Estimate]]:
    """Yield by how much the codes of each setting are better, in every seed or in none."""
    for group in groups:
        both = [(t.knn_accuracy, getattr(t, field)) for t in group.trainings]
        images = 0 if group.first.labels is None else len(group.first.labels)
        known = [(own, other) for own, other in both if own is not None and other is not None]
        if known:
            gains = [share_difference(own, other, images) for own, other in known]
            yield group.label, over_seeds(gains)
