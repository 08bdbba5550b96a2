"""From the text parameters of a command to a list of trainings.

Everything the user types is checked here, before a run is made: a value that is wrong raises
`ParameterError`, which names the parameter, what was found and what would be right.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from aemodel.processor import has_fast_bfloat16
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting, parse_setting
from aemodel.training import PRECISIONS

Pair = tuple[int, int]
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


@dataclass(frozen=True)
class TrainingJob:
    """All that decides the result of one training, but for the data."""

    setting: Setting
    recipe: Recipe
    seed: int
    precision: str
    """`float32` or `bfloat16`."""
    pairs: tuple[Pair, ...]
    """Digits to interpolate between, (from, to)."""

    @property
    def name(self) -> str:
        """The name of its run, such as `setting-3 seed-0`."""
        return f"setting-{self.setting.name} seed-{self.seed}"

    @property
    def cost(self) -> float:
        """Estimated work: multiplications in the matrix products of the whole training."""
        return float(self.setting.parameter_count) * self.recipe.iterations * self.recipe.batch_size

    def to_params(self) -> dict[str, str]:
        """Return every field as text, for the tracker; `from_params` reads it back equal."""
        values = {
            "setting": self.setting.name,
            **{name: getattr(self.setting, name) for name in ("d1", "d2", "d3")},
            **dataclasses.asdict(self.recipe),
            "recipe": self.recipe.name,
            "seed": self.seed,
            "precision": self.precision,
            "pairs": ",".join(f"{a}-{b}" for a, b in self.pairs),
        }
        del values["name"]
        return {name: str(value) for name, value in values.items()}

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> "TrainingJob":
        """Return the job whose fields `to_params` wrote.

        A field of the recipe that the run does not know, since it was added later, has its default.

        Raises:
            KeyError: a field that has no default is missing.
            ValueError: a value cannot be read or is out of its range.
        """
        widths = [int(params[name]) for name in ("d1", "d2", "d3")]
        kinds = get_type_hints(Recipe)
        values: dict[str, Any] = {
            field.name: kinds[field.name](params[field.name])
            for field in dataclasses.fields(Recipe)
            if field.name != "name"
            and (field.name in params or field.default is dataclasses.MISSING)
        }
        return cls(
            Setting(params["setting"], *widths),
            Recipe(name=params["recipe"], **values),
            int(params["seed"]),
            params["precision"],
            parse_pairs(params["pairs"]),
        )


def plan_trainings(
    setting: str, recipe: Recipe, seeds: str, pairs: str, precision: str
) -> list[TrainingJob]:
    """Return one training for each setting and seed, settings in the order given.

    Raises:
        ParameterError: a parameter cannot be read, is out of range, or names something twice.
    """
    settings = parse_settings(setting)
    numbers = parse_seeds(seeds)
    digit_pairs = parse_pairs(pairs)
    resolved = resolve_precision(precision)
    return [TrainingJob(s, recipe, n, resolved, digit_pairs) for s in settings for n in numbers]


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

    def parse_pair(item: str) -> Pair:
        digits = item.split("-")
        if len(digits) != 2 or not all(len(d) == 1 and d in "0123456789" for d in digits):
            raise ValueError(f"{item!r} is not a pair of digits such as 3-8")
        if digits[0] == digits[1]:
            raise ValueError(f"{item!r} is the same digit twice: give two different digits")
        return int(digits[0]), int(digits[1])

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


def check_notes(text: str) -> None:
    """Refuse a notes file that cannot be read, before anything is trained."""
    try:
        is_readable = Path(text).is_file() and os.access(text, os.R_OK)
    except OSError:  # a name too long
        is_readable = False
    if text and not is_readable:
        raise ParameterError("notes", f"notes={text!r} is not a file that can be read")


def makes_report(jobs: Sequence[TrainingJob]) -> bool:
    """Whether the submission document follows these trainings: all three settings are there."""
    return {job.setting.name for job in jobs} >= set(SETTINGS)


def is_writable(folder: Path) -> bool:
    """Whether a folder can be written to, or made."""
    try:
        existing = next(
            p for p in (folder, *folder.absolute().parents) if p.is_symlink() or p.exists()
        )
        return existing.is_dir() and os.access(existing, os.W_OK)
    except OSError:  # a name too long, or that no path can have
        return False


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
