"""Part 3: what the decoder makes of places in the plane where no image lies."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aemodel.evaluation import USUAL
from jobs.report.analysis.estimate import Estimate, over_seeds, values_over_seeds
from jobs.report.analysis.noise import difference_over_images
from jobs.report.analysis.seeds import ranged, with_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_mse, format_percent

FEWEST = 10
"""Points on either side that are compared."""
WHY = (
    "Where no code lies, nothing in the loss asks the decoder for an image. To generate images one "
    "has to know where codes lie: those drawn evenly from the plane fall into its empty parts too."
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
    further = over_seeds([difference_over_images(*grid) for grid in grids])
    shares = [there.size / (there.size + elsewhere.size) for there, elsewhere in grids]
    points = sum(side.size for side in grids[0])
    yield Observation(
        kind="empty plane",
        numbers={
            "empty": values_over_seeds(shares),
            "further from images": further,
        },
        text=f"Of the {points} points of the grid {ranged(shares)} are empty: further from "
        f"every training code than {format_percent(USUAL)} of the test codes are."
        + _compared(grids, further),
        see=("figure-manifold",),
        intuition=WHY if further.is_positive else "",
    )


def _compared(grids: Sequence[Grid], further: Estimate) -> str:
    """Say whether pictures at empty points are nearer to images; nothing if seeds disagree."""
    if further.is_positive or further.is_negative:
        where = "further from" if further.is_positive else "nearer to"
        there, elsewhere = (
            format_mse(float(np.mean([nearest.mean() for nearest in side])))
            for side in zip(*grids, strict=True)
        )
        return (
            f" The pictures decoded there are {where} test images than those of the other points "
            f"(mean MSE to the nearest {there} against {elsewhere})."
        )
    each = [difference_over_images(*grid) for grid in grids]
    if any(seed.is_positive or seed.is_negative for seed in each):
        return ""
    return (
        " The pictures decoded there are as near to test images as those of the other points, "
        "within the noise."
    )


def _grid(training: TrainingRecord) -> Grid | None:
    """Return the distances to images at the empty points and at the others; None if too few."""
    if training.manifold_points is None:
        return None
    nearest, code_distance = training.manifold_points[:, 2:].T
    there, elsewhere = nearest[code_distance > 1], nearest[code_distance <= 1]
    return (there, elsewhere) if min(there.size, elsewhere.size) >= FEWEST else None
