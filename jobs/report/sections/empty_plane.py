"""Part 3: what the decoder makes of places in the plane where no image lies."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.noise import difference_over_images
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_mse, format_percent

USUAL = 0.99
"""A point is empty if it is further from every test code than this share of the test codes is from
the nearest other one."""
FEWEST = 10
"""Points on either side that are compared."""
WHY = (
    "Where no code lies, nothing in the loss asks the decoder for an image. To generate images one "
    "has to know where codes lie: those drawn evenly from the plane fall into its empty parts too."
)


def observations(study: Study) -> Iterator[Observation]:
    """Say how much of the plane is empty, and how near to images the decoded pictures are there."""
    training = study.for_embedding
    if training is None or training.manifold_points is None:
        return
    empty = _empty(training)
    if empty is None or min(empty.sum(), (~empty).sum()) < FEWEST:
        return
    nearest = training.manifold_points[:, 2]
    there, elsewhere = nearest[empty], nearest[~empty]
    further = difference_over_images(there, elsewhere)
    share = float(np.mean(empty))
    text = (
        f"Of the {len(empty)} points of the grid {format_percent(share)} are empty: further from "
        f"every code than {format_percent(USUAL)} of the codes are from the nearest other one."
    )
    if further.is_positive or further.is_negative:
        where = "further from" if further.is_positive else "nearer to"
        text += (
            f" The pictures decoded there are {where} test images than those of the other points "
            f"(mean MSE to the nearest {format_mse(float(there.mean()))} against "
            f"{format_mse(float(elsewhere.mean()))})."
        )
    else:
        text += (
            " The pictures decoded there are as near to test images as those of the other points, "
            "within the noise."
        )
    yield Observation(
        kind="empty plane",
        numbers={"empty": Estimate(share), "further from images": further},
        text=text,
        see=("figure-manifold",),
        intuition=WHY if further.is_positive else "",
    )


def _empty(training: TrainingRecord) -> NDArray[np.bool_] | None:
    """Return which points of the grid are empty; None if it cannot be told."""
    from sklearn.neighbors import NearestNeighbors

    codes, points = training.codes, training.manifold_points
    if codes is None or points is None or codes.shape[1] != 2 or not np.isfinite(codes).all():
        return None
    search = NearestNeighbors(algorithm="kd_tree").fit(codes)
    others, _ = search.kneighbors(codes, n_neighbors=2)
    nearest, _ = search.kneighbors(points[:, :2], n_neighbors=1)
    return np.asarray(nearest[:, 0] > np.quantile(others[:, 1], USUAL))
