"""Part 3: the plane of the codes beside PCA's, and the codes of all settings beside PCA's."""

from collections.abc import Iterator, Sequence

from aemodel.evaluation import NEIGHBOURHOOD
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import Group, setting_name
from jobs.report.analysis.neighbours import K, Neighbours
from jobs.report.analysis.noise import share_difference
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Observation, Table
from jobs.report.records import PlaneQuality
from jobs.report.wording import UNKNOWN, capitalized, format_percent, listing


def blocks(study: Study) -> Iterator[Block]:
    """Yield the measures of both planes, and the votes in all spaces."""
    yield from _both_planes(study)
    rows = [_votes(group) for group in study.groups if group.mean("knn_accuracy_pca") is not None]
    if rows:
        yield Table(
            key="table-votes",
            caption=f"Test images whose {study.dataset.noun} the {K} nearest training images vote "
            "for: nearest in the codes, in PCA's codes of the same size, and in pixels.",
            columns=(
                ("Training", "left"), ("Latent", "right"), ("Codes", "right"), ("PCA", "right"),
                ("Pixels", "right"),
            ),
            rows=rows,
        )  # fmt: skip


def _both_planes(study: Study) -> Iterator[Block]:
    training, own, linear = study.for_embedding, study.neighbours, study.pca_neighbours
    if training is None or training.pca_xy is None or own is None or linear is None:
        return
    data, name = training.dataset, setting_name(training.spec.setting)
    yield Table(
        key="table-planes",
        caption=f"Both planes. Vote: images whose {data.noun} their {K} nearest in the plane vote "
        f"for. Same {data.noun}: share of these neighbours. Trustworthiness and continuity (1 is "
        "best) fall with neighbours in the plane that are none in pixels, and with neighbours in "
        f"pixels that are none in the plane, over {_measured(len(own.labels))} test images.",
        columns=(
            ("Plane", "left"), ("Vote", "right"), (f"Same {data.noun}", "right"),
            ("Trustworthiness", "right"), ("Continuity", "right"),
        ),
        rows=[
            _plane(name, own, training.plane),
            _plane("PCA", linear, training.pca_plane),
        ],
    )  # fmt: skip


def _measured(images: int) -> str:
    """Return `the first 2,000`, or `all`."""
    return f"the first {NEIGHBOURHOOD:,}" if images > NEIGHBOURHOOD else "all"


def _plane(name: str, neighbours: Neighbours, quality: PlaneQuality | None) -> list[str]:
    return [
        name,
        format_percent(neighbours.vote, 1),
        format_percent(neighbours.same, 1),
        UNKNOWN if quality is None else f"{quality.trustworthiness:.3f}",
        UNKNOWN if quality is None else f"{quality.continuity:.3f}",
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
    training, own, linear = study.for_embedding, study.neighbours, study.pca_neighbours
    if training is None or own is None or linear is None:
        return
    lead = own.lead_over(linear)
    if not (lead.is_positive or lead.is_negative):
        return
    yield Observation(
        kind="plane beside PCA's",
        numbers={"lead": lead},
        text=f"In PCA's plane {format_percent(linear.same)} of the {K} nearest neighbours are of "
        f"the same {training.dataset.noun}, {'less' if lead.is_positive else 'more'} than in that "
        f"of {setting_name(training.spec.setting)} ({format_percent(own.same)}).",
        see=("figure-embedding", "table-planes"),
    )


def codes_beside_pca(study: Study) -> Iterator[Observation]:
    """Say which codes name the class more often than PCA's codes and pixels, and which less."""
    parts: list[str] = []
    numbers: dict[str, Estimate] = {}
    for field, words in (
        ("knn_accuracy_pca", "PCA's codes"),
        ("knn_accuracy_pixels", "the pixels"),
    ):
        gains = dict(_gains(study.sound, field))
        numbers |= {f"{label}, {words}": gain for label, gain in gains.items()}
        for verb, labels in (
            ("more", [label for label, gain in gains.items() if gain.is_positive]),
            ("less", [label for label, gain in gains.items() if gain.is_negative]),
        ):
            if labels:
                parts.append(f"{verb} often than {words} in {listing(labels)}")
    if parts:
        yield Observation(
            kind="codes beside PCA and pixels",
            numbers=numbers,
            text=capitalized(
                f"the {K} nearest training images by code name the {study.dataset.noun} "
                f"{listing(parts)}."
            ),
            see=("table-votes",),
        )


def _gains(groups: Sequence[Group], field: str) -> Iterator[tuple[str, Estimate]]:
    for group in groups:
        own, other = group.mean("knn_accuracy"), group.mean(field)
        if own is not None and other is not None:
            labels = group.first.labels
            yield group.label, share_difference(own, other, 0 if labels is None else len(labels))
