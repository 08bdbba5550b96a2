"""Part 3: what the decoder makes of places in the plane where no image lies."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aemodel.evaluation import USUAL
from jobs.report.analysis.estimate import values_over_seeds
from jobs.report.analysis.seeds import ranged, with_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_mse, format_percent

MUCH = 1.2
"""How many times as far from images the pictures at empty points are before that is told."""
FEWEST = 10
"""Points on either side that are compared."""
WHY = (
    "Where no code lies, nothing in the loss asks the decoder for an image. To generate images one "
    "has to know where codes lie: codes drawn evenly from the plane also fall into its empty parts."
)

Grid = tuple[NDArray[np.float64], NDArray[np.float64]]


def observations(study: Study) -> Iterator[Observation]:
    """Say how much of the plane is empty, and how near to images the decoded pictures are there."""
    training = study.for_embedding
    if training is None:
        return
    group = with_seeds(study.groups, training)
    grids = [grid for t in group.trainings if (grid := _grid(t)) is not None]
    if not grids:
        return
    shares = [there.size / (there.size + elsewhere.size) for there, elsewhere in grids]
    points = sum(side.size for side in grids[0])
    means = [(float(there.mean()), float(elsewhere.mean())) for there, elsewhere in grids]
    text = (
        f"Of the {points} points of the grid {ranged(shares)} are empty: further from every "
        f"training code than {format_percent(USUAL)} of the test codes are."
    )
    numbers, intuition = {"empty": values_over_seeds(shares)}, ""
    # Points of a grid are no sample, whose noise could be told: only what is far apart is compared.
    if all(there > MUCH * elsewhere for there, elsewhere in means):
        at_empty, at_others = (list(side) for side in zip(*means, strict=True))
        numbers["distance to images at empty points"] = values_over_seeds(at_empty)
        numbers["distance to images at the others"] = values_over_seeds(at_others)
        intuition = WHY
        text += (
            " The mean MSE of the pictures decoded there to the nearest test image is "
            f"{ranged(at_empty, format_mse)}, that of the pictures of the other points "
            f"{ranged(at_others, format_mse)}."
        )
    yield Observation(
        kind="empty plane",
        numbers=numbers,
        text=text,
        see=("figure-manifold",),
        intuition=intuition,
    )


def _grid(training: TrainingRecord) -> Grid | None:
    """Return the distances to images at the empty points and at the others; None if too few."""
    if training.manifold_points is None:
        return None
    nearest, code_distance = training.manifold_points[:, 2:].T
    there, elsewhere = nearest[code_distance > 1], nearest[code_distance <= 1]
    return (there, elsewhere) if min(there.size, elsewhere.size) >= FEWEST else None
