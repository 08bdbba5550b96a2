"""Where the document's numbers come from, what its terms mean, and how to make them again."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime

from aemodel.settings import RECIPES, SETTINGS, Recipe
from jobs.report.analysis import curve_shape
from jobs.report.analysis.groups import setting_name
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Bullets, Code, Heading, Paragraph, Table
from jobs.report.records import Records, TrainingRecord
from jobs.report.sections import embedding
from jobs.report.sections.limitations import versions
from jobs.report.wording import (
    OPTIMIZERS,
    SOAP,
    UNKNOWN,
    format_count,
    format_mse,
    format_threshold,
    listing,
    one_line,
)

REPRODUCE = (
    "In a checkout of the project these commands train the same networks again and build this "
    "document from them. On the same machine they give the same numbers."
)
OVERRIDES = ("iterations", "learning_rate", "batch_size", "eval_every")
"""Fields of a recipe that the command line can change."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield what the numbers come from, what the terms mean, and how to make them again."""
    trainings = study.records.trainings
    references = dict.fromkeys(comparison.reference for comparison in study.comparisons)
    beside = [training for training in references if training not in trainings]
    yield Heading("Provenance")
    if trainings:
        yield _table([*trainings, *beside])
    yield Bullets(tuple(facts(study.records)), fine=True)
    if trainings:
        yield Heading("How the terms are measured", 2)
        yield Bullets(tuple(definitions()), fine=True)
        yield Heading("How to reproduce", 2)
        yield Paragraph(REPRODUCE, sticky=True)
        yield Code("\n".join(commands([*beside, *trainings])))


def _table(trainings: Sequence[TrainingRecord]) -> Table:
    """Return the runs the document rests on, in the order given."""
    columns = (
        ("Setting", "left"), ("Seed", "right"), ("Recipe", "left"), ("Run", "left"),
        ("Run id", "left"), ("Ended (UTC)", "left"), ("Final MSE", "right"),
    )  # fmt: skip
    return Table(
        key="table-runs",
        caption="The MLflow runs behind this document.",
        columns=columns,
        rows=[_row(training) for training in trainings],
    )


def _row(training: TrainingRecord) -> list[str]:
    return [
        training.spec.setting.name,
        str(training.spec.seed),
        one_line(training.spec.recipe.name, 40),
        one_line(training.run_name, 40) or UNKNOWN,
        one_line(training.run_id, 40),
        _moment(training.end_time_ms),
        format_mse(training.final_test_mse),
    ]


def _moment(milliseconds: int | None) -> str:
    """Return a time as `2026-11-22 08:10`."""
    if milliseconds is None:
        return UNKNOWN
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"


def facts(records: Records) -> Iterator[str]:
    """Yield one line for each thing that the results depend on."""
    yield f"Experiment: {one_line(records.experiment)}."
    yield f"Tracked at: {_address(records.tracking_uri)}."
    trainings = records.trainings
    yield from _fact("Recipe", trainings, lambda training: recipe_text(training.spec.recipe))
    yield from _fact("Arithmetic", trainings, _arithmetic)
    yield from _fact(
        "Code", trainings, lambda training: one_line(training.git_commit) or "no commit"
    )
    yield from _fact("Data digest", trainings, lambda training: one_line(training.spec.data_digest))
    yield from _fact("Versions", trainings, versions)


def _arithmetic(training: TrainingRecord) -> str:
    threads = (
        "threads not recorded"
        if not training.spec.threads
        else f"{training.spec.threads} thread{'s' * (training.spec.threads > 1)}"
    )
    return f"{one_line(training.spec.precision)}, {threads}"


def _fact(
    name: str, trainings: Sequence[TrainingRecord], value: Callable[[TrainingRecord], str]
) -> Iterator[str]:
    """Yield a fact once when it is the same for all trainings, else with who it holds for."""
    users: dict[str, list[str]] = {}
    for training in trainings:
        users.setdefault(value(training) or "not recorded", []).append(
            setting_name(training.spec.setting)
        )
    if len(users) == 1:
        yield f"{name}: {next(iter(users))}."
    elif users:
        parts = (f"{key} ({listing(dict.fromkeys(who))})" for key, who in users.items())
        yield f"{name}: {'; '.join(parts)}."


def _address(uri: str) -> str:
    """Return a tracking address that may be handed in.

    Without user name and password, and of a file only its name: folders are nobody's affair.
    """
    if uri.startswith("sqlite:"):
        return one_line(f"{uri.rpartition('/')[2]} (SQLite)")
    return one_line(re.sub("//[^/@]*@", "//", uri))


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe in words."""
    warmup = (
        f" after {format_count(recipe.warmup_iterations)} of warm-up"
        if recipe.warmup_iterations
        else ""
    )
    soap = f"{SOAP}; " if recipe.optimizer == "soap" else ""
    return (
        f"{one_line(recipe.name, 40)}: {format_count(recipe.iterations)} iterations of "
        f"{OPTIMIZERS[recipe.optimizer]} ({soap}beta 1 {recipe.beta_1:g}, beta 2 "
        f"{recipe.beta_2:g}, epsilon {recipe.epsilon:g}) on mini-batches of "
        f"{format_count(recipe.batch_size)}, learning rate {recipe.learning_rate:g}, "
        f"{recipe.schedule}{warmup}; test error every {format_count(recipe.eval_every)} iterations"
    )


def definitions() -> Iterator[str]:
    """Yield what the observations mean by their terms, with the thresholds used."""
    yield (
        f"Spike: a recorded error above {curve_shape.SPIKE_RATIO:g} times the median of the "
        f"{curve_shape.SPIKE_WINDOW} before it. It is over at the first error of at most "
        f"{curve_shape.RECOVERED_RATIO:g} times that median."
    )
    yield (
        "Plateau: the error (median of 5) stays within "
        f"{format_threshold(curve_shape.PLATEAU_BAND)} while the iteration number grows by a "
        f"factor of {curve_shape.PLATEAU_SPAN:g} or more (over {curve_shape.PLATEAU_POINTS} "
        "recorded errors at least), and over the next stretch of that factor falls by "
        f"{format_threshold(curve_shape.PLATEAU_EXIT)} or more."
    )
    yield (
        f"Level of an error: median over {format_threshold(curve_shape.TREND_SHARE)} of the "
        "curve, spikes left out. It rises after its best when its last level is "
        f"{format_threshold(curve_shape.OVERFIT_RISE)} or more above its lowest, reached in the "
        f"first {format_threshold(curve_shape.OVERFIT_BY)} of the training; it still falls when "
        f"it ends {format_threshold(curve_shape.FALLING)} or more below where it was a tenth of "
        "the training earlier."
    )
    yield (
        f"A digit stands apart when {format_threshold(embedding.STANDS_APART)} or more of the "
        "neighbours of its images show the same digit; two digits overlap when "
        f"{format_threshold(embedding.OVERLAP)} or more, averaged over both, show the other."
    )


def commands(trainings: Sequence[TrainingRecord]) -> Iterator[str]:
    """Yield the commands that train these networks again, one for each recipe and precision."""
    ways: dict[tuple[str, Recipe, str], list[TrainingRecord]] = {}
    for run in trainings:
        ways.setdefault((run.git_commit, run.spec.recipe, run.spec.precision), []).append(run)
    out = ""
    for (commit, recipe, precision), runs in ways.items():
        if commit.isalnum() and commit != out:
            yield f"git checkout {one_line(commit, 64)}"
            out = commit
        yield "mlflow run . --experiment-name mnist-autoencoders" + "".join(
            f" -P {name}={value}" for name, value in _parameters(runs, recipe, precision)
        )
    yield "mlflow run . -e report --experiment-name mnist-autoencoders"


def _parameters(
    runs: Sequence[TrainingRecord], recipe: Recipe, precision: str
) -> Iterator[tuple[str, str]]:
    names = list(dict.fromkeys(run.spec.setting.name for run in runs))
    yield "setting", "all" if names == list(SETTINGS) else ",".join(names)
    preset = RECIPES.get(recipe.name, RECIPES["assignment"])
    yield "recipe", preset.name
    for field in fields(Recipe):
        here = getattr(recipe, field.name)
        if field.name in OVERRIDES and here != getattr(preset, field.name):
            yield field.name, f"{here}"
    yield "seeds", ",".join(str(seed) for seed in dict.fromkeys(run.spec.seed for run in runs))
    pairs = dict.fromkeys((p.digit_a, p.digit_b) for run in runs for p in run.interpolations)
    if pairs:
        yield "pairs", ",".join(f"{a}-{b}" for a, b in pairs)
    if precision == "bfloat16":
        yield "precision", precision
