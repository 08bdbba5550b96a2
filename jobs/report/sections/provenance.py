"""Who wrote the document, where its numbers come from, and how to make them again."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from aemodel.data import MNIST_DIGEST
from aemodel.settings import RECIPES, SETTINGS, Recipe
from jobs.report.analysis import curve_shape
from jobs.report.analysis.groups import setting_name
from jobs.report.analysis.interpolation import EQUAL
from jobs.report.analysis.noise import single_training
from jobs.report.analysis.seeds import has_seeds
from jobs.report.analysis.study import Study
from jobs.report.author import AuthorNotes
from jobs.report.blocks import Block, Bullets, Code, Heading, Paragraph, Table
from jobs.report.records import ControlledStudy, Records, TrainingRecord
from jobs.report.sections import embedding, generation, interpolation, part_1, reconstruction
from jobs.report.sections.limitations import versions
from jobs.report.wording import (
    OPTIMIZERS,
    UNKNOWN,
    format_count,
    format_mse,
    format_percent,
    listing,
    one_line,
    recipe_label,
)

PROJECT = "mnist-autoencoders"
EXPERIMENT = "reproduction"
"""Experiment of the commands, so that no other run gets into their document."""
OVERRIDES = ("iterations", "learning_rate", "batch_size", "eval_every")
"""Fields of a recipe that the command line can change."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield who wrote this, what the numbers come from, and how to make them again."""
    trainings = study.records.trainings
    references = dict.fromkeys(comparison.reference for comparison in study.comparisons)
    beside = [
        training
        for training in references
        if training.recording is None and training not in trainings
    ]
    yield Heading("Provenance")
    yield Paragraph(authorship(study.records))
    if trainings:
        yield _table([*trainings, *beside])
    yield Bullets(tuple(facts(study.records)), fine=True)
    if terms := tuple(definitions(study)):
        yield Heading("How the terms are measured", 2)
        yield Bullets(terms, fine=True)
    if trainings:
        yield Heading("How to reproduce", 2)
        yield from reproduction(study.records, [*beside, *trainings])


def authorship(records: Records) -> str:
    """Say which sentences the program wrote, and which the author."""
    program, request = records.program, records.request
    commit = f" (commit {one_line(program.commit, 40)})" if program.commit else ""
    author = one_line(request.author) or "the author"
    notes = AuthorNotes.of(request)
    early = any(t.samples is not None or t.manifold is not None for t in records.trainings)
    drawn = "; some figures were drawn when the networks were trained" if early else ""
    text = (
        f"The program {PROJECT} {one_line(program.version, 40)}{commit} made this document{drawn}; "
        "its date is that of the newest run. The program wrote every sentence"
    )
    own = ["“Author's notes”"] if notes.parts else []
    own += ["“Notes”"] if notes.rest else []
    return f"{text}, except under {listing(own)}: that is by {author}." if own else f"{text}."


def _table(trainings: Sequence[TrainingRecord]) -> Table:
    """Return the runs the document rests on, in the order given."""
    columns = (
        ("Setting", "left"), ("Seed", "right"), ("Recipe", "left"), ("Run id", "left"),
        ("Ended (UTC)", "left"), ("Final MSE", "right"),
    )  # fmt: skip
    return Table(
        key="table-runs",
        caption="MLflow runs used.",
        columns=columns,
        rows=[_row(training) for training in trainings],
    )


def _row(training: TrainingRecord) -> list[str]:
    return [
        training.spec.setting.name,
        str(training.spec.seed),
        recipe_label(training.spec.recipe),
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
    yield from _fact("Data", trainings, _data)
    yield from _fact("Versions", trainings, versions)
    if made := records.controlled_study:
        code = one_line(made.git_commit) or "no commit"
        yield f"Controlled study: run {one_line(made.run_id, 40)}, code {code}."


def _data(training: TrainingRecord) -> str:
    digest = one_line(training.spec.data_digest) or "not recorded"
    return f"{training.dataset.title}, digest {digest}"


def _arithmetic(training: TrainingRecord) -> str:
    number = training.spec.threads
    threads = f"{number} thread{'s' * (number > 1)}" if number else "threads not recorded"
    place = "on a GPU, " if training.spec.device == "gpu" else ""
    return f"{one_line(training.spec.precision)}, {place}{threads}"


def _fact(
    name: str, trainings: Sequence[TrainingRecord], value: Callable[[TrainingRecord], str]
) -> Iterator[str]:
    """Yield a fact once if it is the same for all trainings, else with who it holds for."""
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

    Without user name and password, and of a file only its name: folders are private.
    """
    if uri.startswith("sqlite:"):
        return one_line(f"{uri.rpartition('/')[2]} (SQLite)")
    return one_line(re.sub("//[^/@]*@", "//", uri))


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe in words."""
    warmup = (
        f" after {format_count(recipe.warmup_iterations)} iterations of warm-up"
        if recipe.warmup_iterations
        else ""
    )
    return (
        f"{recipe_label(recipe)}: {format_count(recipe.iterations)} iterations of "
        f"{OPTIMIZERS[recipe.optimizer]} (beta 1 {recipe.beta_1:g}, beta 2 {recipe.beta_2:g}, "
        f"epsilon {recipe.epsilon:g}{', Nesterov momentum' * recipe.nesterov}) on batches of "
        f"{format_count(recipe.batch_size)}, learning rate {recipe.learning_rate:g}, "
        f"{recipe.schedule}{warmup}; test error every {format_count(recipe.eval_every)} iterations"
    )


def definitions(study: Study) -> Iterator[str]:
    """Yield what the observations mean by the terms that they use."""
    if not study.records.request.observations:
        return
    parts = (part_1, interpolation, embedding, generation)
    observations = [found for part in parts for found in part.observations(study)]
    kinds = {observation.kind for observation in observations}
    if kinds & {"spike", "reference ended in a spike"}:
        yield (
            f"Spike: a recorded error above {curve_shape.SPIKE_RATIO:g} times the level before it, "
            "which is the last error, or the median of the last "
            f"{curve_shape.SPIKE_WINDOW} if that is lower. It is over at the first error of at "
            f"most {curve_shape.RECOVERED_RATIO:g} times that level; it may have no end."
        )
    if "plateau" in kinds:
        yield (
            "Rest: the error (median of 5) stays within "
            f"{_whole(curve_shape.PLATEAU_BAND)} while the iteration number grows by a factor of "
            f"{curve_shape.PLATEAU_SPAN:g} or more (over {curve_shape.PLATEAU_POINTS} recorded "
            "errors at least), and over the next stretch of that factor falls by "
            f"{_whole(curve_shape.PLATEAU_EXIT)} or more."
        )
    if kinds & {"rise after the best", "still falling"}:
        yield (
            f"Level of an error: median over {_whole(curve_shape.TREND_SHARE)} of the recorded "
            f"errors, {curve_shape.MIN_LEVEL_POINTS} at least, spikes left out. It still falls at "
            "the end if the last one is below that of as many errors before by "
            f"{_whole(curve_shape.FALLING)} or more."
        )
    seeds = has_seeds(study.groups) or study.records.controlled_study is not None
    over_seeds = (
        "; differences of means over seeds are judged by Student's and Welch's distributions"
    ) * seeds
    one_training = (
        " The final error of a single training is taken to be known to "
        f"{_whole(single_training(study.comparable[0].images))}."
        if any(len(group.trainings) == 1 for group in study.comparable)
        else ""
    )
    images_alone = (
        " Between test and training error of the same networks the noise is that of the images."
    ) * ("test beside training error" in kinds)
    if any(number.interval for o in observations for number in o.numbers.values()):
        yield (
            "Intervals are 95%: over the test images, or pairs of them, by the bootstrap or a "
            "normal distribution; votes on the same images are treated as independent, which makes "
            f"their intervals too wide{over_seeds}.{one_training}{images_alone} Where an interval "
            "is given, a difference is stated only beyond it; pictures between mean "
            f"codes are compared with a threshold of {_whole(EQUAL)}. Only intervals that "
            "are said to hold together are corrected for their number."
        )
    if "hardest and easiest" in kinds:
        assumed = (
            "; where the errors of single images are not recorded, they are taken to have a "
            f"standard deviation of {_whole(reconstruction.CLASS_VARIATION)} of their mean"
        )
        yield (
            "Hardest and easiest: classes are named together if the difference of their errors is "
            "within its 95% noise over the test images"
            f"{'' if reconstruction.has_spread(study) else assumed}."
        )
    if kinds & {"overlap", "no overlap"}:
        yield (
            f"Overlap: {_whole(embedding.OVERLAP)} or more of the neighbours, averaged over both "
            "sides, are of the other."
        )


def _whole(share: float) -> str:
    return format_percent(share, decimals=0)


@dataclass(frozen=True, kw_only=True)
class Way:
    """What trainings must share to be made by one command."""

    commit: str
    recipe: Recipe
    precision: str
    device: str
    threads: int
    digest: str

    @classmethod
    def of(cls, training: TrainingRecord) -> "Way":
        spec = training.spec
        return cls(
            commit=_known(training.git_commit),
            recipe=spec.recipe,
            precision=spec.precision,
            device=spec.device,
            threads=spec.threads,
            digest=spec.data_digest,
        )


def reproduction(records: Records, trainings: Sequence[TrainingRecord]) -> Iterator[Block]:
    """Yield the commands that make these trainings and the document again, and what to know."""
    ways: dict[Way, list[TrainingRecord]] = {}
    for training in trainings:
        ways.setdefault(Way.of(training), []).append(training)
    made_on = {training.spec.device for training in trainings}
    if records.controlled_study:
        made_on.add(records.controlled_study.device)
    on_gpu = "gpu" in made_on
    hardware = "processor or GPU" if on_gpu else "processor"
    libraries = " and the packages of requirements-gpu.lock in it" * on_gpu
    text = (
        f"In a checkout of the project, with its environment active{libraries}, these commands "
        f"train the same network{'s' * (len(trainings) > 1)} again and build the document, without "
        f"the author's name and notes. Times will differ; on another type of {hardware}, or with "
        "other library versions, so may the errors."
    )
    foreign = dict.fromkeys(t.dataset.title for t in trainings if not t.dataset.is_mnist)
    if foreign:
        text += f" FOLDER stands for the folder of {listing(foreign)}."
    if any(reference.recording for reference in records.references):
        text += " The curves of the assignment's recipe come with the program."
    report = _report_command(records, ways)
    if "runs=" in report:
        text += " RUNS stands for the ids of the new trainings, separated by commas."
    if not all(way.commit for way in ways):
        text += " The commit of some runs is not known."
    steps = [(way.commit, _command(_parameters(way, made))) for way, made in ways.items()]
    if records.controlled_study:
        steps.insert(0, _study_step(records.controlled_study))
    if report:
        steps.append((_known(records.program.commit), report))
    yield Paragraph(text, sticky=True)
    yield Code("\n".join(_checked_out(steps)))


def _checked_out(steps: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield commands, each after the checkout that it needs; they are (commit, command)."""
    at = ""
    for commit, command in steps:
        if commit and commit != at:
            yield f"git checkout {one_line(commit, 64)}"
            at = commit
        yield command


def _known(commit: str) -> str:
    """Return a commit that can be checked out, or nothing."""
    return commit if commit.isalnum() else ""


def _command(parameters: Iterable[tuple[str, str]], entry_point: str = "") -> str:
    entry = f" -e {entry_point}" if entry_point else ""
    given = "".join(f" -P {name}={value}" for name, value in parameters)
    return f"mlflow run . --env-manager local{entry} --experiment-name {EXPERIMENT}{given}"


def _study_step(made: ControlledStudy) -> tuple[str, str]:
    """Return commit and command of a study."""
    parameters = [
        ("hidden", "-".join(map(str, made.hidden_widths))),
        ("latent", ",".join(str(size.latent_size) for size in made.sizes)),
        ("seeds", ",".join(map(str, made.seeds))),
        *_recipe_parameters(made.recipe),
        *_arithmetic_parameters(made.precision, made.device, made.threads),
    ]
    if made.data_digest != MNIST_DIGEST:
        parameters.append(("data", "FOLDER"))
    return _known(made.git_commit), _command(parameters, "study")


def _report_command(records: Records, ways: dict[Way, list[TrainingRecord]]) -> str:
    """Return the command of the document; nothing if the one command before it builds it."""
    names = [training.spec.setting.name for training in records.trainings]
    command = _command((), "report")
    one_each = len(set(names)) == len(names) and set(names) <= set(SETTINGS)
    is_whole = one_each and set(names) == set(SETTINGS)
    program = _known(records.program.commit)
    if is_whole and [way.commit for way in ways] == [program]:
        return ""
    found = is_whole or (one_each and not records.request.run_ids)
    return command if found else f"{command} -P runs=RUNS"


def _parameters(way: Way, trainings: Sequence[TrainingRecord]) -> Iterator[tuple[str, str]]:
    names = list(dict.fromkeys(training.spec.setting.name for training in trainings))
    yield "setting", "all" if names == list(SETTINGS) else ",".join(names)
    yield from _recipe_parameters(way.recipe)
    seeds = dict.fromkeys(training.spec.seed for training in trainings)
    yield "seeds", ",".join(map(str, seeds))
    pairs = dict.fromkeys(pair for training in trainings for pair in training.spec.pairs)
    yield "pairs", ",".join(f"{a}-{b}" for a, b in pairs)
    yield from _arithmetic_parameters(way.precision, way.device, way.threads)
    if not trainings[0].dataset.is_mnist:
        yield "data", "FOLDER"


def _recipe_parameters(recipe: Recipe) -> Iterator[tuple[str, str]]:
    preset = RECIPES.get(recipe.name, RECIPES["assignment"])
    yield "recipe", preset.name
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if field.name in OVERRIDES and value != getattr(preset, field.name):
            yield field.name, f"{value}"


def _arithmetic_parameters(precision: str, device: str, threads: int) -> Iterator[tuple[str, str]]:
    if precision.isalnum():
        yield "precision", precision
    if device == "gpu":
        yield "device", device
    if threads:
        yield "threads", str(threads)
