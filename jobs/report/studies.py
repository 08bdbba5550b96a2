"""From the tracker to the record of a controlled study: its run, and the trainings below it."""

from collections import Counter
from collections.abc import Collection, Sequence

from jobs.report.records import ControlledStudy, SizeErrors
from jobs.spec import TrainingSpec
from jobs.tracking import RunInfo, Store

Trained = tuple[TrainingSpec, RunInfo]


def collect_study(
    store: Store, run_ids: Sequence[str], digests: Collection[str]
) -> ControlledStudy | None:
    """Return a study of the experiment, or None if there is none with a training to show.

    Args:
        store: only read.
        run_ids: the runs that were asked for; the first study among them is taken.
        digests: of the data of the document's trainings. If no study was asked for, the newest
            finished one on such data is taken; of any data if there are none.

    Raises:
        StoreError: a run that was asked for does not exist.
    """
    asked = [info for info in (store.run(i).info() for i in run_ids) if is_study(info)]
    finished = (info for info in store.runs("study") if info.status == "FINISHED")
    for info in asked or finished:
        study = _study(store, info)
        if study and (asked or not digests or study.data_digest in digests):
            return study
    return None


def is_study(info: RunInfo) -> bool:
    """Return whether a run is that of a study."""
    return info.tags.get("kind") == "study"


def _study(store: Store, info: RunInfo) -> ControlledStudy | None:
    below = [run for run in store.below(info.run_id) if run.tags.get("kind") == "training"]
    trained = _alike(
        [(spec, run) for run in below if run.status == "FINISHED" and (spec := _spec(run))]
    )
    if not trained:
        return None
    spec, _ = trained[0]
    return ControlledStudy(
        run_id=info.run_id,
        hidden_widths=spec.setting.hidden_widths,
        recipe=spec.recipe,
        precision=spec.precision,
        device=spec.device,
        data_digest=spec.data_digest,
        sizes=_sizes(trained),
        failed=len(below) - len(trained),
        intrinsic_dimension=info.metrics.get("intrinsic_dimension"),
        seeds=tuple(sorted({spec.seed for spec, _ in trained})),
        threads=spec.threads,
        git_commit=info.tags.get("mlflow.source.git.commit", ""),
    )


def _spec(run: RunInfo) -> TrainingSpec | None:
    """Return what a run trained; None if that, or how it ended, cannot be read."""
    if not {"final_test_mse", "pca_test_mse"} <= run.metrics.keys():
        return None
    try:
        return TrainingSpec.from_params(run.params)
    except (KeyError, ValueError):
        return None


def _alike(trained: Sequence[Trained]) -> list[Trained]:
    """Return the trainings that differ in latent size and seed alone: of several kinds, the most.

    They are all alike unless somebody put other runs below that of the study.
    """

    def kind(spec: TrainingSpec) -> tuple[object, ...]:
        widths = spec.setting.hidden_widths
        return widths, spec.recipe, spec.precision, spec.device, spec.data_digest

    kinds = Counter(kind(spec) for spec, _ in trained)
    most = max(kinds, key=lambda key: kinds[key], default=None)
    return [each for each in trained if kind(each[0]) == most]


def _sizes(trained: Sequence[Trained]) -> tuple[SizeErrors, ...]:
    found: dict[int, dict[int, RunInfo]] = {}
    for spec, run in trained:
        found.setdefault(spec.setting.latent_size, {}).setdefault(spec.seed, run)
    return tuple(
        SizeErrors(
            size,
            tuple(run.metrics["final_test_mse"] for _, run in sorted(by_seed.items())),
            next(iter(by_seed.values())).metrics["pca_test_mse"],
        )
        for size, by_seed in sorted(found.items())
    )
