"""What the document must say of the runs it was given: what is missing, short, mixed or single."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from aemodel.coordinates import KEPT_VARIANCE
from aemodel.settings import PIXELS, SETTINGS, Recipe
from aemodel.soap import FACTOR_EVERY
from jobs import assignment
from jobs.report.analysis.groups import Group, setting_name
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Caveats, cite, ref
from jobs.report.records import Records, TrainingRecord
from jobs.report.sections.mnist_lore import PIXEL_AXES
from jobs.report.wording import (
    MAX_LISTED,
    OPTIMIZERS,
    capitalized,
    format_count,
    is_shortened,
    listing,
    listing_of_names,
    one_line,
    recipe_label,
    recipe_name,
)

MAX_NAMED = 20
"""Omissions named one by one; more are counted."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the caveats in a box; nothing if there are none."""
    if items := tuple(caveats(study)):
        yield Caveats("Limits", items)


def caveats(study: Study) -> Iterator[str]:
    """Yield one sentence for each respect in which these results are not the whole assignment."""
    yield from _omissions(study.records)
    yield from _recipes(study)
    yield from _settings(study)
    yield from _differences(study.records.trainings)
    yield from _seeds(study.groups)
    yield from _curves(study.groups)
    yield from _parts(study)


def _omissions(records: Records) -> Iterator[str]:
    named = records.omissions[:MAX_NAMED]
    for omission in named:
        yield f"Not among the results: {one_line(omission.what)} ({one_line(omission.why)})."
    if len(records.omissions) > len(named):
        more = format_count(len(records.omissions) - len(named))
        yield f"Not among the results either: {more} more runs."


def _recipes(study: Study) -> Iterator[str]:
    trainings = study.records.trainings
    for recipe in dict.fromkeys(training.spec.recipe for training in trainings):
        if recipe == assignment.RECIPE:
            continue
        names = dict.fromkeys(
            setting_name(t.spec.setting) for t in trainings if t.spec.recipe == recipe
        )
        verb = "was" if len(names) == 1 else "were"
        # The networks of a controlled study have a recipe of their own.
        alone = not study.records.controlled_study
        everyone = alone and len(names) > 1 and all(t.spec.recipe == recipe for t in trainings)
        who = "All networks" if everyone else capitalized(listing(names))
        own = [training for training in trainings if training.spec.recipe == recipe]
        yield (
            f"{who} {verb} trained with {recipe_name(recipe)}{_instead(recipe, own)}."
            f"{_meaning(recipe, study)}"
        )
        if recipe.optimizer == "soap":
            yield _soap(own)


def _instead(recipe: Recipe, trainings: Sequence[TrainingRecord]) -> str:
    """Say in what a recipe differs from the assignment's, if its name does not say it."""
    if recipe.name == assignment.RECIPE.name and is_shortened(recipe):
        return ""
    narrow = all(training.spec.precision == "bfloat16" for training in trainings)
    arithmetic = ", with matrix products in bfloat16 instead of float32" if narrow else ""
    comma = "," if is_shortened(recipe) else ""
    return (
        f"{comma} instead of the assignment's: {_way(recipe)} instead of {_way(assignment.RECIPE)}"
        f"{arithmetic}"
    )


def _way(recipe: Recipe) -> str:
    """Return `4,000 iterations of a variant of SOAP (learning rate 0.006, cosine ...)`."""
    fields = [f"learning rate {recipe.learning_rate:g}", recipe.schedule]
    if recipe.warmup_iterations:
        fields.append(f"{format_count(recipe.warmup_iterations)} iterations of warm-up")
    fields += [
        f"{words} {getattr(recipe, name):g}"
        for name, words in BETAS.items()
        if getattr(recipe, name) != Recipe.__dataclass_fields__[name].default
    ]
    if recipe.nesterov:
        fields.append("Nesterov momentum")
    if recipe.batch_size != assignment.RECIPE.batch_size:
        fields.append(f"batches of {format_count(recipe.batch_size)}")
    optimizer = OPTIMIZERS[recipe.optimizer]
    return f"{format_count(recipe.iterations)} iterations of {optimizer} ({', '.join(fields)})"


BETAS = {"beta_1": "beta 1", "beta_2": "beta 2", "epsilon": "epsilon"}
"""Fields that are named if they are not the usual ones."""


def _soap(trainings: Sequence[TrainingRecord]) -> str:
    """Say what the recipes with SOAP really train."""
    axes = {axes_of(training) for training in trainings}
    number = f", {axes.pop()} of {PIXELS}" if len(axes) == 1 and None not in axes else ""
    text = (
        f"The variant of SOAP differs from the published one {cite('vyas')} among other things in "
        f"its factors, which are those of K-FAC {cite('martens-grosse')}, updated every "
        f"{FACTOR_EVERY} iterations, and in the outputs of the first layer, which have no basis"
        f"{_nesterov(trainings)}. Inputs and outputs of the network are confined to the principal "
        f"axes of the training images that hold {100 * KEPT_VARIANCE:g}% of their variance{number}"
    )
    counts = {
        setting_name(t.spec.setting): count
        for t in trainings
        if (count := trained_parameters(t)) is not None
    }
    return f"{text}, which leaves {_counts(counts)} parameters to train." if counts else f"{text}."


def _nesterov(trainings: Sequence[TrainingRecord]) -> str:
    if not any(training.spec.recipe.nesterov for training in trainings):
        return ""
    return f"; its Adam uses Nesterov momentum {cite('dozat')}"


def _counts(counts: Mapping[str, int]) -> str:
    if len(counts) > MAX_LISTED:
        return f"{format_count(min(counts.values()))} to {format_count(max(counts.values()))}"
    return listing(f"{format_count(count)} ({name})" for name, count in counts.items())


def axes_of(training: TrainingRecord) -> int | None:
    """Return how many principal axes of the images were trained; None if it is not known."""
    if training.pixel_axes is None and training.dataset.is_mnist:
        return PIXEL_AXES
    return training.pixel_axes


def trained_parameters(training: TrainingRecord) -> int | None:
    """Return how many parameters of a network were trained with SOAP; None if it is not known."""
    axes = axes_of(training)
    if axes is None:
        return None
    widths = training.spec.setting.layer_widths
    return sum((n + 1) * m for n, m in pairwise((axes, *widths[1:-1], axes)))


def _meaning(recipe: Recipe, study: Study) -> str:
    """Say what the results of another recipe are worth beside those of the assignment's."""
    compared = [c.label for c in study.comparisons if c.training.spec.recipe == recipe]
    if compared:
        names = listing_of_names(compared)
        return (
            f" {ref('table-recipes')} sets {names} beside complete training with the assignment's "
            "recipe."
        )
    return (
        " The experiment holds no complete training with the assignment's recipe, the same setting "
        "and data, so the two cannot be compared here."
    )


def _settings(study: Study) -> Iterator[str]:
    """Name settings that are not the assignment's, and those of the assignment that are missing."""
    settings = dict.fromkeys(group.setting for group in study.groups)
    own = [setting_name(setting) for setting in settings if setting.name not in SETTINGS]
    if own:
        names = f"{len(own)} settings" if len(own) > MAX_LISTED else capitalized(listing(own))
        yield f"{names} {'is' if len(own) == 1 else 'are'} not among the assignment's."
    said = {omission.what for omission in study.records.omissions}
    missing = [
        setting_name(setting)
        for setting in SETTINGS.values()
        if setting not in settings and setting_name(setting) not in said
    ]
    if missing and settings:
        verb = "is" if len(missing) == 1 else "are"
        yield f"{capitalized(listing(missing))} of the assignment {verb} not in this document."


def _differences(trainings: Sequence[TrainingRecord]) -> Iterator[str]:
    """Name what ought to be the same for all trainings and is not."""
    compared: dict[str, Callable[[TrainingRecord], str]] = {
        "recipe": lambda training: _recipe(training.spec.recipe),
        "data set (digest)": lambda training: (
            one_line(training.spec.data_digest, 16) or "not recorded"
        ),
        "precision": lambda training: one_line(training.spec.precision),
        "device": lambda training: one_line(training.spec.device),
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
    return f"{recipe_label(recipe)} with {format_count(recipe.iterations)} iterations"


def versions(training: TrainingRecord) -> str:
    """Return the library versions of a training in one line, by name."""
    return ", ".join(
        f"{one_line(name, 40)} {one_line(version, 40)}"
        for name, version in sorted(training.versions.items())
    )


def _seeds(groups: Sequence[Group]) -> Iterator[str]:
    single = [group.label for group in groups if len(group.trainings) == 1]
    if not single:
        return
    if len(single) == len(groups):
        of = "the setting" if len(groups) == 1 else "each setting"
        only, change = f"One seed of {of} is shown", "its numbers change with the seed"
    else:
        only, change = f"Only one seed for {listing(single)}", "these change with it"
    yield (
        f"{only}: how {change} is not part of this document. Narrow differences, which "
        f"{groups[0].first.dataset.nouns} overlap in the plane, and how mean codes interpolate "
        "could differ with another seed."
    )


def _curves(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups:
        for training in group.trainings:
            planned = len(training.spec.recipe.evaluations)
            recorded = 0 if training.curve is None else len(training.curve.iterations)
            if recorded < planned:
                yield (
                    f"The error curve of {group.name(training)} has {format_count(recorded)} of "
                    f"the {format_count(planned)} points its recipe records."
                )


def _parts(study: Study) -> Iterator[str]:
    if not study.groups:
        return
    if not study.for_interpolation:
        yield "No training recorded interpolations, so part 2 is missing."
    else:
        yield from _interpolated(study.for_interpolation[0])
    plane = study.for_embedding
    if plane is None:
        yield "No training recorded its latent codes, so the embedding of part 3 is missing."
    elif plane.spec.setting.name != assignment.EMBEDDED:
        yield f"Part 3 shows {setting_name(plane.spec.setting)} instead of setting 1."


def _interpolated(training: TrainingRecord) -> Iterator[str]:
    asked, shown = len(assignment.PAIRS), len(training.interpolations)
    if training.spec.setting.name not in assignment.INTERPOLATED:
        yield f"Part 2 shows {setting_name(training.spec.setting)} instead of setting 2 or 3."
    if shown < asked:
        yield f"Part 2 shows {shown} of the {asked} pairs that the assignment asks for."
