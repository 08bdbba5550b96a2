"""From the text parameters of a command to the specs of its trainings.

Everything the user types is checked here, before a run is made: a value that is wrong raises
`ParameterError`, which names the parameter, what was found and what would be right.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aemodel.device import has_fast_bfloat16
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting, parse_setting
from aemodel.training import PRECISIONS
from jobs.filesystem import is_writable
from jobs.report.notes import notes_file, read_notes
from jobs.spec import Pair, TrainingSpec, parse_pair

T = TypeVar("T")

OUTPUT = Path("submission")
"""Folder of the submission document, unless another is named."""

MAX_SEED = 2**32 - 1
MAX_COUNT = 1024
"""Most processes, or threads, taken for meant so."""


class ParameterError(ValueError):
    """A parameter has a value that cannot be used."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def parse_specs(
    setting: str, recipe: Recipe, seeds: str, pairs: str, precision: str
) -> list[TrainingSpec]:
    """Return one training for each setting and seed, settings in the order given.

    Raises:
        ParameterError: a parameter cannot be read, is out of range, or names something twice.
    """
    settings = parse_settings(setting)
    numbers = parse_seeds(seeds)
    digit_pairs = parse_pairs(pairs)
    resolved = resolve_precision(precision)
    return [
        TrainingSpec(
            setting=setting, recipe=recipe, seed=seed, precision=resolved, pairs=digit_pairs
        )
        for setting in settings
        for seed in numbers
    ]


def parse_settings(text: str) -> list[Setting]:
    """Read `all`, or a comma list of `1`, `2`, `3` and `D1-D2-D3`."""
    if text.strip() == "all":
        return list(SETTINGS.values())
    return _parse_list("setting", text, parse_setting)


def parse_seeds(text: str) -> list[int]:
    """Read one seed or a comma list of seeds."""

    def parse_seed(item: str) -> int:
        if not (re.fullmatch("[0-9]{1,10}", item) and int(item) <= MAX_SEED):
            raise ValueError(f"seed {item!r} is not a whole number from 0 to {MAX_SEED}")
        return int(item)

    return _parse_list("seeds", text, parse_seed)


def parse_pairs(text: str) -> tuple[Pair, ...]:
    """Read a comma list of pairs of different digits, such as `3-8,4-9`."""
    return tuple(_parse_list("pairs", text, parse_pair))


def parse_recipe(name: str, overrides: Mapping[str, str]) -> Recipe:
    """Return the preset `name` with the fields of `overrides` that are not empty.

    Raises:
        ParameterError: there is no such preset, or a field's text is not a valid value.
    """
    if name not in RECIPES:
        raise ParameterError("recipe", f"recipe {name!r} is not known: give {_or(RECIPES)}")
    recipe = RECIPES[name]
    for field, text in overrides.items():
        if text.strip():
            recipe = _override(recipe, field, text.strip())
    return recipe


def resolve_precision(name: str) -> str:
    """Return the precision to train in; `auto` is bfloat16 where the processor has it."""
    if name not in (*PRECISIONS, "auto"):
        raise ParameterError(
            "precision", f"precision {name!r} is not known: give {_or((*PRECISIONS, 'auto'))}"
        )
    if name == "auto":
        return "bfloat16" if has_fast_bfloat16() else "float32"
    return name


def parse_bool(parameter: str, text: str) -> bool:
    """Read `true` or `false`, in any case, as YAML and MLflow write them."""
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise ParameterError(parameter, f"{parameter}={text!r} is neither true nor false")
    return values[text.lower()]


def parse_count(parameter: str, text: str) -> int:
    """Read a number of processes or threads; 0 leaves the choice to the job."""
    if not (re.fullmatch("[0-9]{1,4}", text) and int(text) <= MAX_COUNT):
        raise ParameterError(
            parameter, f"{parameter}={text!r} is not a whole number from 0 to {MAX_COUNT}"
        )
    return int(text)


def parse_run_ids(text: str) -> tuple[str, ...]:
    """Read a comma list of MLflow run ids, 32 hexadecimal digits each; nothing gives none."""

    def parse_id(item: str) -> str:
        if len(item) != 32 or not set(item) <= set("0123456789abcdef"):
            raise ValueError(f"{item!r} is not a run id: give 32 digits 0-9a-f, as the UI shows")
        return item

    return tuple(_parse_list("runs", text, parse_id)) if text.strip() else ()


def check_notes(text: str, output: Path = OUTPUT) -> None:
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


def _override(recipe: Recipe, field: str, text: str) -> Recipe:
    kind = type(getattr(recipe, field))
    wanted = "a whole number" if kind is int else "a number"
    try:
        if "_" in text or not text.isascii():  # such as 1_000, which Python would read
            raise ValueError
        value = kind(text)
    except ValueError:
        raise ParameterError(field, f"{field}={text!r} is not {wanted}") from None
    try:
        changed = dataclasses.replace(recipe, **{field: value})
        # A warm-up longer than a shortened training would never reach its peak.
        warmup = min(recipe.warmup_iterations, changed.iterations // 10)
        return dataclasses.replace(changed, warmup_iterations=warmup)
    except ValueError as error:
        raise ParameterError(field, str(error)) from None


def _parse_list(parameter: str, text: str, parse: Callable[[str], T]) -> list[T]:
    """Read a comma list with `parse`, refusing what is listed twice."""
    values: list[T] = []
    for item in text.split(","):
        try:
            value = parse(item.strip())
        except ValueError as error:
            raise ParameterError(parameter, str(error)) from None
        if value in values:
            raise ParameterError(parameter, f"{item.strip()!r} is listed twice in {text!r}")
        values.append(value)
    return values


def _or(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}"
