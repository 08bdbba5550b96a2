"""Records to the content of the document: a title, blocks in order, and figure files.

The content is plain data (it is written to `submission.json`), so that the Typst template and the
Markdown writer need only walk it. The kinds of blocks are those of `draft`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.report import charts, findings, tables
from jobs.report.analysis import comparison
from jobs.report.analysis.comparison import Comparison, comparisons
from jobs.report.analysis.groups import Group, embedded, group, interpolated
from jobs.report.blocks import Block, Draft
from jobs.report.notes import parse
from jobs.report.records import Interpolation, Records, TrainingRecord
from jobs.report.sections import embedding, interpolation, provenance
from jobs.report.wording import Finding, error, listing, one_line

UNTITLED = "Autoencoders on MNIST: reconstruction error, interpolation, and the 2-D embedding"
MOST_AUTHOR = 200
EQUATION = "MSE = 1 / (784 N) · sum over images n and pixels p of (x[n, p] − x̂[n, p])²"
"""The loss in words; the template sets the formula of the same name."""


@dataclass(frozen=True)
class Content:
    """All that the document holds, ready to be typeset."""

    data: dict[str, Any]
    """What goes into `submission.json`."""
    figures: Mapping[str, bytes]
    """Path in the document's folder, such as `figures/curves.svg`, to the picture."""


def content(records: Records) -> Content:
    """Return the document that these records make."""
    groups, found = group(records), findings.find(records)
    draft, compared = Draft(), comparisons(records)
    _overview(draft, groups, found)
    _part_1(draft, groups, compared, found.part_1)
    _part_2(draft, groups, found.part_2)
    _part_3(draft, groups, found.part_3)
    if records.request.notes.strip():
        draft.heading("Notes")
        draft.add("notes", nodes=parse(records.request.notes))
    _provenance(draft, records, compared)
    return Content(_front(records, found, draft.blocks), draft.figures)


def _front(records: Records, found: findings.Findings, blocks: list[Block]) -> dict[str, Any]:
    moment = datetime.fromtimestamp(finished(records), UTC)
    return {
        "title": one_line(records.request.title) or UNTITLED,
        "author": one_line(records.request.author, MOST_AUTHOR),
        "date": f"{moment.day} {moment:%B %Y}" if finished(records) else "",
        "summary": " ".join(found.summary),
        "blocks": blocks,
    }


def finished(records: Records) -> int:
    """Return when the newest run ended, seconds since 1970; 0 if unknown. It dates the document."""
    ends = [run.end_time_ms for run in records.trainings if run.end_time_ms is not None]
    return min(max(*ends, 0, 0) // 1000, 4_102_444_800)


def _overview(draft: Draft, groups: tuple[Group, ...], found: findings.Findings) -> None:
    draft.heading("Results at a glance")
    if groups:
        draft.table("table-summary", tables.summary(groups))
    if found.caveats:
        draft.add("caveats", title="What these results are not", items=list(found.caveats))


def _part_1(
    draft: Draft,
    groups: tuple[Group, ...],
    compared: tuple[Comparison, ...],
    found: Sequence[Finding],
) -> None:
    if not groups:
        return
    draft.heading("Part 1: Reconstruction error against latent size")
    draft.add("paragraph", text=_MEASURE)
    draft.add("equation", name="mse", text=EQUATION)
    draft.add("paragraph", text=_BASELINE)
    if any(training.curve is not None for one in groups for training in one.trainings):
        draft.figure(
            "figure-curves",
            charts.curves(groups),
            alt=_curves_alt(groups),
            caption=_CURVES,
            floats=True,
        )
    if compared:
        draft.figure(
            "figure-recipes",
            charts.recipes(compared),
            alt=comparison.alt(compared),
            caption=comparison.CAPTION,
            floats=True,
        )
        draft.table("table-recipes", comparison.table(compared))
    if sum(bool(one.values("final_test_mse")) for one in groups) > 1:
        draft.figure(
            "figure-latent-size",
            charts.latent_sizes(groups),
            alt=_sizes_alt(groups),
            caption="Final and best test error against the latent size, beside PCA with as many "
            "components. Both axes are logarithmic.",
            floats=True,
        )
    _reconstructions(draft, groups)
    if tables.has_digits(groups):
        draft.table("table-digits", tables.digits(groups))
    draft.observations(found)


_MEASURE = (
    "Each network maps an image to a latent code and back. Its loss, and the error reported "
    "throughout, is the squared difference between an image and its reconstruction, averaged over "
    "the 784 pixels, on the scale where black is 0 and white is 1, and over all N images:"
)
_BASELINE = (
    "The test error is taken over the whole test set, which plays no part in training. PCA, the "
    "linear method, is fitted to the training images and keeps as many components as the latent "
    "layer has units."
)
_CURVES = (
    "Test error over the training, on linear (above) and logarithmic (below) iterations. Dashed "
    "lines: PCA with as many components as the latent layer. Where a setting was trained with "
    "several seeds, the marks belong to the first, and the others are drawn thinner."
)


def _curves_alt(groups: Sequence[Group]) -> str:
    finals = listing(
        f"{one.label} ends at {error(one.mean('final_test_mse'))}"
        for one in groups
        if one.values("final_test_mse")
    )
    return f"Curves of test error against iteration, error axis logarithmic: {finals}."


def _sizes_alt(groups: Sequence[Group]) -> str:
    points = listing(
        f"{one.setting.latent_size} dimensions: autoencoder {error(one.mean('final_test_mse'))}, "
        f"PCA {error(one.mean('pca_test_mse'))}"
        for one in groups
    )
    return f"Error against latent size. {points}."


def _reconstructions(draft: Draft, groups: Sequence[Group]) -> None:
    shown = [(one.label, one.first) for one in groups if one.first.reconstructions is not None]
    if shown:
        labels = [label for label, _ in shown]
        draft.figure(
            "figure-reconstructions",
            charts.reconstructions([training for _, training in shown], labels),
            alt=f"Test images of the digits 0 to 9 above reconstructions by {listing(labels)}.",
            caption="Ten images of the test set (top row) and their reconstructions.",
            floats=True,
        )


def _part_2(draft: Draft, groups: tuple[Group, ...], found: Sequence[Finding]) -> None:
    training = interpolated(groups)
    if training is None:
        return
    draft.heading("Part 2: Interpolation in latent space")
    draft.add("paragraph", text=_path_text(training))
    for path in training.interpolations:
        a, b = path.digit_a, path.digit_b
        draft.figure(
            interpolation.figure_key(path),
            charts.interpolation(path),
            alt=_path_alt(path),
            caption=f"From {a} to {b}: decoded steps above, the pixel blend of the two ends below, "
            "with f and the digit of the test image nearest to the decoded picture.",
        )
    draft.table("table-interpolation", tables.interpolation(training))
    draft.observations(found)


def _path_text(training: TrainingRecord) -> str:
    """Say how the pictures were made, and of which network."""
    return (
        f"In setting {training.setting.name} (latent size {training.setting.latent_size}, seed "
        f"{training.seed}) the mean code of each digit is taken over its test images. Between two "
        "such means a and b the codes (1 − f) a + f b are decoded, for f = 0.0, 0.1 to 1.0. For "
        "comparison the two end pictures are blended pixel by pixel with the same weights, and "
        "each picture is compared with all test images: the digit of the nearest says what it "
        "shows, and the distance (MSE) how close to a real digit it is. Of settings 2 and 3 this "
        "part takes the one whose training ended with the lower error."
    )


def _path_alt(path: Interpolation) -> str:
    digits = listing(str(digit) for digit in path.nearest_digit.tolist())
    return (
        f"Eleven decoded pictures on the way from {path.digit_a} to {path.digit_b}; the nearest "
        f"test images show {digits}. Below, the pixel blend of the first and the last picture."
    )


def _part_3(draft: Draft, groups: tuple[Group, ...], found: Sequence[Finding]) -> None:
    training = embedded(groups)
    if training is None:
        return
    draft.heading("Part 3: The two-dimensional embedding")
    beginning = len(draft.blocks)
    plain = training.setting.latent_size == 2
    codes = "latent codes" if plain else "first two principal components of the latent codes"
    images = 0 if training.labels is None else len(training.labels)
    draft.figure(
        "figure-embedding",
        charts.embedding(training),
        alt=f"Scatter plot of the {codes} of {images:,} test images, one colour a digit.",
        caption=f"The {codes} of the {images:,} test images in setting {training.setting.name} "
        f"(seed {training.seed}), one dot an image, one colour a digit.",
        width=0.68,
    )
    shares = embedding.neighbour_shares(training)
    if shares is not None:
        draft.table("table-neighbours", tables.neighbours(shares))
    if training.manifold is not None:
        draft.figure(
            "figure-manifold",
            training.manifold,
            alt="Decoded pictures on a grid over the latent plane; digits change into one another.",
            caption="What the decoder makes of a regular grid of points of the same plane, from "
            "the 1st to the 99th percentile of the codes on each axis.",
            width=0.45,
            floats=True,
        )
    text = _plane_text(draft)
    draft.blocks.insert(beginning, {"kind": "paragraph", "text": text})
    draft.observations(found)


def _plane_text(draft: Draft) -> str:
    """Say what the figures and the table of part 3 show, by their numbers."""
    text = (
        f"The encoder takes every test image to a point; {draft.labels['figure-embedding']} shows "
        "them all, and no label was used to place them."
    )
    if "table-neighbours" in draft.labels:
        text += (
            f" How the digits mix there is counted, not judged by eye, in "
            f"{draft.labels['table-neighbours']}: for the images of each digit, whose points lie "
            "next to theirs."
        )
    if "figure-manifold" in draft.labels:
        text += (
            f" {draft.labels['figure-manifold']} goes the other way: it decodes points of the "
            "plane, whether or not an image lies there."
        )
    return text


def _provenance(draft: Draft, records: Records, compared: Sequence[Comparison]) -> None:
    draft.heading("Provenance")
    references = dict.fromkeys(one.reference for one in compared)
    beside = [one for one in references if one not in records.trainings]
    if records.trainings:
        draft.table("table-runs", tables.runs([*records.trainings, *beside]))
    draft.add("fine print", items=list(provenance.facts(records)))
    if records.trainings:
        draft.heading("How the terms are measured", 2)
        draft.add("fine print", items=list(provenance.definitions()))
        draft.heading("How to reproduce", 2)
        draft.add("paragraph", text=provenance.REPRODUCE, sticky=True)
        draft.add("code", text="\n".join(provenance.commands([*beside, *records.trainings])))
