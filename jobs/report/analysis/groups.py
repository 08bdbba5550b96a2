"""Trainings that may be averaged, and which of them each part of the document shows.

Trainings that differ in nothing but the seed form a group: their errors may be given as mean and
standard deviation. Trainings of one setting with another recipe, precision or data set may not.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from aemodel.settings import RECIPES, Setting
from jobs.report.records import Records, TrainingRecord
from jobs.report.wording import OPTIMIZERS

Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """The trainings of one setting that differ in the seed alone; at least one."""

    label: str
    """`setting 1`, or with the iterations where one setting was trained in several ways."""
    trainings: tuple[TrainingRecord, ...]

    @property
    def first(self) -> TrainingRecord:
        return self.trainings[0]

    @property
    def setting(self) -> Setting:
        return self.first.setting

    def values(self, field: str) -> list[float]:
        """Return the finite values of one field of the trainings, in their order."""
        found = (getattr(training, field) for training in self.trainings)
        return [value for value in found if value is not None and math.isfinite(value)]

    def mean(self, field: str) -> float | None:
        """Return the mean of one field over the trainings that have it; None when none has."""
        values = self.values(field)
        return float(np.mean(values)) if values else None

    def name(self, training: TrainingRecord) -> str:
        """Return what to call one of the trainings: with its seed where there are several."""
        if len(self.trainings) == 1:
            return self.label
        return f"{self.label}, seed {training.seed}"


def group(records: Records) -> tuple[Group, ...]:
    """Return the groups of the records' trainings, by latent size, then in the records' order."""
    members: dict[Key, list[TrainingRecord]] = {}
    for training in records.trainings:
        members.setdefault((training.setting, *_conditions(training)), []).append(training)
    ways = Counter(trainings[0].setting for trainings in members.values())
    made = [
        Group(_label(trainings[0], ways[trainings[0].setting] > 1), tuple(trainings))
        for trainings in members.values()
    ]
    return tuple(
        sorted(made, key=lambda one: (one.setting.latent_size, one.setting.parameter_count))
    )


def comparable(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the groups, by latent size, that share recipe, precision and data with most others.

    Errors of different settings can be set against each other only within these.
    """
    shares = Counter(_conditions(one.first) for one in groups)
    if not shares:
        return ()
    most = max(
        groups, key=lambda one: (shares[_conditions(one.first)], one.first.recipe.iterations)
    )
    return tuple(one for one in groups if _conditions(one.first) == _conditions(most.first))


def interpolated(groups: tuple[Group, ...]) -> TrainingRecord | None:
    """Return the training whose interpolations part 2 shows.

    Setting 2 or 3, as the assignment asks, whichever ended with the lower error (a training that
    ends in a spike decodes badly); any other where there is neither.
    """
    held = [t for one in groups for t in one.trainings if t.interpolations]
    return min(held, key=_path_rank, default=None)


def _path_rank(training: TrainingRecord) -> tuple[bool, float]:
    final = training.final_test_mse
    error = final if final is not None and math.isfinite(final) else math.inf
    return training.setting.name not in ("2", "3"), error


def embedded(groups: tuple[Group, ...]) -> TrainingRecord | None:
    """Return the training whose codes part 3 shows: setting 1, else the smallest latent size."""
    ranked = sorted(groups, key=lambda one: (one.setting.name != "1", one.setting.latent_size))
    held = (t for one in ranked for t in one.trainings)
    return next((t for t in held if t.codes is not None and t.labels is not None), None)


def _conditions(training: TrainingRecord) -> Key:
    return (training.recipe, training.precision, training.data_digest)


def _label(training: TrainingRecord, ambiguous: bool) -> str:
    label = setting_name(training.setting)
    if not ambiguous:
        return label
    recipe, fields = training.recipe, [f"{training.recipe.iterations:,} iterations"]
    preset = RECIPES.get(recipe.name)
    if preset is None or recipe.learning_rate != preset.learning_rate:
        fields.append(f"learning rate {recipe.learning_rate:g}")
    if preset is None or recipe.batch_size != preset.batch_size:
        fields.append(f"batch {recipe.batch_size}")
    if preset is None or recipe.optimizer != preset.optimizer:
        fields.append(OPTIMIZERS[recipe.optimizer])
    if training.precision != "float32":
        fields.append(training.precision)
    return f"{label} ({recipe.name} recipe, {', '.join(fields)})"


def setting_name(setting: Setting) -> str:
    """Return `setting 1`, or `setting 256-64-8` for other widths."""
    return f"setting {setting.name}"
