"""All that the sections of the document share, computed once from the records."""

from dataclasses import dataclass

from jobs.report.analysis.comparison import Comparison, comparisons
from jobs.report.analysis.groups import (
    Group,
    comparable_groups,
    grouped,
    training_for_embedding,
    training_for_interpolation,
)
from jobs.report.records import Records, TrainingRecord


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
    for_interpolation: TrainingRecord | None
    """The training that Part 2 shows."""
    for_embedding: TrainingRecord | None
    """The training that Part 3 shows."""

    @classmethod
    def of(cls, records: Records) -> "Study":
        """Return the study that these records make."""
        groups = grouped(records.trainings)
        return cls(
            records=records,
            groups=groups,
            comparable=comparable_groups(groups),
            comparisons=comparisons(groups, (*records.trainings, *records.references)),
            for_interpolation=training_for_interpolation(groups),
            for_embedding=training_for_embedding(groups),
        )

    @property
    def controlled(self) -> bool:
        """Whether the comparable groups differ in latent size alone."""
        settings = [group.setting for group in self.comparable]
        sizes = {setting.latent_size for setting in settings}
        hidden = {setting.hidden_widths for setting in settings}
        return len(hidden) == 1 and len(sizes) == len(settings) > 1
