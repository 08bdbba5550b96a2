"""The data: how many images there are, of what form, and how they are used."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aemodel.settings import PIXELS
from jobs.report.analysis.seeds import has_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Paragraph, Table, cite, ref
from jobs.report.dataset import DatasetRecord
from jobs.report.records import TrainingRecord
from jobs.report.wording import capitalized, format_count

MNIST_SIZES = 60_000, 10_000
"""Training and test images of MNIST."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the data; nothing if too little of them is known."""
    if not study.groups:
        return
    data = study.dataset
    trainings = [t for t in study.records.trainings if t.dataset == data]
    counts = next((t.class_counts for t in trainings if t.class_counts is not None), None)
    sampled = next((t for t in trainings if t.samples is not None), None)
    samples = sampled.samples if sampled else None
    seed = f" with seed {sampled.spec.seed}" if sampled and has_seeds(study.groups) else ""
    if counts is None and not data.is_mnist:
        return
    yield Heading("Data")
    train, test = MNIST_SIZES if counts is None else counts.sum(axis=1).tolist()
    text = _described(data, train, test)
    if samples is not None:
        text += f" {ref('figure-samples')} shows training images."
    yield Paragraph(text)
    if samples is not None:
        yield Figure(
            key="figure-samples",
            picture=samples,
            alt=f"Training images in rows of ten, each with {_label(data)}.",
            caption=f"The first training images after shuffling{seed}, with {_labels(data)}.",
            width=0.5,
        )
    if counts is not None:
        yield _table(counts, data)


def training_images(training: TrainingRecord) -> int:
    """Return how many training images there were: MNIST's if it was not recorded."""
    counts = training.class_counts
    return MNIST_SIZES[0] if counts is None else int(counts[0].sum())


def _label(data: DatasetRecord) -> str:
    return f"its {data.noun}" if data.is_numbered else f"the number of its {data.noun}"


def _labels(data: DatasetRecord) -> str:
    """Say what stands in the corner of a picture."""
    if data.is_numbered:
        return f"their {data.nouns}"
    return f"the numbers of their {data.nouns}, 0 to 9 in the order of {ref('table-data')}"


def _described(data: DatasetRecord, train: int, test: int) -> str:
    source = f" {cite('lecun')}" if data.is_mnist else ""
    what = " of handwritten digits, scaled to fit into 20 × 20 pixels and centred" * data.is_mnist
    return (
        f"{capitalized(data.title)}{source} has {format_count(train)} training images and "
        f"{format_count(test)} test images{what}; each is a grid of 28 × 28 = {PIXELS} pixels, "
        "whole numbers from 0 to 255, which are divided by 255. The autoencoders are trained on "
        "the training images, shuffled once with the seed, without their labels. All errors "
        "are measured on the test images unless stated otherwise."
    )


def _table(counts: NDArray[np.int64], data: DatasetRecord) -> Table:
    rows = zip(("training images", "test images"), counts.tolist(), strict=True)
    return Table(
        key="table-data",
        caption=f"Images of each {data.noun}.",
        columns=(
            (capitalized(data.noun), "left"),
            *((data.name_of(c), "right") for c in range(counts.shape[1])),
            ("Sum", "right"),
        ),
        rows=[[name, *map(format_count, row), format_count(sum(row))] for name, row in rows],
    )
