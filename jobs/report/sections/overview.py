"""The results at a glance: the abstract and the table of all trainings."""

from collections.abc import Iterator, Sequence

import numpy as np

from aemodel.settings import Recipe
from jobs.report.analysis.curve_shape import ended_in_spike
from jobs.report.analysis.groups import PLANE, Group, setting_name
from jobs.report.analysis.interpolation import (
    EQUAL,
    compared_by_pair,
    distances_by_pair,
    judged_by_all,
    left_out_pairs,
)
from jobs.report.analysis.seeds import has_seeds, ranged, with_seeds
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Heading, Table
from jobs.report.wording import (
    OPTIMIZERS,
    UNKNOWN,
    capitalized,
    format_count,
    format_duration,
    format_mse,
    format_percent,
    format_spread,
    is_shortened,
    listing,
    recipe_name,
)

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MAX_NAMED = 4
"""Errors that the abstract gives one by one; of more, the first and the last."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the table of results; nothing if there are none."""
    if study.groups:
        yield Heading("Results at a glance")
        yield table(study.groups)


def table(groups: Sequence[Group]) -> Table:
    """Return the results, one row per group; several seeds as mean ± standard deviation."""
    several = any(len(group.trainings) > 1 for group in groups)
    best = any(_best(group) for group in groups)
    columns = (
        ("Setting", "left"), ("Hidden", "left"), ("Latent", "right"), ("Parameters", "right"),
        ("Iterations", "right"), *((("n", "right"),) if several else ()), ("Final MSE", "right"),
        *((("Lowest MSE", "right"),) if best else ()),
        ("PCA MSE", "right"), ("10-NN", "right"), ("Time", "right"),
    )  # fmt: skip
    return Table(
        key="table-summary",
        caption=_caption(groups, several, best),
        columns=columns,
        rows=[_row(group, several, best) for group in groups],
    )


def _caption(groups: Sequence[Group], several: bool, best: bool) -> str:
    soap = any(group.recipe.optimizer == "soap" for group in groups)
    fewer = ", of which SOAP trains fewer (see Limits)" if soap else ""
    text = (
        "The trainings and their errors (MSE per pixel on the test set). Hidden: widths of the "
        f"encoder's hidden layers. Latent: size of the code. Parameters: of the network{fewer}. "
        "10-NN: accuracy of a 10-nearest-neighbour classifier on the codes. Time: of the training "
        f"with its recorded errors{_threads(groups)}, excluding preparation and final evaluation, "
        "on a machine shared with whatever else ran, the other trainings of a command included: "
        "times do not compare settings."
    )
    if best:
        text += " Lowest MSE: lowest recorded error, if it is not the final one."
    if several:
        text += (
            " Several seeds: mean ± sample standard deviation of n trainings, and the range of "
            "the times."
        )
    spiked = listing(group.label for group in groups if any(map(ended_in_spike, group.trainings)))
    if spiked:
        text += f" The training of {spiked} ended in a spike: its final error is not a result."
    return text


def _threads(groups: Sequence[Group]) -> str:
    """Return `, on 2 threads`, or which on how many; nothing if they were not recorded."""
    named: dict[int, dict[str, None]] = {}
    for group in groups:
        for training in group.trainings:
            named.setdefault(training.spec.threads, {})[group.label] = None
    if 0 in named:
        return ""
    parts = (
        f"{number} thread{'s' * (number != 1)}" + f" ({listing(who)})" * (len(named) > 1)
        for number, who in sorted(named.items())
    )
    return f", on {listing(parts, 'or')}"


def _row(group: Group, several: bool, best: bool) -> list[str]:
    setting = group.setting
    return [
        setting.name,
        "–".join(map(str, setting.hidden_widths)) or UNKNOWN,
        str(setting.latent_size),
        format_count(setting.parameter_count),
        format_count(group.recipe.iterations),
        *([str(len(group.trainings))] if several else []),
        format_spread(group.values("final_test_mse")).partition(" (n")[0],
        *([_best(group) or UNKNOWN] if best else []),
        format_mse(group.mean("pca_test_mse")),
        _share(group.values("knn_accuracy")),
        _time(group.values("train_seconds")),
    ]


def _share(values: Sequence[float]) -> str:
    """Return a share as `79.7%`, of several seeds `75.0 ± 3.0%`."""
    if not values:
        return UNKNOWN
    spread = f" ± {100 * np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.1f}{spread}%"


def _time(seconds: Sequence[float]) -> str:
    """Return a time, of several seeds the shortest and the longest: `12–15 s`."""
    low, high = (format_duration(end(seconds, default=None)) for end in (min, max))
    if low == high:
        return high
    number, _, unit = low.partition(" ")
    return f"{number}–{high}" if high.endswith(f" {unit}") else f"{low}–{high}"


def _best(group: Group) -> str:
    """Return the lowest errors of a group; nothing if they are the final ones as printed."""
    best, final = group.values("best_test_mse"), group.values("final_test_mse")
    if not best or list(map(format_mse, best)) == list(map(format_mse, final)):
        return ""
    return format_spread(best).partition(" (n")[0]


def abstract(study: Study) -> str:
    """Return the results in a few sentences, 120 words at most."""
    return " ".join(_sentences(study))


def _sentences(study: Study) -> Iterator[str]:
    if not study.groups:
        yield "No finished training was found, so this document has no results yet."
        return
    yield _trained(study)
    yield from _errors(study.comparable)
    yield from _interpolated(study)
    if study.neighbours is not None and study.for_embedding is not None:
        setting = study.for_embedding.spec.setting
        axes = " of the first two principal axes" * (setting.latent_size > PLANE)
        mean, _, spread = ranged([own.same for own in study.own_planes], inside=True).partition(
            ", "
        )
        over_seeds = f" ({spread} over the seeds)" * bool(spread)
        yield (
            f"In the plane{axes} of the codes of {setting_name(setting)}, {mean}{over_seeds} of a "
            f"point's ten nearest neighbours are of the same {study.for_embedding.dataset.noun}."
        )


def _trained(study: Study) -> str:
    groups = study.groups
    number = sum(len(group.trainings) for group in groups)
    word = NUMBER_WORDS[number] if number < len(NUMBER_WORDS) else str(number)
    noun, verb = ("autoencoder", "was") if number == 1 else ("autoencoders", "were")
    names = dict.fromkeys(group.first.dataset.title for group in groups)
    return capitalized(f"{word} {noun} {verb} trained on {listing(names)} with {_ways(groups)}.")


def _ways(groups: Sequence[Group]) -> str:
    """Return the recipes: name, iterations and optimizer."""
    used = list(dict.fromkeys(group.recipe for group in groups))
    return f"{len(used)} recipes" if len(used) > 2 else " or ".join(map(_way, used))


def _way(recipe: Recipe) -> str:
    optimizer = OPTIMIZERS[recipe.optimizer]
    if is_shortened(recipe):
        return f"{recipe_name(recipe)} ({optimizer})"
    return f"{recipe_name(recipe)} ({format_count(recipe.iterations)} iterations of {optimizer})"


def _errors(groups: Sequence[Group]) -> Iterator[str]:
    known = [group for group in groups if group.values("final_test_mse")]
    if len(known) > MAX_NAMED:
        known = [known[0], known[-1]]
    if not known:
        return
    parts = listing(_error(group) for group in known)
    several = any(len(group.values("final_test_mse")) > 1 for group in known)
    over = ", averaged over the seeds" if several else ""
    yield f"The final test error, a mean squared error (MSE) per pixel{over}, is {parts}."


def _error(group: Group) -> str:
    size, pca = group.setting.latent_size, group.mean("pca_test_mse")
    beside = [f"PCA {format_mse(pca)}"] if pca is not None else []
    if any(map(ended_in_spike, group.trainings)):
        beside.append("after a spike")
    mean = format_mse(group.mean("final_test_mse"))
    return f"{mean} with {size} latent dimension{'s' * (size > 1)}" + (
        f" ({'; '.join(beside)})" if beside else ""
    )


def _interpolated(study: Study) -> Iterator[str]:
    """Yield for how many pairs decoded pictures are the more real ones, in every seed."""
    groups = [with_seeds(study.groups, t) for t in study.for_interpolation[:MAX_NAMED]]
    measured = [group for group in groups if distances_by_pair(group.trainings)]
    compared = [group for group in measured if compared_by_pair(group.trainings)]
    if left := listing(group.label for group in measured if group not in compared):
        noun, where = measured[0].first.dataset.noun, " in some seed" * has_seeds(measured)
        yield (
            f"Between mean codes of {left} no pair can be compared: an end of each decodes to "
            f"another {noun}{where}."
        )
    none = [
        group.label for group in compared if not (_nearer(group) or left_out_pairs(group.trainings))
    ]
    parts = [_counted(group) for group in compared if group.label not in none]
    seeds = "every seed" if has_seeds(groups) else "the one seed shown"
    by = f"by {format_percent(EQUAL, 0)} or more in {seeds}"
    if none and not parts:
        yield (
            f"For no pair in {listing(none, 'or')} are the pictures decoded between mean codes, "
            f"averaged over the steps, nearer to test images than pixel blends {by}."
        )
    elif compared:
        parts += [f"no pair in {listing(none, 'or')}"] * bool(none)
        yield (
            "Between mean codes, decoded pictures are on average nearer to test images than pixel "
            f"blends, {by}, for {listing(parts)}."
        )


def _nearer(group: Group) -> int:
    """Return for how many pairs the decoded pictures are nearer than blends, in every seed."""
    compared = compared_by_pair(group.trainings)
    return sum(judged_by_all(each) == "nearer" for each in compared.values())


def _counted(group: Group) -> str:
    """Return `1 of 3 pairs in setting 2`."""
    pairs, nearer = len(distances_by_pair(group.trainings)), _nearer(group)
    number = f"{nearer} of {pairs} pair{'s' * (pairs > 1)}" if nearer else "no pair"
    text = f"{number} in {group.label}"
    if left := len(left_out_pairs(group.trainings)):
        noun = group.first.dataset.noun
        text += f" ({left} of {pairs} not compared: an end decodes to another {noun})"
    return text
