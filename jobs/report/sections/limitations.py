"""What the document must say of the runs it was given: what is missing, short, mixed or single."""

from collections.abc import Callable, Iterator, Sequence

from aemodel.settings import RECIPES, SETTINGS, Recipe
from jobs import assignment
from jobs.report.analysis.groups import Group, setting_name
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Caveats
from jobs.report.records import Records, TrainingRecord
from jobs.report.wording import OPTIMIZERS, SOAP, capitalized, format_count, listing, one_line

MOST_NAMED = 20
"""Omissions named one by one; more are counted."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the caveats in a box; nothing if there are none."""
    if items := tuple(caveats(study)):
        yield Caveats("What these results are not", items)


def caveats(study: Study) -> Iterator[str]:
    """Yield one sentence for each respect in which these results are not the whole assignment."""
    yield from _omissions(study.records)
    yield from _recipes(study)
    yield from _custom_settings(study.groups)
    yield from _differences(study.records.trainings)
    yield from _seeds(study.groups)
    yield from _curves(study.groups)
    yield from _parts(study)


def _omissions(records: Records) -> Iterator[str]:
    named = records.omissions[:MOST_NAMED]
    for omission in named:
        yield f"Not among the results: {one_line(omission.what)} ({one_line(omission.why)})."
    if len(records.omissions) > len(named):
        yield f"Not among the results either: {len(records.omissions) - len(named)} more runs."
    spoken_of = {omission.what.strip().lower() for omission in records.omissions}
    held = {training.spec.setting.name for training in records.trainings}
    for name, setting in SETTINGS.items():
        if name not in held and setting_name(setting) not in spoken_of:
            yield f"Not among the results: {setting_name(setting)} (no finished training)."


def _recipes(study: Study) -> Iterator[str]:
    trainings = study.records.trainings
    for recipe in dict.fromkeys(training.spec.recipe for training in trainings):
        if not (changed := _changed(recipe)):
            continue
        names = dict.fromkeys(
            setting_name(one.spec.setting) for one in trainings if one.spec.recipe == recipe
        )
        verb = "was" if len(names) == 1 else "were"
        yield (
            f"{capitalized(listing(names))} {verb} not trained by the assignment's recipe"
            f"{_instead(recipe)}: {listing(changed)}.{_meaning(recipe, study)}"
        )


def _instead(recipe: Recipe) -> str:
    """Return ` but by the recipe fast`; nothing for a variant of the assignment's recipe itself."""
    if recipe.name == assignment.RECIPE.name:
        return ""
    variant = "" if RECIPES.get(recipe.name) == recipe else "a variant of "
    return f" but by {variant}the recipe {one_line(recipe.name, 40)}"


def _meaning(recipe: Recipe, study: Study) -> str:
    """Say what the results of another recipe are worth beside those of the assignment's."""
    beside = [one.label for one in study.comparisons if one.training.spec.recipe == recipe]
    if beside:
        return f" Part 1 sets {listing(beside)} beside what the assignment's recipe reaches."
    if (
        recipe.optimizer == assignment.RECIPE.optimizer
        and recipe.iterations < assignment.RECIPE.iterations
    ):
        share = recipe.iterations / assignment.RECIPE.iterations
        return f" With {100 * share:.2g}% of its iterations these are results of a short training."
    return (
        " How the results compare is not shown: the experiment holds no whole training by the "
        "assignment's recipe with the same setting, precision and data."
    )


def _changed(recipe: Recipe) -> list[str]:
    """Return how a recipe departs from the assignment's, field by field."""
    return [
        f"{words} {_value(here)} in place of {_value(there)}"
        for name, words in FIELDS.items()
        if (here := getattr(recipe, name)) != (there := getattr(assignment.RECIPE, name))
    ]


FIELDS = {
    "optimizer": "optimiser",
    "iterations": "iterations",
    "batch_size": "batch size",
    "eval_every": "iterations between evaluations",
    "learning_rate": "learning rate",
    "schedule": "schedule",
    "warmup_iterations": "warm-up iterations",
    "beta_1": "beta 1",
    "beta_2": "beta 2",
    "epsilon": "epsilon",
}
"""What the fields of a recipe are called; its name says nothing of the training."""


def _value(value: object) -> str:
    if isinstance(value, int):
        return format_count(value)
    if value == "soap":
        return f"{OPTIMIZERS['soap']} ({SOAP})"
    return f"{value:g}" if isinstance(value, float) else OPTIMIZERS.get(str(value), str(value))


def _custom_settings(groups: Sequence[Group]) -> Iterator[str]:
    own = dict.fromkeys(one.label for one in groups if one.setting.name not in SETTINGS)
    if own:
        verb = "is not one" if len(own) == 1 else "are none"
        yield f"{capitalized(listing(own))} {verb} of the assignment's settings."


def _differences(trainings: Sequence[TrainingRecord]) -> Iterator[str]:
    """Name what ought to be the same for all trainings and is not."""
    compared: dict[str, Callable[[TrainingRecord], str]] = {
        "recipe": lambda training: _recipe(training.spec.recipe),
        "data set (digest)": lambda training: (
            one_line(training.spec.data_digest, 16) or "not recorded"
        ),
        "precision": lambda training: one_line(training.spec.precision),
        "code version (commit)": lambda training: (
            one_line(training.git_commit, 12) or "not recorded"
        ),
        "library versions": lambda training: versions(training) or "not recorded",
    }
    for what, value in compared.items():
        users: dict[str, list[str]] = {}
        for training in trainings:
            users.setdefault(value(training), []).append(setting_name(training.spec.setting))
        if len(users) > 1:
            parts = listing(
                f"{key} for {listing(dict.fromkeys(who))}" for key, who in users.items()
            )
            yield f"The trainings differ in their {what}: {parts}."


def _recipe(recipe: Recipe) -> str:
    return f"{one_line(recipe.name, 40)} with {format_count(recipe.iterations)} iterations"


def versions(training: TrainingRecord) -> str:
    """Return the library versions of a training in one line, by name."""
    return ", ".join(
        f"{one_line(name, 40)} {one_line(version, 40)}"
        for name, version in sorted(training.versions.items())
    )


def _seeds(groups: Sequence[Group]) -> Iterator[str]:
    single = [one.label for one in groups if len(one.trainings) == 1]
    if single and len(single) == len(groups):
        who = "The training was run" if len(groups) == 1 else "Each training was run"
        yield f"{who} with one seed: how much its numbers change with the seed is not measured."
    elif single:
        yield f"Only one seed for {listing(single)}: no standard deviation can be given there."
    several = [f"{len(one.trainings)} of {one.label}" for one in groups if len(one.trainings) > 1]
    if several:
        yield f"Several seeds ({listing(several)}): numbers are mean ± sample standard deviation."


def _curves(groups: Sequence[Group]) -> Iterator[str]:
    for one in groups:
        for training in one.trainings:
            planned = len(training.spec.recipe.evaluations)
            held = 0 if training.curve is None else len(training.curve.iterations)
            if held < planned:
                yield (
                    f"The error curve of {one.name(training)} has {format_count(held)} of the "
                    f"{format_count(planned)} points its recipe records."
                )


def _parts(study: Study) -> Iterator[str]:
    shown = study.for_interpolation
    if shown is None:
        yield "No training recorded interpolations, so part 2 is missing."
    else:
        if shown.spec.setting.name not in assignment.INTERPOLATED:
            name = setting_name(shown.spec.setting)
            yield f"Part 2 shows {name}: the assigned ones, of setting 2 or 3, are missing."
        if len(shown.interpolations) < len(assignment.PAIRS):
            held = len(shown.interpolations)
            yield f"Part 2 shows {held} of the {len(assignment.PAIRS)} pairs of digits."
    plane = study.for_embedding
    if plane is None:
        yield "No training recorded its latent codes, so the embedding of part 3 is missing."
    elif plane.spec.setting.name != assignment.EMBEDDED:
        name = setting_name(plane.spec.setting)
        yield f"Part 3 shows {name}: the embedding of setting 1 is missing."
