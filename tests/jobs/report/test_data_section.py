"""The section on the data."""

from collections.abc import Sequence

import numpy as np

from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Paragraph, Table
from jobs.report.records import TrainingRecord
from jobs.report.sections import data
from tests.jobs.report.synthetic import make_records, make_training


def blocks(training: TrainingRecord) -> Sequence[Block]:
    return list(data.blocks(Study.of(make_records(training))))


def test_mnist_is_counted_and_cited() -> None:
    found = blocks(make_training("1"))
    (table,) = (block for block in found if isinstance(block, Table))
    assert list(table.rows[0][:3]) == ["training images", "5,923", "6,742"]
    assert [row[-1] for row in table.rows] == ["60,000", "10,000"]
    (text,) = (block.text for block in found if isinstance(block, Paragraph))
    assert "60,000 training images and 10,000 test images of handwritten digits" in text


def test_older_runs_on_mnist_have_no_table() -> None:
    found = blocks(make_training("1", class_counts=None, samples=None))
    assert not [block for block in found if isinstance(block, Table | Figure)]


def test_other_data_are_described_by_their_counts_alone() -> None:
    counts = np.full((2, 10), [[7], [3]])
    changes = {"data_digest": "ab" * 32, "data_name": "clothes", "samples": None}
    found = blocks(make_training("1", **changes, class_counts=counts))
    (text,) = (block.text for block in found if isinstance(block, Paragraph))
    assert text.startswith("The data set “clothes” has 70 training images and 30 test images; each")
    assert blocks(make_training("1", **changes, class_counts=None)) == []
