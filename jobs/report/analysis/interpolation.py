"""Interpolations measured: distances to test images, labels along the path, where the means lie."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from aemodel.evaluation import Interpolation
from jobs.report.records import TrainingRecord

EQUAL = 0.05
"""Distances that differ by less than this share are called about the same: with other test images,
drawn from the same ones, such a ratio changes by up to 5% (95% interval of the bootstrap)."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Consecutive steps of an interpolation whose pictures have the same label."""

    label: int
    first: float
    """f of the first step."""
    last: float


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Mean MSE to the nearest test image, over the steps between the ends (0 < f < 1)."""

    decoded: float
    blended: float
    """The same for the pixel blends of the two end pictures."""

    @property
    def ratio(self) -> float:
        """Below 1 if the decoded pictures are nearer to test images than the blends."""
        return self.decoded / self.blended


def segments(path: Interpolation) -> list[Segment]:
    """Return the segments of a path, in order."""
    steps = zip(path.nearest_digit.tolist(), path.fractions.tolist(), strict=True)
    runs = (list(run) for _, run in groupby(steps, key=lambda step: step[0]))
    return [Segment(label=run[0][0], first=run[0][1], last=run[-1][1]) for run in runs]


def distances(path: Interpolation) -> Distances | None:
    """Return how near the pictures between the ends are to test images; None if not recorded."""
    inner = (path.fractions > 0.001) & (path.fractions < 0.999)
    decoded, blended = path.nearest_mse[inner], path.blend_nearest_mse[inner]
    if not inner.any() or not np.isfinite([decoded, blended]).all() or not blended.any():
        return None
    return Distances(decoded=float(decoded.mean()), blended=float(blended.mean()))


Verdict = Literal["nearer", "further", "same"]


def judged(ratio: float) -> Verdict:
    """Judge a ratio of distances as it is printed, with three decimals."""
    printed = round(ratio, 3)
    if abs(printed - 1) < EQUAL:
        return "same"
    return "nearer" if printed < 1 else "further"


def judged_by_all(each: Sequence[Distances]) -> Verdict | None:
    """Judge the distances that several seeds have; None if they disagree."""
    verdicts = {judged(measured.ratio) for measured in each}
    return verdicts.pop() if len(verdicts) == 1 else None


Pair = tuple[int, int]


def pair_of(path: Interpolation) -> Pair:
    """Return the classes that a path leads from and to."""
    return path.digit_a, path.digit_b


def astray(path: Interpolation) -> list[Pair]:
    """Return the classes whose mean codes decode to another label, each with that label."""
    ends = zip(pair_of(path), (path.nearest_digit[0], path.nearest_digit[-1]), strict=True)
    return [(own, int(label)) for own, label in ends if own != label]


def distances_by_pair(trainings: Sequence[TrainingRecord]) -> dict[Pair, list[Distances]]:
    """Return the distances of each pair, one for each training that recorded them."""
    known: dict[Pair, list[Distances]] = {}
    for path in (path for training in trainings for path in training.interpolations):
        if measured := distances(path):
            known.setdefault(pair_of(path), []).append(measured)
    return known


def left_out_pairs(trainings: Sequence[TrainingRecord]) -> set[Pair]:
    """Return the pairs of these that are not compared: an end is astray in one of the trainings."""
    paths = (path for training in trainings for path in training.interpolations)
    return {pair_of(path) for path in paths if astray(path)} & distances_by_pair(trainings).keys()


def compared_by_pair(trainings: Sequence[TrainingRecord]) -> dict[Pair, list[Distances]]:
    """Return the distances of all other pairs."""
    known, left_out = distances_by_pair(trainings), left_out_pairs(trainings)
    return {pair: each for pair, each in known.items() if pair not in left_out}


def mean_decoded(training: TrainingRecord) -> float:
    """Return the mean distance of decoded pictures over the pairs; infinite if there is none."""
    return _mean_over_pairs(training, lambda measured: measured.decoded)


def mean_ratio(training: TrainingRecord) -> float:
    """Return the mean ratio over the pairs of a training; infinite if there is none."""
    return _mean_over_pairs(training, lambda measured: measured.ratio)


def _mean_over_pairs(training: TrainingRecord, number: Callable[[Distances], float]) -> float:
    known = [number(d) for path in training.interpolations if (d := distances(path))]
    return float(np.mean(known)) if known else math.inf


def share_nearer_centre(training: TrainingRecord) -> float | None:
    """Return how many codes lie as near to the centre as the mean code of their class.

    Over the classes that the training interpolates between, 0 to 1; the centre is the mean of all
    codes. None if codes or labels are missing or not finite.
    """
    codes, labels = training.codes, training.labels
    if codes is None or labels is None or not np.isfinite(codes).all():
        return None
    radii = np.linalg.norm(codes - codes.mean(axis=0), axis=1)
    centre, shares = codes.mean(axis=0), []
    for c in sorted({c for p in training.interpolations for c in (p.digit_a, p.digit_b)}):
        own = labels == c
        if own.any():
            radius = np.linalg.norm(codes[own].mean(axis=0) - centre)
            shares.append(float(np.mean(radii[own] <= radius)))
    return float(np.mean(shares)) if shares else None
