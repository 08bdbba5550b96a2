"""What a parameter, a file or a run could do that it must not."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import ROOT
from tests.support.workspace import NewWorkspace, Workspace

Watched = tuple[Workspace, dict[str, Path], list[tuple[str, Any]]]
"""Where a training worked, its home and folder for temporary files, and what it did."""

MODULES = [*ROOT.glob("aemodel/**/*.py"), *ROOT.glob("jobs/**/*.py"), *ROOT.glob("tools/*.py")]

# --- Parameters and the shell ----------------------------------------------------------------

HOSTILE = (
    "; touch x",
    "$(touch x)",
    "`touch x`",
    "' ; touch x; '",
    '" ; touch x; "',
    "a\nb; touch x\n",
    "&& touch x || touch x & touch x | touch x > x",
    "{setting} ${HOME} $HOME %(setting)s",
    "\\'; touch x #",
    "--help",
    "-1",
    "* ? ~ [a-z] !!",
    "ünïcödé 数字 \u202e",
    "%PATH% !x! ^& <(touch x)",
    "\ttouch x > x #",
    "",
    "${IFS}touch${IFS}x; true",
    "$'\\x3b' touch x",
    "<<< x; touch x",
)

ENTRY_POINTS = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]

PYTHON = """#!{python}
import json, pathlib, sys
pathlib.Path({seen!r}).write_text(json.dumps(sys.argv[1:]))
"""


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_parameters_reach_the_command_as_they_were_typed(
    new_workspace: NewWorkspace, entry_point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A python that notes its arguments stands in for ours: nothing but the shell is tried."""
    place = new_workspace()
    noted = place.folder / "arguments.json"
    stand_in = place.folder / "bin" / "python"
    stand_in.parent.mkdir()
    stand_in.write_text(PYTHON.format(python=sys.executable, seen=str(noted)))
    stand_in.chmod(0o755)
    monkeypatch.setattr(Workspace, "environment", with_first_on_path(place, stand_in.parent))
    project = place.folder / "project"
    project.mkdir()
    for name in ("MLproject", "conda.yaml"):
        shutil.copy(ROOT / name, project)
    before = set(place.folder.iterdir())
    names = ENTRY_POINTS[entry_point]["parameters"]
    assert len(names) <= len(HOSTILE)
    typed = dict(zip(names, HOSTILE, strict=False))
    options = [word for name, text in typed.items() for word in ("-P", f"{name}={text}")]
    done = place.mlflow_run("-e", entry_point, *options, project=project)
    assert done.returncode == 0, done.stderr
    words = json.loads(noted.read_text())
    assert words[:2] == ["-m", "jobs"]
    assert dict(zip(words[3::2], words[4::2], strict=True)) == {
        f"--{name.replace('_', '-')}": text for name, text in typed.items()
    }
    made = {path.name.split(".db")[0] for path in set(place.folder.iterdir()) - before}
    assert made <= {"arguments.json", "mlflow", "mlruns"}
    assert {path.name for path in project.iterdir()} == {"MLproject", "conda.yaml"}


def with_first_on_path(place: Workspace, folder: Path) -> Callable[[Workspace], dict[str, str]]:
    usual = place.environment()
    return lambda _: usual | {"PATH": f"{folder}{os.pathsep}{usual['PATH']}"}


# --- What the code may call ------------------------------------------------------------------

UNPICKLERS = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
CALLS = {"eval", "exec", "system", "popen", "read_pickle", "unsafe_load", "full_load"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles_or_calls_a_shell(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {a.name for n in imports for a in n.names} | {getattr(n, "module", "") for n in imports}
    # A Dask cluster runs what its scheduler is given: there pickles are the protocol.
    assert not names & UNPICKLERS or path.name == "cluster.py"
    for name, call in calls(path):
        keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
        assert name.split(".")[-1] not in CALLS, name
        assert name != "joblib.load"
        assert "shell" not in keywords, name
        if name in ("np.load", "np.savez"):
            assert keywords.get("allow_pickle") == "False", name


def test_the_ui_listens_on_this_machine_only() -> None:
    makefile = (ROOT / "Makefile").read_text()
    servers = [line for line in makefile.splitlines() if "mlflow server" in line]
    assert servers
    assert all("--host 127.0.0.1" in line for line in servers)
    for path in MODULES:
        assert not any(name.endswith((".bind", "create_server")) for name, _ in calls(path)), path


# --- What a training touches -----------------------------------------------------------------

WATCH = """
import os, sys

notes = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str | bytes) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            note("write", os.path.abspath(os.fsdecode(path)))
    elif event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
        note(event, arguments[-1] if event != "socket.getaddrinfo" else arguments[0])
    elif event == "pickle.find_class":
        note(event, ".".join(map(str, arguments)))


def note(*what):
    os.write(notes, (repr(what) + "\\n").encode())


sys.addaudithook(watch)
"""
"""A `sitecustomize` module: Python's own audit events of every process of a command, in a file."""

TRAIN = (
    "train", "--setting", "8-4-2", "--recipe", "assignment", "--iterations", "20",
    "--eval-every", "5", "--pairs", "1-7", "--data", "mnist", "--threads", "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def watched(new_workspace: NewWorkspace, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    place = new_workspace()
    apart = tmp_path_factory.mktemp("apart")
    folders = {"HOME": apart / "home", "TMPDIR": apart / "temporary"}
    for folder in folders.values():
        folder.mkdir()
    (apart / "sitecustomize.py").write_text(WATCH)
    environment = place.environment() | {name: str(folder) for name, folder in folders.items()}
    environment |= {
        "NOTES": str(apart / "notes"),
        "PYTHONPATH": f"{apart}{os.pathsep}{ROOT}",
        "MLFLOW_DISABLE_TELEMETRY": "false",  # as a user's shell may have it
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "jobs", *TRAIN], cwd=place.folder, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [ast.literal_eval(line) for line in (apart / "notes").read_text().splitlines()]
    return place, folders, events


def test_nothing_is_written_outside_the_output_folders(watched: Watched) -> None:
    place, folders, events = watched
    written = {Path(str(what)) for event, what in events if event == "write"}
    allowed = (place.folder, *folders.values(), Path("/dev"), Path("/proc/self"))
    assert [p for p in written if not any(p.is_relative_to(folder) for folder in allowed)] == []
    assert any(path.is_relative_to(place.folder / "mlruns") for path in written)


def test_nothing_is_left_in_the_home_or_among_the_temporary_files(watched: Watched) -> None:
    place, folders, _ = watched
    left = [path for folder in folders.values() for path in folder.rglob("*") if path.is_file()]
    fonts = folders["HOME"] / ".cache" / "matplotlib"  # Matplotlib's list of fonts, made once
    assert [path for path in left if not path.is_relative_to(fonts)] == []
    names = {path.name.split(".db")[0] for path in place.folder.iterdir()}
    assert names == {"mnist", "mlflow", "mlruns", "checkpoints"}


def test_nobody_is_called(watched: Watched) -> None:
    """Telemetry is off, whatever the environment says; no other machine is asked for anything."""
    _, _, events = watched
    hosts = [what[0] for event, what in events if event in ("socket.connect", "socket.bind")]
    assert set(hosts) <= {"127.0.0.1", "::1"}  # a library tries whether there is IPv6
    assert [what for event, what in events if event == "socket.getaddrinfo"] == []


def test_a_training_unpickles_nothing(watched: Watched) -> None:
    _, _, events = watched
    assert [event for event in events if event[0] == "pickle.find_class"] == []
