"""From the tracker to records: the one place of the report that reads runs.

A training is taken as it is recorded: what a run lacks is None in its record, and a run that cannot
be in the document is an `Omission` that says why.
"""

import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from itertools import chain
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from aemodel.generation import Quality
from aemodel.settings import RECIPES, SETTINGS
from jobs import assignment
from jobs.artifacts.files import EXPLORER, RunFiles
from jobs.report.analysis.comparison import Key, complete_curve, matching_key, needs_reference
from jobs.report.dataset import DIGITS
from jobs.report.recorded import recorded_trainings
from jobs.report.records import (
    Curve,
    Generated,
    Omission,
    PlaneQuality,
    Program,
    Records,
    ReportRequest,
    TrainingRecord,
)
from jobs.report.studies import collect_study, is_study
from jobs.report.wording import listing
from jobs.spec import TrainingSpec
from jobs.tracking import Run, RunInfo, Store, StoreError, git_commit
from jobs.version import project

MAX_NAMED = 3
"""Trainings that a message names."""

Usable = tuple[RunInfo, TrainingSpec]
Judged = tuple[RunInfo, TrainingSpec | Omission]
"""A run with what it trained, or with why it cannot be in the document."""


def collect_records(store: Store, request: ReportRequest) -> Records:
    """Return all that the report needs of the store; only reads.

    Raises:
        StoreError: a run that was asked for does not exist, or there is no finished training.
    """
    usable, omissions = _chosen(store, request.run_ids)
    if not usable:
        raise StoreError(_nothing_found(store, omissions))
    trainings = tuple(sorted((_training(store, *run) for run in usable), key=_rank))
    return Records(
        request=request,
        program=Program(str(project()["version"]), git_commit()),
        experiment=store.experiment,
        tracking_uri=store.address,
        trainings=trainings,
        omissions=tuple(omissions),
        references=_references(store, trainings),
        controlled_study=collect_study(
            store, request.run_ids, {training.spec.data_digest for training in trainings}
        ),
    )


def _nothing_found(store: Store, omissions: Sequence[Omission]) -> str:
    """Say that there is nothing to report on, why, and where there is something."""
    reasons = "; ".join(f"{omission.what}: {omission.why}" for omission in omissions)
    text = (
        f"there is no finished training to report on in experiment {store.experiment!r}"
        f"{f' ({reasons})' if reasons else ''}; nothing is written. "
    )
    judged = map(_judged, store.runs("training"))
    if own := [info.run_id for info, spec in judged if isinstance(spec, TrainingSpec)]:
        return f"{text}It has trainings that can be named: runs={','.join(own[:MAX_NAMED])}"
    others = [repr(name) for name in store.experiments_with("training") if name != store.experiment]
    return text + (
        f"Experiments with trainings: {listing(others)}" if others else "No other has any"
    )


def _chosen(store: Store, run_ids: Sequence[str]) -> tuple[list[Usable], list[Omission]]:
    """Return the trainings that were asked for, and why other runs are not among them.

    A study that was asked for is not one of them: `collect_study` finds it.
    """
    others = [run_id for run_id in run_ids if not is_study(store.run(run_id).info())]
    if not others:
        return _preferred([_judged(info) for info in store.runs("training")])
    infos = chain.from_iterable(_trainings_of(store, run_id) for run_id in others)
    judged = [_judged(info) for info in {info.run_id: info for info in infos}.values()]
    usable = [(info, spec) for info, spec in judged if isinstance(spec, TrainingSpec)]
    return usable, [spec for _, spec in judged if isinstance(spec, Omission)]


def _trainings_of(store: Store, run_id: str) -> list[RunInfo]:
    """Return a run, or the trainings below it if it has any."""
    info = store.run(run_id).info()
    trainings = [child for child in store.below(run_id) if child.tags.get("kind") == "training"]
    return trainings or [info]


def _preferred(judged: Sequence[Judged]) -> tuple[list[Usable], list[Omission]]:
    """Return one finished training of each setting, and what was passed over for it.

    A training whose recipe is one of the presets goes before one with a changed recipe, such as a
    short trial; of these the newest.

    Args:
        judged: all trainings, the newest first.
    """
    chosen: list[Usable] = []
    omissions: list[Omission] = []
    other_seeds = 0
    for name in SETTINGS:
        of_setting = [(info, spec) for info, spec in judged if _is_of(info, name)]
        usable = [(info, spec) for info, spec in of_setting if isinstance(spec, TrainingSpec)]
        presets = [(info, spec) for info, spec in usable if _is_preset(spec)]
        best = (presets or usable)[:1]
        chosen += best
        newer = of_setting[: of_setting.index(best[0])] if best else of_setting
        omissions += [_passed_over(*run) for run in newer[:1]]
        other_seeds += sum(_is_other_seed(spec, best[0][1]) for _, spec in usable)
        if not of_setting:
            omissions.append(Omission(f"setting {name}", "no run"))
    if other_seeds:
        many = f"{other_seeds} trainings with other seeds"
        what = "a training with another seed" if other_seeds == 1 else many
        why = "the newest of each setting is taken; the parameter runs names others"
        omissions.append(Omission(what, why))
    return chosen, omissions


def _is_preset(spec: TrainingSpec) -> bool:
    return RECIPES.get(spec.recipe.name) == spec.recipe


def _is_other_seed(spec: TrainingSpec, taken: TrainingSpec) -> bool:
    """Return whether a training differs from one that was taken in the seed alone."""
    return spec.seed != taken.seed and replace(spec, seed=taken.seed) == taken


def _passed_over(info: RunInfo, spec: TrainingSpec | Omission) -> Omission:
    """Return why a newer run of a setting was not taken."""
    if isinstance(spec, Omission):
        return spec
    return Omission(
        _what(info),
        f"newer, but its recipe is a changed {spec.recipe.name}: an unchanged one goes first",
    )


def _what(info: RunInfo) -> str:
    return f"{info.name} (run {info.run_id[:8]})"


def _is_of(info: RunInfo, setting: str) -> bool:
    return info.params.get("setting") == setting


def _judged(info: RunInfo) -> Judged:
    """Return a run with what it trained, or with why it cannot be in the document."""
    what = _what(info)
    if info.tags.get("kind") != "training":
        return info, Omission(what, "not a training")
    if info.status != "FINISHED":
        why = "still running" if info.status == "RUNNING" else info.status
        reason = info.tags.get("reason", "")
        return info, Omission(what, f"{why}: {reason}" if reason else why)
    try:
        return info, TrainingSpec.from_params(info.params)
    except (KeyError, ValueError) as error:
        return info, Omission(what, f"its parameters cannot be read: {error}")


def _rank(training: TrainingRecord) -> tuple[bool, str, int]:
    name = training.spec.setting.name
    return name not in SETTINGS, name, training.spec.seed


def _references(store: Store, trainings: Iterable[TrainingRecord]) -> tuple[TrainingRecord, ...]:
    """Return trainings with the assignment's recipe, for those of another recipe to be set beside.

    For each setting and data set, if there is none among `trainings`: the newest of the experiment
    in each precision, or else those that the project recorded. The files of these runs are not
    read.
    """
    missing = needs_reference(trainings)
    references: dict[Key, TrainingRecord] = {}
    for reference in assigned_trainings(store, missing) if missing else ():
        references.setdefault((matching_key(reference), reference.spec.precision), reference)
    missing -= {matching_key(reference) for reference in references.values()}
    recorded = [t for t in recorded_trainings() if matching_key(t) in missing] if missing else []
    return tuple(sorted([*references.values(), *recorded], key=_rank))


def assigned_trainings(store: Store, keys: Container[Key]) -> Iterator[TrainingRecord]:
    """Yield the finished trainings, the newest first, with the assignment's recipe unmodified.

    Those of these settings and data sets (`matching_key`) whose curve is complete, of any seed.
    """
    for info, spec in map(_judged, store.runs("training")):
        if isinstance(spec, TrainingSpec) and spec.recipe == assignment.RECIPE:
            logged = _logged(info, spec)
            if matching_key(logged) in keys:
                training = replace(logged, curve=_curve(store.run(info.run_id)))
                if complete_curve(training):
                    yield training


def _training(store: Store, info: RunInfo, spec: TrainingSpec) -> TrainingRecord:
    run = store.run(info.run_id)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(run, Path(folder))
        image_mse = files.image_mse()
        paths = (files.interpolation(pair) for pair in spec.pairs)
        return replace(
            _logged(info, spec),
            curve=_curve(run),
            codes=files.codes(),
            labels=files.labels(),
            image_mse=image_mse,
            pca_image_mse=files.pca_image_mse(),
            interpolations=tuple(path for path in paths if path is not None),
            reconstructions=files.reconstructions(),
            manifold=files.manifold(),
            manifold_points=files.manifold_points(),
            pca_reconstructions=files.pca_reconstructions(),
            samples=files.samples(),
            pca_xy=files.pca_plane(),
            class_counts=files.class_counts(),
            reconstructed_as=files.reconstructed_as(),
            real_interpolations=files.real_interpolations(),
            generated=_generated(info.metrics, files, is_older=image_mse is None),
            explorer=_explorer(store, run),
        )


def _files(run: Run, folder: Path) -> RunFiles:
    """Return the artifacts of a run, downloaded into `folder` when they are asked for.

    Each request to a store takes longer than a small file: what is in a folder comes at once.
    """

    @cache
    def download(path: str) -> Path | None:
        return run.download(path, folder)

    def fetch(path: str) -> Path | None:
        top, *below = PurePosixPath(path).parts
        local = download(top)
        file = local.joinpath(*below) if local else None
        return file if file and file.is_file() else None

    return RunFiles(fetch)


def _explorer(store: Store, run: Run) -> str | None:
    """Return where a server shows the explorer of a run; empty if the store is none."""
    if not run.has(EXPLORER):
        return None
    if not store.tracking_uri.startswith("http"):
        return ""
    page, _, query = store.link(run.run_id).rpartition("?")
    return f"{page}/artifacts/{EXPLORER}?{query}"


def _logged(info: RunInfo, spec: TrainingSpec) -> TrainingRecord:
    """Return what parameters, tags and final metrics tell of a training."""
    metrics = info.metrics
    best, axes = metrics.get("best_iteration"), metrics.get("pixel_axes")
    classes = tuple(info.tags.get("data_classes", "").splitlines())
    by_digit = [metrics[name] for d in range(10) if (name := f"mse_digit_{d}") in metrics]
    return TrainingRecord(
        run_id=info.run_id,
        spec=spec,
        end_time_ms=info.end_ms,
        git_commit=info.tags.get("mlflow.source.git.commit", ""),
        data_name=info.tags.get("data_name", ""),
        classes=classes if len(classes) == len(DIGITS) else DIGITS,
        pixel_axes=None if axes is None else int(axes),
        versions={
            name.removeprefix("version."): text
            for name, text in sorted(info.tags.items())
            if name.startswith("version.")
        },
        curve=None,
        final_test_mse=metrics.get("final_test_mse"),
        best_test_mse=metrics.get("best_test_mse"),
        best_iteration=None if best is None else int(best),
        pca_test_mse=metrics.get("pca_test_mse"),
        train_seconds=metrics.get("train_seconds"),
        knn_accuracy=metrics.get("knn_accuracy"),
        final_train_mse=metrics.get("final_train_mse"),
        pca_train_mse=metrics.get("pca_train_mse"),
        knn_accuracy_pca=metrics.get("knn_accuracy_pca"),
        knn_accuracy_pixels=metrics.get("knn_accuracy_pixels"),
        decoder_affine_share=metrics.get("decoder_affine_share"),
        plane=_plane(metrics, ""),
        pca_plane=_plane(metrics, "pca_"),
        mse_by_digit=tuple(by_digit) if len(by_digit) == 10 else (),
    )


def _plane(metrics: Mapping[str, float], prefix: str) -> PlaneQuality | None:
    names = f"{prefix}trustworthiness", f"{prefix}continuity"
    if not metrics.keys() >= set(names):
        return None
    return PlaneQuality(*(metrics[name] for name in names))


def _generated(
    metrics: Mapping[str, float], files: RunFiles, *, is_older: bool
) -> Generated | None:
    """Return what was generated, if all of it was recorded.

    Older runs, without the error of each image, measured the reconstructions of the test images,
    which cannot be set beside others in their distance to these.
    """
    gaussian, mixture = files.generated("gaussian"), files.generated("mixture")
    if gaussian is None or mixture is None:
        return None
    try:
        return Generated(
            gaussian_images=gaussian,
            mixture_images=mixture,
            gaussian=_quality(metrics, "gaussian"),
            mixture=_quality(metrics, "mixture"),
            reconstructions=None if is_older else _quality(metrics, "reconstructions"),
            real=_quality(metrics, "real"),
            components=int(metrics["generated_components"]),
            classifier_accuracy=metrics["generated_classifier_accuracy"],
        )
    except KeyError:
        return None


def _quality(metrics: Mapping[str, float], kind: str) -> Quality:
    return Quality(**{f.name: metrics[f"generated_{kind}_{f.name}"] for f in fields(Quality)})


def _curve(run: Run) -> Curve | None:
    test = run.history("test_mse")
    if not test:
        return None
    iterations = np.array([step for step, _ in test])
    train = dict(run.history("train_mse"))
    return Curve(
        iterations,
        np.array([value for _, value in test]),
        _seconds(run, iterations),
        np.array([train.get(int(step), np.nan) for step in iterations]),
    )


def _seconds(run: Run, iterations: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the seconds of training until each iteration; NaN where they are not known.

    Older runs recorded rates instead: updates a second since the previous point. If one is
    missing, its point has no time, and those after it count its updates at its neighbours' rate.
    """
    if recorded := dict(run.history("seconds")):
        return np.array([recorded.get(int(step), np.nan) for step in iterations])
    rates = dict(run.history("iterations_per_second"))
    missing = np.array([int(step) not in rates for step in iterations])
    if missing.all():
        return np.full(iterations.size, np.nan)
    known = np.interp(
        iterations, iterations[~missing], [rates[int(i)] for i in iterations[~missing]]
    )
    seconds = np.cumsum(np.diff(iterations, prepend=-1) / known)
    return np.where(missing, np.nan, seconds)
