"""Reconstructions that a classifier takes for another class: ranked by share, over the seeds."""

from typing import Any

import numpy as np

from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.records import TrainingRecord
from jobs.report.sections import named_again
from tests.jobs.report.synthetic import make_records, make_training


def training(changed: dict[tuple[int, int], int], **changes: Any) -> TrainingRecord:
    """A training of 1,000 images of each digit but 500 5s, of which so many change."""
    counts = np.diag([500 if digit == 5 else 1_000 for digit in range(10)])
    for (a, b), number in changed.items():
        counts[a, a] -= number
        counts[a, b] += number
    return make_training("1", reconstructed_as=counts, **changes)


def claim(*trainings: TrainingRecord) -> Observation:
    (found,) = named_again.changes(Study.of(make_records(*trainings)))
    return found


def test_changes_are_ranked_by_their_shares() -> None:
    changed = {(4, 9): 270, (9, 4): 190, (7, 9): 154, (5, 3): 81}
    said = claim(training(changed)).text
    assert said.startswith("Of the 9,500 test images that a classifier")
    assert said.endswith(
        "Among the largest shares in setting 1: 27% of these 4s are taken for 9s, 19% of these 9s "
        "are taken for 4s and 16% of these 5s are taken for 3s."
    )


def test_few_changes_are_not_told() -> None:
    assert "come back" not in claim(training({(5, 3): 19})).text
    assert "4.0% of these 5s are taken for 3s" in claim(training({(5, 3): 20})).text


def test_seeds_are_averaged() -> None:
    said = claim(training({(4, 9): 200}), training({(4, 9): 300}, seed=1)).text
    assert "25% (20% to 30%) of these 4s are taken for 9s" in said
    assert "(2.1% to 3.2%) in setting 1" in said
