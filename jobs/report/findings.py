"""Records to sentences: what these runs show, part by part, and what they do not."""

from collections.abc import Iterator
from dataclasses import dataclass

from aemodel.settings import Recipe
from jobs.report.analysis import comparison
from jobs.report.analysis.comparison import ASSIGNED
from jobs.report.analysis.groups import (
    Group,
    comparable,
    embedded,
    group,
    interpolated,
    setting_name,
)
from jobs.report.records import Interpolation, Records
from jobs.report.sections import embedding, interpolation, reconstruction
from jobs.report.sections.limitations import caveats
from jobs.report.wording import (
    OPTIMIZERS,
    Finding,
    count,
    error,
    listing,
    one_line,
    percent,
    sentence,
)

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Findings:
    """All sentences of the document that depend on its numbers."""

    summary: tuple[str, ...]
    caveats: tuple[str, ...]
    part_1: tuple[Finding, ...]
    part_2: tuple[Finding, ...]
    part_3: tuple[Finding, ...]


def find(records: Records) -> Findings:
    """Return what holds of these records; nothing is stated that they do not support."""
    groups = group(records)
    path, plane = interpolated(groups), embedded(groups)
    compared = comparison.comparisons(records)
    return Findings(
        summary=tuple(_summary(records, groups)),
        caveats=tuple(caveats(records)),
        part_1=(*reconstruction.findings(groups), *comparison.findings(compared)),
        part_2=tuple(interpolation.findings(path)) if path else (),
        part_3=tuple(embedding.findings(plane, groups)) if plane else (),
    )


def intuitions(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """Return the explanations that these findings support, each once."""
    return tuple(dict.fromkeys(one.intuition for one in findings if one.intuition))


def _summary(records: Records, groups: tuple[Group, ...]) -> Iterator[str]:
    if not groups:
        yield "No finished training was found, so this document has no results yet."
        return
    yield _trained(groups)
    yield from _errors(comparable(groups))
    yield from comparison.summary(comparison.comparisons(records))
    path, plane = interpolated(groups), embedded(groups)
    if path:
        yield from _path(path.interpolations, setting_name(path.setting))
    if plane and (shares := embedding.neighbour_shares(plane)) is not None:
        own = [float(shares[digit, digit]) for digit in range(10)]
        best, worst = own.index(max(own)), own.index(min(own))
        yield (
            f"In the two-dimensional embedding the digit {best} stands most apart "
            f"({percent(own[best])} of its nearest neighbours are of its kind), {worst} least "
            f"({percent(own[worst])})."
        )


def _trained(groups: tuple[Group, ...]) -> str:
    sizes = listing(dict.fromkeys(str(one.setting.latent_size) for one in groups))
    number = sum(len(one.trainings) for one in groups)
    word = NUMBER_WORDS[number] if number < len(NUMBER_WORDS) else str(number)
    noun = "autoencoder" if number == 1 else "autoencoders"
    was, latent = ("was", "a latent code") if number == 1 else ("were", "latent codes")
    return sentence(
        f"{word} {noun} with {latent} of {sizes} dimensions {was} trained on MNIST for "
        f"{_ways(groups)}."
    )


def _ways(groups: tuple[Group, ...]) -> str:
    """Return iterations, optimizer and recipe, and what the assignment asks where it is other."""
    recipes = dict.fromkeys(one.first.recipe for one in groups)
    ways = (f"{_way(recipe)} (recipe {one_line(recipe.name, 40)})" for recipe in recipes)
    asked = "" if set(recipes) == {ASSIGNED} else f"; the assignment asks for {_way(ASSIGNED)}"
    return listing(dict.fromkeys(ways), "or") + asked


def _way(recipe: Recipe) -> str:
    return f"{count(recipe.iterations)} iterations of {OPTIMIZERS[recipe.optimizer]}"


def _errors(groups: tuple[Group, ...]) -> Iterator[str]:
    known = [one for one in groups if one.values("final_test_mse")]
    parts = []
    for one in known:
        final, pca = one.mean("final_test_mse"), one.mean("pca_test_mse")
        beside = f" (PCA: {error(pca)})" if pca is not None else ""
        parts.append(f"{error(final)} with {one.setting.latent_size}{beside}")
    if parts:
        yield f"The final test error, as mean squared error per pixel, is {listing(parts)}."


def _path(paths: tuple[Interpolation, ...], name: str) -> Iterator[str]:
    known = [distances for path in paths if (distances := interpolation.between(path))]
    if known:
        decoded = sum(one[0] for one in known) / len(known)
        blended = sum(one[1] for one in known) / len(known)
        yield (
            f"On straight lines between mean codes of {name} the decoded pictures lie "
            f"{error(decoded)} from the nearest test image, plain pixel blends {error(blended)}."
        )
