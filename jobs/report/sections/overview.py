"""The results at a glance: the abstract and the table of all trainings."""

from collections.abc import Iterator, Sequence

from aemodel.settings import Recipe
from jobs import assignment
from jobs.report.analysis.groups import Group, setting_name
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Heading, Table
from jobs.report.records import Interpolation
from jobs.report.sections import embedding, interpolation, recipes
from jobs.report.wording import (
    OPTIMIZERS,
    UNKNOWN,
    capitalized,
    format_count,
    format_duration,
    format_mse,
    format_percent,
    format_spread,
    listing,
    one_line,
)

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def blocks(study: Study) -> Iterator[Block]:
    """Yield the table of results."""
    yield Heading("Results at a glance")
    if study.groups:
        yield table(study.groups)


def table(groups: Sequence[Group]) -> Table:
    """Return the results, one row per group; several seeds as mean ± standard deviation."""
    several = any(len(group.trainings) > 1 for group in groups)
    caption = (
        "The trainings and their errors (MSE per pixel on the test set). Hidden: widths of the two "
        "hidden layers. Latent: size of the code. 10-NN: share of test images whose digit a vote "
        "of the 10 nearest training codes names."
    )
    if several:
        caption += " Several seeds: mean ± sample standard deviation, n trainings."
    columns = (
        ("Setting", "left"), ("Hidden", "left"), ("Latent", "right"), ("Parameters", "right"),
        ("Iterations", "right"), *((("n", "right"),) if several else ()), ("Final MSE", "right"),
        ("Best MSE", "right"), *(() if several else (("at", "right"),)),
        ("PCA MSE", "right"), ("10-NN", "right"), ("Time", "right"),
    )  # fmt: skip
    return Table(
        key="table-summary",
        caption=caption,
        columns=columns,
        rows=[_row(group, several) for group in groups],
    )


def _row(group: Group, several: bool) -> list[str]:
    setting, first = group.setting, group.first
    at = UNKNOWN if first.best_iteration is None else format_count(first.best_iteration)
    share = group.mean("knn_accuracy")
    return [
        setting.name,
        "–".join(map(str, setting.hidden_widths)) or UNKNOWN,
        str(setting.latent_size),
        format_count(setting.parameter_count),
        format_count(group.recipe.iterations),
        *([str(len(group.trainings))] if several else []),
        _mean(group.values("final_test_mse")),
        _mean(group.values("best_test_mse")),
        *([] if several else [at]),
        format_mse(group.mean("pca_test_mse")),
        UNKNOWN if share is None else f"{100 * share:.1f}%",
        format_duration(group.mean("train_seconds")),
    ]


def _mean(values: list[float]) -> str:
    return format_spread(values).partition(" (n")[0]


def abstract(study: Study) -> str:
    """Return the results in a few sentences."""
    return " ".join(_sentences(study))


def _sentences(study: Study) -> Iterator[str]:
    if not study.groups:
        yield "No finished training was found, so this document has no results yet."
        return
    yield _trained(study.groups)
    yield from _errors(study.comparable)
    yield from recipes.summary(study.comparisons)
    if training := study.for_interpolation:
        yield from _interpolated(training.interpolations, setting_name(training.spec.setting))
    yield from _embedded(study)


def _embedded(study: Study) -> Iterator[str]:
    plane = study.for_embedding
    shares = None if plane is None else embedding.neighbour_shares(plane)
    if shares is not None:
        own = [float(shares[digit, digit]) for digit in range(10)]
        best, worst = own.index(max(own)), own.index(min(own))
        yield (
            f"In the two-dimensional embedding the digit {best} stands most apart "
            f"({format_percent(own[best])} of its nearest neighbours are of its kind), {worst} "
            f"least ({format_percent(own[worst])})."
        )


def _trained(groups: Sequence[Group]) -> str:
    sizes = listing(dict.fromkeys(str(group.setting.latent_size) for group in groups))
    number = sum(len(group.trainings) for group in groups)
    word = NUMBER_WORDS[number] if number < len(NUMBER_WORDS) else str(number)
    noun = "autoencoder" if number == 1 else "autoencoders"
    was, latent = ("was", "a latent code") if number == 1 else ("were", "latent codes")
    return capitalized(
        f"{word} {noun} with {latent} of {sizes} dimensions {was} trained on MNIST for "
        f"{_ways(groups)}."
    )


def _ways(groups: Sequence[Group]) -> str:
    """Return iterations, optimizer and recipe, and what the assignment asks if it is other."""
    used = dict.fromkeys(group.recipe for group in groups)
    ways = (f"{_way(recipe)} (recipe {one_line(recipe.name, 40)})" for recipe in used)
    asked = f"; the assignment asks for {_way(assignment.RECIPE)}"
    return listing(dict.fromkeys(ways), "or") + ("" if set(used) == {assignment.RECIPE} else asked)


def _way(recipe: Recipe) -> str:
    return f"{format_count(recipe.iterations)} iterations of {OPTIMIZERS[recipe.optimizer]}"


def _errors(groups: Sequence[Group]) -> Iterator[str]:
    parts = []
    for group in groups:
        final, pca = group.mean("final_test_mse"), group.mean("pca_test_mse")
        if final is not None:
            beside = f" (PCA: {format_mse(pca)})" if pca is not None else ""
            parts.append(f"{format_mse(final)} with {group.setting.latent_size}{beside}")
    if parts:
        yield f"The final test error, as mean squared error per pixel, is {listing(parts)}."


def _interpolated(paths: Sequence[Interpolation], name: str) -> Iterator[str]:
    known = [distances for path in paths if (distances := interpolation.between(path))]
    if known:
        decoded = sum(distances[0] for distances in known) / len(known)
        blended = sum(distances[1] for distances in known) / len(known)
        yield (
            f"On straight lines between mean codes of {name} the decoded pictures lie "
            f"{format_mse(decoded)} from the nearest test image, plain pixel blends "
            f"{format_mse(blended)}."
        )
