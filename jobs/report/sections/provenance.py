"""Where the document's numbers come from, what its terms mean, and how to make them again."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

from aemodel.settings import RECIPES, SETTINGS, Recipe
from jobs.report.analysis import curve_shape as shape
from jobs.report.analysis.groups import setting_name
from jobs.report.records import Records, TrainingRecord
from jobs.report.sections import embedding
from jobs.report.sections.limitations import versions
from jobs.report.wording import OPTIMIZERS, SOAP, count, listing, one_line, threshold

REPRODUCE = (
    "In a checkout of the project these commands train the same networks again and build this "
    "document from them. On the same machine they give the same numbers."
)
OVERRIDES = ("iterations", "learning_rate", "batch_size", "eval_every")
"""Fields of a recipe that the command line can change."""


def facts(records: Records) -> Iterator[str]:
    """Yield one line for each thing that the results depend on."""
    request = records.request
    yield f"Experiment: {one_line(request.experiment)}."
    yield f"Tracked at: {_address(request.tracking_uri)}."
    trainings = records.trainings
    yield from _fact("Recipe", trainings, lambda training: recipe_text(training.recipe))
    yield from _fact("Arithmetic", trainings, _arithmetic)
    yield from _fact(
        "Code", trainings, lambda training: one_line(training.git_commit) or "no commit"
    )
    yield from _fact("Data digest", trainings, lambda training: one_line(training.data_digest))
    yield from _fact("Versions", trainings, versions)


def _arithmetic(training: TrainingRecord) -> str:
    threads = (
        "threads not recorded"
        if training.threads is None
        else f"{training.threads} thread{'s' * (training.threads > 1)}"
    )
    return f"{one_line(training.precision)}, {threads}"


def _fact(
    name: str, trainings: Sequence[TrainingRecord], value: Callable[[TrainingRecord], str]
) -> Iterator[str]:
    """Yield a fact once when it is the same for all trainings, else with who it holds for."""
    users: dict[str, list[str]] = {}
    for training in trainings:
        users.setdefault(value(training) or "not recorded", []).append(
            setting_name(training.setting)
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
        f" after {count(recipe.warmup_iterations)} of warm-up" if recipe.warmup_iterations else ""
    )
    soap = f"{SOAP}; " if recipe.optimizer == "soap" else ""
    return (
        f"{one_line(recipe.name, 40)}: {count(recipe.iterations)} iterations of "
        f"{OPTIMIZERS[recipe.optimizer]} ({soap}beta 1 {recipe.beta_1:g}, beta 2 "
        f"{recipe.beta_2:g}, epsilon {recipe.epsilon:g}) on mini-batches of "
        f"{count(recipe.batch_size)}, learning rate {recipe.learning_rate:g}, "
        f"{recipe.schedule}{warmup}; test error every {count(recipe.eval_every)} iterations"
    )


def definitions() -> Iterator[str]:
    """Yield what the observations mean by their terms, with the thresholds used."""
    yield (
        f"Spike: a recorded error above {shape.SPIKE_RATIO:g} times the median of the "
        f"{shape.SPIKE_WINDOW} before it. It is over at the first error of at most "
        f"{shape.RECOVERED_RATIO:g} times that median."
    )
    yield (
        f"Plateau: the error (median of 5) stays within {threshold(shape.PLATEAU_BAND)} while the "
        f"iteration number grows by a factor of {shape.PLATEAU_SPAN:g} or more (over "
        f"{shape.PLATEAU_POINTS} recorded errors at least), and over the next stretch of that "
        f"factor falls by {threshold(shape.PLATEAU_EXIT)} or more."
    )
    yield (
        f"Level of an error: median over {threshold(shape.TREND_SHARE)} of the curve, spikes left "
        f"out. It rises after its best when its last level is {threshold(shape.OVERFIT_RISE)} or "
        f"more above its lowest, reached in the first {threshold(shape.OVERFIT_BY)} of the "
        f"training; it still falls when it ends {threshold(shape.FALLING)} or more below where it "
        "was a tenth of the training earlier."
    )
    yield (
        f"A digit stands apart when {threshold(embedding.STANDS_APART)} or more of the neighbours "
        "of its images show the same digit; two digits overlap when "
        f"{threshold(embedding.OVERLAP)} or more, averaged over both, show the other."
    )


def commands(trainings: Sequence[TrainingRecord]) -> Iterator[str]:
    """Yield the commands that train these networks again, one for each recipe and precision."""
    ways: dict[tuple[str, Recipe, str], list[TrainingRecord]] = {}
    for run in trainings:
        ways.setdefault((run.git_commit, run.recipe, run.precision), []).append(run)
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
    names = list(dict.fromkeys(run.setting.name for run in runs))
    yield "setting", "all" if names == list(SETTINGS) else ",".join(names)
    preset = RECIPES.get(recipe.name, RECIPES["assignment"])
    yield "recipe", preset.name
    for field in fields(Recipe):
        here = getattr(recipe, field.name)
        if field.name in OVERRIDES and here != getattr(preset, field.name):
            yield field.name, f"{here}"
    yield "seeds", ",".join(str(seed) for seed in dict.fromkeys(run.seed for run in runs))
    pairs = dict.fromkeys((p.digit_a, p.digit_b) for run in runs for p in run.interpolations)
    if pairs:
        yield "pairs", ",".join(f"{a}-{b}" for a, b in pairs)
    if precision == "bfloat16":
        yield "precision", precision
