"""All that the sections of the document share, computed once from the records."""

from dataclasses import dataclass

from jobs.report.analysis.comparison import Comparison, comparisons
from jobs.report.analysis.curve_shape import is_sound
from jobs.report.analysis.groups import (
    Group,
    comparable_groups,
    grouped,
    training_for_embedding,
    trainings_with_interpolations,
)
from jobs.report.analysis.neighbours import (
    Neighbours,
    neighbours_in_pca_plane,
    neighbours_in_plane,
)
from jobs.report.analysis.seeds import with_seeds
from jobs.report.dataset import DatasetRecord
from jobs.report.records import Records, TrainingRecord

Planes = tuple[Neighbours | None, Neighbours | None]
"""The neighbours in a training's plane, and in PCA's; None where there are none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Study:
    """What the records show; every section is a pure function of it."""

    records: Records
    groups: tuple[Group, ...]
    """Trainings that differ in the seed alone, by latent size."""
    comparable: tuple[Group, ...]
    """Groups whose errors can be set against each other."""
    comparisons: tuple[Comparison, ...]
    """Trainings beside those of the assignment's recipe."""
    sound: tuple[Group, ...]
    """Of the comparable groups those whose trainings all ended with an error that says something
    of the network: finite, and not in a spike."""
    for_interpolation: tuple[TrainingRecord, ...]
    """The trainings that Part 2 compares; it shows the pictures of the first."""
    for_embedding: TrainingRecord | None
    """The training that Part 3 shows."""
    planes: tuple[Planes, ...]
    """Which of its test images lie next to each other in its plane, and in PCA's; then the same of
    the other seeds of its setting."""

    @classmethod
    def of(cls, records: Records) -> "Study":
        """Return the study that these records make."""
        groups = grouped(records.trainings)
        comparable = comparable_groups(groups)
        for_embedding = training_for_embedding(groups)
        return cls(
            records=records,
            groups=groups,
            comparable=comparable,
            sound=tuple(group for group in comparable if all(map(is_sound, group.trainings))),
            comparisons=comparisons(groups, (*records.trainings, *records.references)),
            for_interpolation=trainings_with_interpolations(groups),
            for_embedding=for_embedding,
            planes=_planes(groups, for_embedding) if for_embedding else (),
        )

    @property
    def neighbours(self) -> Neighbours | None:
        """The neighbours in the plane that Part 3 shows."""
        return self.planes[0][0] if self.planes else None

    @property
    def pca_neighbours(self) -> Neighbours | None:
        """The neighbours of the same test images in PCA's plane."""
        return self.planes[0][1] if self.planes else None

    @property
    def own_planes(self) -> list[Neighbours]:
        """The neighbours in the plane of each seed of that setting that has one."""
        return [own for own, _ in self.planes if own]

    @property
    def planes_beside_pca(self) -> list[tuple[Neighbours, Neighbours]]:
        """The neighbours in both planes, of each seed of that setting that has both."""
        return [(own, pca) for own, pca in self.planes if own and pca]

    @property
    def dataset(self) -> DatasetRecord:
        """The data set of the comparable trainings; there is at least one training."""
        return self.comparable[0].first.dataset

    @property
    def controlled(self) -> bool:
        """Whether the comparable groups differ in latent size alone."""
        settings = [group.setting for group in self.comparable]
        sizes = {setting.latent_size for setting in settings}
        hidden = {setting.hidden_widths for setting in settings}
        return len(hidden) == 1 and len(sizes) == len(settings) > 1


def _planes(groups: tuple[Group, ...], shown: TrainingRecord) -> tuple[Planes, ...]:
    """Return the neighbours of the training that is shown, then of its other seeds."""
    trainings = with_seeds(groups, shown).trainings
    return tuple((neighbours_in_plane(t), neighbours_in_pca_plane(t)) for t in trainings)
