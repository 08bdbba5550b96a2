"""The shape of an error curve: milestones, spikes, plateaus, over-fitting, the trend at its end.

Notation: e_k is the error recorded at iteration t_k, k = 0 .. n-1. Single recorded errors jump
about, so levels are medians: m_k is the median of the errors recorded around k, spikes left out.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.report.records import Curve, TrainingRecord

SPIKE_RATIO = 1.5
"""A spike begins where the error is above this many times the level just before it ..."""
RECOVERED_RATIO = 1.1
"""... and is over where it is at most this many times that level again."""
SPIKE_WINDOW = 10
"""Recorded errors whose median is the level before a spike, where there are as many, unless the
last of them is lower."""
SPIKE_EARLIEST = 5
"""Recorded errors before the first that can be a spike."""

PLATEAU_BAND = 0.05
"""On a plateau the level stays within this share of where the plateau began ..."""
PLATEAU_SPAN = 2.0
"""... while the iteration number grows by at least this factor ..."""
PLATEAU_POINTS = 10
"""... over at least this many recorded errors ..."""
PLATEAU_EXIT = 0.20
"""... and over the next stretch of the same factor it falls by at least this share: a steady slow
fall, or the end of a training, is no plateau."""

AT_PCA = 0.10
"""A plateau is at PCA's level when it lies within this share of PCA's error."""

TREND_SHARE = 0.05
"""Share of the curve over which a level is taken to judge its trend."""
OVERFIT_RISE = 0.01
"""Over-fitting: the last level lies at least this share above the lowest level ..."""
OVERFIT_BY = 0.9
"""... which was reached within this share of the training."""
FALLING = 0.01
"""Still falling: the last level lies at least this share below the one before it."""
SETTLED = 0.05
"""An error has settled once it stays within this share of its final value."""
MIN_POINTS = 20
"""Curves with fewer finite points are too short to speak of their shape, spikes apart."""
MIN_LEVEL_POINTS = 5
"""Recorded errors over which a level is taken, at least."""


@dataclass(frozen=True)
class Spike:
    """A sudden rise of the error. Iterations, and errors (MSE per pixel)."""

    start: int
    peak_iteration: int
    level: float
    """Error just before."""
    peak: float
    end: int | None
    """The first recorded iteration back at the level; None when the training ended before."""
    last: float
    """The last error recorded before recovery: where the curve ends when it did not recover."""

    @property
    def ratio(self) -> float:
        """How many times the level before the peak is."""
        return self.peak / self.level


@dataclass(frozen=True)
class Plateau:
    """A stretch over which the error hardly moves before it falls on."""

    start: int
    end: int
    level: float

    @property
    def span(self) -> float:
        """Factor by which the iteration number grows."""
        return self.end / self.start


@dataclass(frozen=True)
class Overfit:
    """The rise of the error after its lowest level."""

    since: int
    """Iteration of the lowest level."""
    lowest: float
    last: float
    train_lowest: float | None
    """Training error's level at `since`, and at the end; None if not recorded."""
    train_last: float | None


def with_end(training: TrainingRecord) -> Curve | None:
    """Return the recorded test errors with the final one as the last; None if none is recorded."""
    curve, final = training.curve, training.final_test_mse
    last = training.spec.recipe.iterations - 1
    if curve is None or final is None or curve.iterations[-1] >= last:
        return curve
    seconds = np.nan if training.train_seconds is None else training.train_seconds
    return Curve(
        np.append(curve.iterations, last),
        np.append(curve.test_mse, final),
        np.append(curve.seconds, seconds),
    )


def stays_below(curve: Curve, level: float) -> int | None:
    """Return the first recorded iteration from which on the error is below `level`.

    None if it ends above, or an error is not finite.
    """
    above = np.flatnonzero(~(curve.test_mse < level))
    since = int(above[-1]) + 1 if above.size else 0
    return int(curve.iterations[since]) if since < curve.test_mse.size else None


def settled(curve: Curve) -> int | None:
    """Return from which recorded iteration on the error is within `SETTLED` of the last.

    None if the curve cannot be judged, or ends in a spike.
    """
    if not _judgeable(curve) or ending_spike(curve):
        return None
    away = np.flatnonzero(np.abs(curve.test_mse / curve.test_mse[-1] - 1) > SETTLED)
    return int(curve.iterations[away[-1] + 1]) if away.size else int(curve.iterations[0])


def ending_spike(curve: Curve) -> Spike | None:
    """Return the spike in which a training ended; None if it ended in none."""
    return next((spike for spike in reversed(spikes(curve)) if spike.end is None), None)


def is_sound(training: TrainingRecord) -> bool:
    """Return whether a training ended with an error that says something of the network."""
    final = training.final_test_mse
    return final is not None and math.isfinite(final) and not ended_in_spike(training)


def ended_in_spike(training: TrainingRecord) -> bool:
    """Return whether the error of a training jumped and did not come back."""
    curve = with_end(training)
    return curve is not None and ending_spike(curve) is not None


def first_not_finite(curve: Curve) -> int | None:
    """Return the first iteration whose error is NaN or infinite; None when all are finite."""
    wrong = np.flatnonzero(~np.isfinite(curve.test_mse))
    return int(curve.iterations[wrong[0]]) if wrong.size else None


def spikes(curve: Curve) -> list[Spike]:
    """Return the spikes of a curve, oldest first; none when it is not finite.

    A spike begins at e_k > SPIKE_RATIO * level, where level is the lower one of e_(k-1) and the
    median of the SPIKE_WINDOW errors before k, and ends at the first later e_j <= RECOVERED_RATIO *
    level. If there is none it has no end: its peak is then that of its first SPIKE_WINDOW errors,
    and later spikes are looked for above the level it left.
    """
    spikes: list[Spike] = []
    errors, begun = curve.test_mse, SPIKE_EARLIEST
    if errors.size <= begun or not np.isfinite(errors).all():
        return spikes
    levels = _levels_before(errors)
    for k in np.flatnonzero(errors > SPIKE_RATIO * levels).tolist():
        if k < begun:
            continue
        back = np.flatnonzero(errors[k:] <= RECOVERED_RATIO * levels[k])
        stop = k + int(back[0]) if back.size else None
        spikes.append(_spike(curve, k, stop, float(levels[k])))
        begun = (k if stop is None else stop) + SPIKE_WINDOW
    return spikes


def _levels_before(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the level before each error; shape (n,)."""
    first = [np.median(errors[:k]) for k in range(1, min(SPIKE_WINDOW, errors.size))]
    windows = np.lib.stride_tricks.sliding_window_view(errors, min(SPIKE_WINDOW, errors.size))
    medians = np.array([np.inf, *first, *np.median(windows, axis=1)])[: errors.size]
    return np.asarray(np.minimum(medians, np.roll(errors, 1)))


def overfit(curve: Curve) -> Overfit | None:
    """Return the rise of the error after its lowest level; None if there is none to speak of.

    It is one when the last level is OVERFIT_RISE above the lowest, reached within OVERFIT_BY of the
    training. A training that ends inside a spike is not judged.
    """
    if not _judgeable(curve) or ending_spike(curve):
        return None
    iterations, levels = _levels(curve, TREND_SHARE)
    lowest, last = int(np.argmin(levels)), float(levels[-1])
    late = iterations[lowest] > OVERFIT_BY * iterations[-1]
    if late or last < (1 + OVERFIT_RISE) * levels[lowest]:
        return None
    since = int(iterations[lowest])
    return Overfit(since, float(levels[lowest]), last, *_train_levels(curve, since))


def plateau(curve: Curve) -> Plateau | None:
    """Return the longest plateau (by the ratio of its iterations); None if there is none."""
    if not _judgeable(curve):
        return None
    iterations, levels = _levels(curve, 0.0)
    plateaus = (
        _plateau_from(curve, k, iterations, levels)
        for k in range(iterations.size)
        if iterations[k] > 0
    )
    return max((p for p in plateaus if p), key=lambda p: p.span, default=None)


def _plateau_from(
    curve: Curve, k: int, iterations: NDArray[np.int64], levels: NDArray[np.float64]
) -> Plateau | None:
    """Return the plateau that begins at point k of the levels, None if there is none."""
    inside = np.abs(levels[k:] / levels[k] - 1) <= PLATEAU_BAND
    stop = int(k + (np.argmin(inside) if not inside.all() else inside.size) - 1)
    level = float(np.median(levels[k : stop + 1]))
    plateau = Plateau(int(iterations[k]), int(iterations[stop]), level)
    later = levels[(iterations > plateau.end) & (iterations <= plateau.end * plateau.span)]
    recorded = curve.test_mse[np.searchsorted(curve.iterations, plateau.start)]
    is_rest = (
        abs(recorded / level - 1) <= PLATEAU_BAND
        and stop - k + 1 >= PLATEAU_POINTS
        and plateau.span >= PLATEAU_SPAN
    )
    falls = later.size > 0 and later.min() <= (1 - PLATEAU_EXIT) * levels[k]
    return plateau if is_rest and falls else None


def still_falling(curve: Curve) -> float | None:
    """Return the share by which the last level is below that of as many errors before it.

    None when that is less than FALLING, or the curve cannot be judged.
    """
    if not _judgeable(curve) or ending_spike(curve):
        return None
    errors = _calm(curve)[1]
    width = _level_width(errors.size, TREND_SHARE)
    if errors.size < 2 * width:
        return None
    before, last = errors[-2 * width : -width], errors[-width:]
    fall = 1 - float(np.median(last) / np.median(before))
    return fall if fall >= FALLING else None


def _judgeable(curve: Curve) -> bool:
    return curve.test_mse.size >= MIN_POINTS and bool(np.isfinite(curve.test_mse).all())


def _spike(curve: Curve, start: int, stop: int | None, level: float) -> Spike:
    rise = curve.test_mse[start : start + SPIKE_WINDOW if stop is None else stop]
    peak = start + int(np.argmax(rise))
    return Spike(
        start=int(curve.iterations[start]),
        peak_iteration=int(curve.iterations[peak]),
        level=level,
        peak=float(curve.test_mse[peak]),
        end=None if stop is None else int(curve.iterations[stop]),
        last=float(curve.test_mse[-1 if stop is None else stop - 1]),
    )


def _levels(curve: Curve, share: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return iterations and running medians over `share` of the curve (5 points at least)."""
    iterations, errors = _calm(curve)
    return iterations, _running_median(errors, share)


def _calm(curve: Curve) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return iterations and errors outside of spikes."""
    calm = np.ones(curve.test_mse.size, dtype=bool)
    for spike in spikes(curve):
        end = np.inf if spike.end is None else spike.end
        calm &= (curve.iterations < spike.start) | (curve.iterations >= end)
    return curve.iterations[calm], curve.test_mse[calm]


def _level_width(points: int, share: float) -> int:
    """Return over how many of these recorded errors a level is taken."""
    return max(MIN_LEVEL_POINTS, round(share * points))


def _running_median(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return medians of windows centred on each point; at the ends the window moves inwards."""
    width = min(_level_width(values.size, share), values.size)
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    centres = np.clip(np.arange(values.size) - width // 2, 0, len(windows) - 1)
    medians: NDArray[np.float64] = np.median(windows, axis=1)[centres]
    return medians


def _train_levels(curve: Curve, since: int) -> tuple[float | None, float | None]:
    train = curve.train_mse
    if train is None or not np.isfinite(train).all():
        return None, None
    levels = _running_median(train, TREND_SHARE)
    return float(levels[np.searchsorted(curve.iterations, since)]), float(levels[-1])
