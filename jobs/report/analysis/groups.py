"""Trainings that may be averaged, and which of them each part of the document shows.

Trainings that differ in nothing but the seed form a group: their errors may be given as mean and
standard deviation. Trainings of one setting with another recipe, precision or data set may not.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aemodel.settings import RECIPES, Recipe, Setting
from jobs import assignment
from jobs.report.analysis.curve_shape import is_sound
from jobs.report.analysis.interpolation import EQUAL, mean_decoded, mean_ratio
from jobs.report.analysis.noise import IMAGES
from jobs.report.records import TrainingRecord
from jobs.report.wording import OPTIMIZERS

Key = tuple[object, ...]

PLANE = 2
"""Latent size whose codes are a plane."""


@dataclass(frozen=True, eq=False)
class Group:
    """The trainings of one setting that differ in the seed alone; at least one."""

    label: str
    """`setting 1`, or with the iterations if one setting was trained in several ways."""
    trainings: tuple[TrainingRecord, ...]

    @property
    def first(self) -> TrainingRecord:
        return self.trainings[0]

    @property
    def setting(self) -> Setting:
        return self.first.spec.setting

    @property
    def recipe(self) -> Recipe:
        return self.first.spec.recipe

    @property
    def images(self) -> int:
        """Test images; MNIST's number if they were not recorded."""
        return IMAGES if self.first.labels is None else len(self.first.labels)

    def values(self, field: str) -> list[float]:
        """Return the finite values of one field of the trainings, in their order."""
        values = (getattr(training, field) for training in self.trainings)
        return [value for value in values if value is not None and math.isfinite(value)]

    def mean(self, field: str) -> float | None:
        """Return the mean of one field over the trainings that have it; None when none has."""
        values = self.values(field)
        return float(np.mean(values)) if values else None

    def name(self, training: TrainingRecord) -> str:
        """Return what to call one of the trainings: with its seed if there are several."""
        if len(self.trainings) == 1:
            return self.label
        return f"{self.label} (seed {training.spec.seed})"


def grouped(trainings: Iterable[TrainingRecord]) -> tuple[Group, ...]:
    """Return the groups of these trainings, by latent size, then in the trainings' order."""
    members: dict[Key, list[TrainingRecord]] = {}
    for training in trainings:
        key = (training.spec.setting, *conditions(training))
        members.setdefault(key, []).append(training)
    ways = Counter(group[0].spec.setting for group in members.values())
    groups = [
        Group(_label(group[0], ways[group[0].spec.setting] > 1), tuple(group))
        for group in members.values()
    ]
    return tuple(
        sorted(groups, key=lambda group: (group.setting.latent_size, group.setting.parameter_count))
    )


def comparable_groups(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the groups, by latent size, that share recipe, precision and data with most others.

    Errors of different settings can be set against each other only within these.
    """
    shares = Counter(conditions(group.first) for group in groups)
    if not shares:
        return ()
    most = max(groups, key=lambda group: (shares[conditions(group.first)], group.recipe.iterations))
    return tuple(group for group in groups if conditions(group.first) == conditions(most.first))


def trainings_with_interpolations(groups: Iterable[Group]) -> tuple[TrainingRecord, ...]:
    """Return those that part 2 compares, the one that it shows first.

    Of each group the first training that has interpolations: of settings 2 and 3, as the assignment
    asks, or of any if there are none of these; a training that ended in a spike decodes badly, and
    is left out if there is another. First is the one whose decoded pictures are nearest to test
    images, measured against pixel blends; of those as near by this measure, the nearest.
    """
    firsts = (next((t for t in group.trainings if t.interpolations), None) for group in groups)
    with_paths = [training for training in firsts if training]
    asked = [t for t in with_paths if t.spec.setting.name in assignment.INTERPOLATED]
    candidates = asked or with_paths
    sound = [training for training in candidates if is_sound(training)]
    ranked = sorted(sound or candidates, key=mean_ratio)
    ties = [t for t in ranked if mean_ratio(t) <= mean_ratio(ranked[0]) + EQUAL]
    ahead = sorted(ties, key=mean_decoded)[:1]
    return (*ahead, *(t for t in ranked if t not in ahead))


def training_for_embedding(groups: tuple[Group, ...]) -> TrainingRecord | None:
    """Return the training whose codes part 3 shows.

    It is setting 1, else one of two latent dimensions, else of the smallest latent size.
    """
    ranked = sorted(
        groups,
        key=lambda group: (
            group.setting.name != assignment.EMBEDDED,
            group.setting.latent_size != PLANE,
            group.setting.latent_size,
        ),
    )
    trainings = (t for group in ranked for t in group.trainings)
    return next((t for t in trainings if t.codes is not None and t.labels is not None), None)


def conditions(training: TrainingRecord) -> Key:
    """Return what trainings must share for their errors to be compared across settings."""
    return (training.spec.recipe, training.spec.precision, training.spec.data_digest)


def _label(training: TrainingRecord, ambiguous: bool) -> str:
    label = setting_name(training.spec.setting)
    if not ambiguous:
        return label
    recipe = training.spec.recipe
    fields, preset = [f"{recipe.iterations:,} iterations"], RECIPES.get(recipe.name)
    if preset is None or recipe.learning_rate != preset.learning_rate:
        fields.append(f"learning rate {recipe.learning_rate:g}")
    if preset is None or recipe.batch_size != preset.batch_size:
        fields.append(f"batch {recipe.batch_size}")
    if preset is None or recipe.optimizer != preset.optimizer:
        fields.append(OPTIMIZERS[recipe.optimizer])
    if training.spec.precision != "float32":
        fields.append(training.spec.precision)
    return f"{label} ({recipe.name} recipe, {', '.join(fields)})"


def setting_name(setting: Setting) -> str:
    """Return `setting 1`, or `setting 256-64-8` for other widths."""
    return f"setting {setting.name}"
