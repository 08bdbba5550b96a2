"""Facts that are written in two places agree, and the layers stay apart."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from aemodel.device import DEVICES
from aemodel.settings import RECIPES
from aemodel.training import PRECISIONS
from jobs.__main__ import app, train
from jobs.parameters import parse_specs
from jobs.spec import TYPED
from tests.support.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "conda.yaml").read_text())
ENTRY_POINTS = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
COMMANDS = {"main": "train", "study": "study", "report": "report"}
ONLY_TYPED = {"store"}
"""Commands that `mlflow run` has no entry point for: it makes a store itself, unsafely."""

HEAVY = {
    *("tensorflow", "keras", "mlflow", "matplotlib", "sklearn", "pyarrow", "typst", "scipy"),
    "distributed",
}


# --- MLproject and the command line ----------------------------------------------------------


def options(entry_point: str) -> dict[str, Any]:
    """Return the options of the typer command of an entry point, by parameter name."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    command = group.commands[COMMANDS[entry_point]]
    return {parameter.name: parameter for parameter in command.params if parameter.name != "help"}


def test_an_entry_point_for_each_command() -> None:
    assert ENTRY_POINTS.keys() == COMMANDS.keys()
    assert {
        command.callback.__name__ for command in app.registered_commands if command.callback
    } == {*COMMANDS.values(), *ONLY_TYPED}


@pytest.mark.parametrize("entry_point", COMMANDS)
def test_parameters_and_defaults_are_the_same(entry_point: str) -> None:
    declared = ENTRY_POINTS[entry_point]["parameters"]
    typed = options(entry_point)
    assert list(declared) == list(typed)
    for name, parameter in declared.items():
        assert parameter["type"] == "string"  # typer checks; MLflow only quotes
        default = typed[name].default
        assert parameter["default"] == ("" if default is None else str(default)), name
        assert typed[name].opts == [f"--{name.replace('_', '-')}"]


@pytest.mark.parametrize("entry_point", COMMANDS)
def test_every_parameter_is_forwarded_once(entry_point: str) -> None:
    words = ENTRY_POINTS[entry_point]["command"].split()
    assert words[:5] == ["exec", "python", "-m", "jobs", COMMANDS[entry_point]]
    names = list(ENTRY_POINTS[entry_point]["parameters"])
    forwarded = [word for n in names for word in (f"--{n.replace('_', '-')}", f"{{{n}}}")]
    assert words[5:] == forwarded


def test_recipes_precisions_and_devices_to_choose_from() -> None:
    choices = get_type_hints(train)
    assert set(get_args(choices["recipe"])) == set(RECIPES)
    assert set(get_args(choices["precision"])) == {"auto", *PRECISIONS}
    assert set(get_args(choices["device"])) == set(DEVICES)


def test_params_that_are_always_there_are_those_that_can_be_typed() -> None:
    (spec,) = parse_specs("1", RECIPES["fast"], "0", "3-8", "float32")
    assert set(TYPED) == spec.to_params().keys() & ENTRY_POINTS["main"]["parameters"].keys()


def test_summaries_of_commands_are_whole() -> None:
    help_text = CliRunner().invoke(app, ["-h"], env={"COLUMNS": "80"}).output
    for command in app.registered_commands:
        assert command.short_help
        assert command.short_help in help_text


def test_every_option_has_help() -> None:
    for entry_point in COMMANDS:
        assert all(option.help for option in options(entry_point).values())


# --- Dependencies ----------------------------------------------------------------------------


@cache
def locked(lock: str = "requirements.lock") -> dict[str, str]:
    """Return the version of every package in a lock."""
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    names = [name for name, _ in pins]
    assert len(names) == len(set(names)) > (50 if lock == "requirements.lock" else 5)
    return dict(pins)


def conda_pins() -> list[Requirement]:
    (pip,) = [d["pip"] for d in CONDA["dependencies"] if isinstance(d, dict)]
    return [Requirement(text) for text in pip]


def closure(requirements: list[str]) -> set[str]:
    """Return the packages that these need here, themselves included, as their metadata say."""
    found: set[tuple[str, str]] = set()
    left = [(Requirement(text), "") for text in requirements]
    while left:
        requirement, extra = left.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in {"", *requirement.extras} - {e for n, e in found if n == name}:
            found.add((name, wanted))
            left += [(Requirement(text), wanted) for text in requires(name) or []]
    return {name for name, _ in found}


def test_conda_has_the_locked_versions() -> None:
    for pin in conda_pins():
        assert str(pin.specifier) == f"=={locked()[pin.name]}", pin
        assert not pin.extras
        assert pin.url is None


def test_conda_has_what_running_needs_and_nothing_else() -> None:
    here = {pin.name for pin in conda_pins() if not pin.marker or pin.marker.evaluate()}
    assert here == closure(PROJECT["dependencies"])


def test_developers_have_the_extra_too() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert set(PROJECT["optional-dependencies"]["dask"]) <= set(groups["dev"])


@pytest.mark.parametrize(
    "text", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dask"]]
)
def test_the_lock_satisfies_the_project(text: str) -> None:
    requirement = Requirement(text)
    assert requirement.specifier.contains(locked()[requirement.name])
    assert len(requirement.specifier) == 2, "a lower and an upper bound"


def test_a_gpu_gets_the_libraries_that_tensorflow_names_for_it_and_nothing_else() -> None:
    (wanted,) = (Requirement(text) for text in PROJECT["optional-dependencies"]["gpu"])
    (base,) = (text for text in PROJECT["dependencies"] if text.startswith("tensorflow"))
    assert wanted.specifier == Requirement(base).specifier
    (extra,) = wanted.extras
    theirs = [Requirement(text) for text in requires("tensorflow") or []]
    cuda = [r for r in theirs if f'extra == "{extra}"' in str(r.marker)]
    gpu = locked("requirements-gpu.lock")
    assert gpu.keys() == {r.name for r in cuda}
    assert gpu.keys().isdisjoint(locked())
    assert all(r.specifier.contains(gpu[r.name]) for r in cuda)


def test_conda_has_a_python_that_the_project_takes() -> None:
    (python,) = [d for d in CONDA["dependencies"] if str(d).startswith("python")]
    name, version = python.split("=")  # one `=`: MLflow's uv and virtualenv read no ranges
    assert name == "python"
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{version}.0")
    assert "pip" in CONDA["dependencies"]


def test_the_project_has_one_name() -> None:
    assert yaml.safe_load((ROOT / "MLproject").read_text())["name"] == PROJECT["name"]
    assert CONDA["name"] == PROJECT["name"]


# --- Layers ----------------------------------------------------------------------------------


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level packages that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield str(node.module).split(".")[0]


def modules(package: str) -> dict[Path, set[str]]:
    return {path: set(imports(path)) for path in sorted((ROOT / package).rglob("*.py"))}


def test_what_is_imported_is_declared() -> None:
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dask"]]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}
    ours = sys.stdlib_module_names | {"aemodel", "jobs"}
    distributions = packages_distributions()
    for path, names in (modules("aemodel") | modules("jobs")).items():
        for name in names - ours:
            providers = {canonicalize_name(provider) for provider in distributions[name]}
            assert providers & declared, f"{path} imports {name}, of {providers}"


def test_the_library_knows_nothing_of_the_jobs() -> None:
    assert [path for path, names in modules("aemodel").items() if "jobs" in names] == []


def test_one_module_knows_dask() -> None:
    users = [p.name for p, names in modules("jobs").items() if names & {"dask", "distributed"}]
    assert users == ["cluster.py"]


def test_only_the_tracker_imports_mlflow() -> None:
    users = [p for p, names in (modules("aemodel") | modules("jobs")).items() if "mlflow" in names]
    assert users
    assert {path.parent for path in users} == {ROOT / "jobs" / "tracking"}


def imported(*arguments: str) -> tuple[set[str], str]:
    """Return the packages that Python imports with these arguments, and what it prints."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    return {line.split("|")[-1].strip().split(".")[0] for line in lines}, done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["-h"], ["train", "-h"], ["study", "-h"], ["report", "-h"], ["store", "-h"]],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    packages, printed = imported("-m", "jobs", *arguments)
    assert "Usage" in printed
    assert "typer" in packages
    assert packages & HEAVY == set()


def test_commands_that_train_can_be_imported_without_what_trains_and_draws() -> None:
    packages, _ = imported("-c", "import jobs.training.command, jobs.training.study")
    assert "numpy" in packages
    assert packages & HEAVY == set()
