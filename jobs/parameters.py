"""From the parameters of a command to the specs of its trainings.

Everything the user types that has a form of its own is checked here, before a run is made: a value
that is wrong raises `ParameterError`, which names the parameter, what was found and what would be
right. Numbers and choices are checked by the options of the command line.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aemodel.device import NO_GPU, hardware, has_fast_bfloat16
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting, parse_setting
from jobs import assignment
from jobs.filesystem import is_writable
from jobs.report.notes import notes_file, read_notes
from jobs.spec import Pair, TrainingSpec, parse_pair

T = TypeVar("T")

SCHEDULER_VARIABLE = "DASK_SCHEDULER_ADDRESS"
"""Environment variable: address of a Dask scheduler, unless the parameter names one."""

MAX_SEED = 2**32 - 1
MAX_SEEDS = 1024
"""Maximum number of seeds in a range; more is taken for a typing error."""


class ParameterError(ValueError):
    """A parameter has a value that cannot be used."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def parse_specs(
    setting: str, recipe: Recipe, seeds: str, pairs: str, precision: str, device: str = "cpu"
) -> list[TrainingSpec]:
    """Return one training for each setting and seed, settings in the order given.

    Args:
        setting: a list of settings, as `parse_settings` reads it.
        recipe: of all trainings.
        seeds: a list of seeds and ranges, as `parse_seeds` reads it.
        pairs: a list of pairs of classes, as `parse_pairs` reads it.
        precision: `float32`, `bfloat16` or `auto`.
        device: `cpu` or `gpu`.

    Raises:
        ParameterError: a parameter cannot be read or is out of range.
    """
    numbers, class_pairs = parse_seeds(seeds), parse_pairs(pairs)
    precision = resolve_precision(precision, recipe, device)
    return [
        TrainingSpec(
            setting=setting,
            recipe=recipe,
            seed=seed,
            precision=precision,
            pairs=class_pairs,
            device=device,
        )
        for setting in parse_settings(setting)
        for seed in numbers
    ]


def parse_study(
    hidden: str, latent: str, recipe: Recipe, seeds: str, precision: str, device: str = "cpu"
) -> list[TrainingSpec]:
    """Return one training for each latent size and seed, sizes in the order given.

    The networks are named by their widths, also when a setting of the assignment has the same: a
    training of a study keeps less, and is not one of that setting.

    Args:
        hidden: widths of the encoder's hidden layers, outermost first, such as `512-128`.
        latent: a comma list of latent sizes; what is named twice counts once.
        recipe: of all trainings.
        seeds: a list of seeds and ranges, as `parse_seeds` reads it.
        precision: `float32`, `bfloat16` or `auto`.
        device: `cpu` or `gpu`.

    Raises:
        ParameterError: a parameter cannot be read or is out of range.
    """
    if not re.fullmatch("[0-9]{1,6}(-[0-9]{1,6})*", hidden):
        raise ParameterError(
            "hidden", f"hidden {hidden!r} is not a list of layer widths such as 512-128"
        )
    try:
        Setting(hidden, tuple(map(int, hidden.split("-"))))
    except ValueError as error:
        raise ParameterError("hidden", str(error)) from None

    def parse(item: str) -> list[Setting]:
        if not re.fullmatch("[0-9]{1,6}", item):
            raise ValueError(f"latent size {item!r} is not a whole number")
        widths = tuple(map(int, f"{hidden}-{item}".split("-")))
        return [Setting("-".join(map(str, widths)), widths)]

    precision = resolve_precision(precision, recipe, device)
    return [
        TrainingSpec(
            setting=setting,
            recipe=recipe,
            seed=seed,
            precision=precision,
            pairs=assignment.PAIRS,
            device=device,
        )
        for setting in _parse_list("latent", latent, parse)
        for seed in parse_seeds(seeds)
    ]


def parse_settings(text: str) -> list[Setting]:
    """Read a comma list of `all`, `1`, `2`, `3` and custom widths such as `256-64-8`.

    What is named twice counts once.

    Raises:
        ParameterError: an item is none of these.
    """

    def parse(item: str) -> list[Setting]:
        return list(SETTINGS.values()) if item == "all" else [parse_setting(item)]

    return _parse_list("setting", text, parse)


def parse_seeds(text: str) -> list[int]:
    """Read a comma list of seeds and ranges such as `0-4`; what is named twice counts once.

    Raises:
        ParameterError: an item is neither, or a seed is out of range.
    """

    def parse(item: str) -> list[int]:
        ends = re.fullmatch("([0-9]{1,10})(?:-([0-9]{1,10}))?", item)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, MAX_SEED + 1)
        if max(first, last) > MAX_SEED:
            raise ValueError(
                f"seed {item!r} is not a whole number from 0 to {MAX_SEED}, or a range such as 0-4"
            )
        numbers = range(first, last + 1)
        if not 1 <= len(numbers) <= MAX_SEEDS:
            raise ValueError(f"seeds {item!r} are {len(numbers)} numbers: give 1 to {MAX_SEEDS}")
        return list(numbers)

    return _parse_list("seeds", text, parse)


def parse_pairs(text: str) -> tuple[Pair, ...]:
    """Read a comma list of pairs of different classes, such as `3-8,4-9`.

    Raises:
        ParameterError: an item is not such a pair.
    """
    return tuple(_parse_list("pairs", text, lambda item: [parse_pair(item)]))


def parse_recipe(name: str, overrides: Mapping[str, float | None]) -> Recipe:
    """Return the preset `name` with the fields of `overrides` that are not None.

    Raises:
        ParameterError: a field's value is out of its range.
    """
    recipe = RECIPES[name]
    for field, value in overrides.items():
        if value is not None:
            recipe = _override(recipe, field, value)
    return recipe


def check_device(device: str, scheduler: str) -> None:
    """Refuse a GPU that this machine does not have; those of a cluster are asked later.

    Raises:
        ParameterError: there is none.
    """
    if device == "gpu" and not scheduler and not hardware(device):
        raise ParameterError("device", f"{NO_GPU}: leave device out, to train on the processor")


def resolve_precision(name: str, recipe: Recipe, device: str = "cpu") -> str:
    """Return the precision to train in.

    `auto` is bfloat16 if the device has instructions for it and the recipe is not the assignment's,
    whose numbers are to be compared with those of others.
    """
    if name != "auto":
        return name
    fits = has_fast_bfloat16(device) and recipe.name != assignment.RECIPE.name
    return "bfloat16" if fits else "float32"


def parse_run_ids(text: str) -> tuple[str, ...]:
    """Read a comma list of MLflow run ids, 32 hexadecimal digits each; nothing gives none.

    Raises:
        ParameterError: an item is not a run id.
    """

    def parse(item: str) -> list[str]:
        if not re.fullmatch("[0-9a-f]{32}", item):
            raise ValueError(f"{item!r} is not a run id: give 32 digits 0-9a-f, as the UI shows")
        return [item]

    return tuple(_parse_list("runs", text, parse)) if text.strip() else ()


def parse_scheduler(backend: str, text: str) -> str:
    """Return the address of the cluster to train on; nothing stands for this machine.

    Args:
        backend: `local`, or `dask`.
        text: address of a Dask scheduler; empty for that in `DASK_SCHEDULER_ADDRESS`.

    Raises:
        ParameterError: the backend needs an address and there is none, or the other way round.
    """
    if backend == "local":
        if text.strip():
            raise ParameterError(
                "scheduler", f"scheduler {text!r} is of a cluster: give backend dask with it"
            )
        return ""
    address = text.strip() or os.environ.get(SCHEDULER_VARIABLE, "").strip()
    if not address:
        raise ParameterError(
            "scheduler",
            "backend dask trains on a cluster that is there already: start one with `dask "
            "scheduler`, and give the address that it prints, such as tcp://host:8786, here or in "
            f"{SCHEDULER_VARIABLE}",
        )
    if not re.fullmatch(r"[a-z]+://[^\s/]+:[0-9]+", address):
        raise ParameterError(
            "scheduler", f"scheduler {address!r} is not an address such as tcp://host:8786"
        )
    return address


def check_notes(text: str, output: Path) -> None:
    """Refuse notes that cannot be read, or are not text in UTF-8, before anything is trained.

    If none are named, they are the notes that the last build kept in the folder `output`.
    """
    path = notes_file(text, output)
    try:
        if path is not None:
            read_notes(path)
    except ValueError as error:
        raise ParameterError("notes", str(error)) from None


def check_output(folder: Path) -> None:
    """Refuse a folder for the document that cannot be made or written, before a run is made."""
    if not is_writable(folder):
        raise ParameterError("output", f"output={str(folder)!r} is not a folder to write to")


def _override(recipe: Recipe, field: str, value: float) -> Recipe:
    change: dict[str, Any] = {field: value}
    try:
        changed = dataclasses.replace(recipe, **change)
        # A warm-up longer than a shortened training would never reach its peak.
        warmup = min(recipe.warmup_iterations, changed.iterations // 10)
        return dataclasses.replace(changed, warmup_iterations=warmup)
    except ValueError as error:
        raise ParameterError(field, str(error)) from None


def _parse_list(parameter: str, text: str, parse: Callable[[str], list[T]]) -> list[T]:
    """Read a comma list whose items each stand for one value or several; each counts once."""
    values: dict[T, None] = {}
    for item in text.split(","):
        try:
            values |= dict.fromkeys(parse(item.strip()))
        except ValueError as error:
            raise ParameterError(parameter, str(error)) from None
    return list(values)
