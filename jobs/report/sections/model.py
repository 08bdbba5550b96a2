"""The networks and how they were trained: a drawing, the equations, the loss and the recipes."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from aemodel.settings import PIXELS, RECIPES, Recipe, Setting
from jobs import assignment
from jobs.report import diagram
from jobs.report.analysis.groups import Group, setting_name
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Equation, Figure, Heading, Paragraph, Table, cite, ref
from jobs.report.sections.controlled_study import shown
from jobs.report.wording import (
    OPTIMIZERS,
    UNKNOWN,
    format_count,
    listing,
    recipe_label,
)

MAX_DRAWN = 4
"""Settings in the drawing."""
ENCODER = (
    "h[0] = x; h[l] = tanh(W[l] h[l − 1] + b[l]) for the hidden layers l = 1, …, L − 1; "
    "z = W[L] h[L − 1] + b[L]"
)
"""The encoder in words; the template sets the formula of the same name."""
HELD_BACK = 10_000
"""Training images on which the recipes with SOAP were compared with one another."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield the networks and their recipes; nothing if there is no training."""
    if not study.groups:
        return
    settings = tuple(dict.fromkeys(group.setting for group in study.groups))
    yield Heading("Model and training")
    yield Paragraph(
        f"An encoder maps an image x of {PIXELS} pixels to a code z, and a decoder maps the code "
        f"back to an image x̂ ({ref('figure-model')}). All layers are fully connected; in the "
        "encoder they compute",
        sticky=True,
    )
    yield Equation("encoder", ENCODER)
    yield Paragraph(
        "The decoder has the same form, with the widths in reverse order and weights of its own. "
        "The weights start from the uniform distribution of Glorot and Bengio "
        f"{cite('glorot-bengio')}, the biases from zero{_projected(study.groups)}."
    )
    yield _drawing(settings[:MAX_DRAWN])
    used = recipes_used(study)
    yield table(used)
    if chosen := _choice(used):
        yield Paragraph(chosen)


def _projected(groups: Sequence[Group]) -> str:
    """Say what SOAP does to the weights that the network starts from."""
    if not any(group.recipe.optimizer == "soap" for group in groups):
        return ""
    return (
        "; SOAP begins by projecting the first layer's inputs and the last layer's outputs onto "
        "the principal axes named in Limits"
    )


def _drawing(settings: Sequence[Setting]) -> Figure:
    described = listing(
        f"{setting_name(setting)} has layers of {listing(map(str, setting.layer_widths))} units"
        for setting in settings
    )
    return Figure(
        key="figure-model",
        picture=diagram.networks(settings, [setting_name(setting) for setting in settings]),
        alt=f"Encoder, code and decoder as boxes from left to right: {described}.",
        caption="The networks. The number of units stands above each layer; heights are "
        "logarithmic. Grey: input and output; blue: hidden layers with tanh; orange: the linear "
        "code.",
        width=0.9,
    )


def recipes_used(study: Study) -> dict[Recipe, list[str]]:
    """Return the recipes that networks were trained with, each with which networks."""
    used: dict[Recipe, list[str]] = {}
    for group in study.groups:
        used.setdefault(group.recipe, []).append(setting_name(group.setting))
    if controlled := shown(study):
        used.setdefault(controlled.recipe, []).append("the controlled study")
    return used


def table(used: Mapping[Recipe, Sequence[str]]) -> Table:
    """Return recipes, each with the networks trained with it, and the assignment's below them."""
    several = len(used) > 1
    rows = [
        [
            recipe_label(recipe) + (f" ({listing(dict.fromkeys(who))})" if several else ""),
            *_row(recipe),
        ]
        for recipe, who in used.items()
    ]
    if assignment.RECIPE not in used:
        rows.append([recipe_label(assignment.RECIPE), *_row(assignment.RECIPE)])
    columns = (
        ("Recipe", "left"), ("Optimiser", "left"), ("Iterations", "right"), ("Batch", "right"),
        ("Learning rate", "right"), ("Schedule", "left"), ("Warm-up", "right"), ("β₁", "right"),
        ("β₂", "right"), ("ε", "right"), ("Test error every", "right"),
    )  # fmt: skip
    cosine = (
        "A cosine schedule takes the learning rate from its peak to zero; warm-up: iterations in "
        "which it first rises linearly. "
    ) * any(recipe.schedule == "cosine" for recipe in used)
    beside = "" if assignment.RECIPE in used else ", and how the assignment trains them"
    return Table(
        key="table-training",
        caption=f"How the networks were trained{beside}. {cosine}Batches are taken in order from "
        "the training images, shuffled once. "
        f"Adam is described in {cite('kingma-ba')}.",
        columns=columns,
        rows=rows,
    )


def _row(recipe: Recipe) -> list[str]:
    return [
        OPTIMIZERS[recipe.optimizer] + ", Nesterov momentum" * recipe.nesterov,
        format_count(recipe.iterations),
        format_count(recipe.batch_size),
        f"{recipe.learning_rate:g}",
        recipe.schedule,
        format_count(recipe.warmup_iterations) if recipe.warmup_iterations else UNKNOWN,
        f"{recipe.beta_1:g}",
        f"{recipe.beta_2:g}",
        f"{recipe.epsilon:g}",
        format_count(recipe.eval_every),
    ]


def _choice(used: Collection[Recipe]) -> str:
    """Say how the presets with SOAP were chosen; nothing if no training used one unchanged.

    `quick` was not compared with anything: it is a quarter of `fast`.
    """
    fast, quick = RECIPES["fast"], RECIPES["quick"]
    if fast not in used and quick not in used:
        return ""
    text = (
        "The numbers of the recipe fast come from trainings on MNIST's first 50,000 training "
        f"images, which were compared by their error on the other {HELD_BACK:,} and their time; "
        "the test images played no part in it (benchmarks/fast_study.py)."
    )
    if quick in used:
        shorter = (
            f"The recipe quick is the recipe fast, cut to {format_count(quick.iterations)} "
            f"iterations, with a test error every {quick.eval_every}."
        )
        text = f"{text} {shorter}" if fast in used else f"{shorter} {text}"
    return text
