"""The Makefile's variables; that its commands work is what CI and the README's reader try."""

import os
import subprocess

import pytest

from tests.support.project import ROOT


def commands(*arguments: str, **environment: str) -> str:
    """Return what make would run, or why it refuses, whatever a make around the tests was given."""
    inherited = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "DEVICE")
    own = {name: value for name, value in os.environ.items() if name not in inherited}
    done = subprocess.run(
        ["make", "-n", *arguments],
        cwd=ROOT,
        env=own | environment,
        capture_output=True,
        text=True,
    )
    return done.stdout if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("target", ["run", "study"])
def test_a_gpu_is_trained_on_where_one_is_asked_for(target: str) -> None:
    """With its libraries, which others need not load."""
    asked = commands(target, "DEVICE=gpu")
    assert "requirements-gpu.lock" in asked
    assert "-P device=gpu" in asked
    assert "-P device=gpu" in commands(target, DEVICE="gpu")
    for plain in (commands(target), commands(target, "DEVICE=cpu"), commands(target, DEVICE="x")):
        assert "gpu" not in plain


def test_another_device_is_refused() -> None:
    assert "DEVICE=GPU: give cpu or gpu" in commands("run", "DEVICE=GPU")
    assert "give cpu or gpu" in commands("run", "DEVICE=gpu x")


def test_what_stands_in_the_environment_is_not_run() -> None:
    assert "mlflow run" in commands("run", DEVICE="$(error run)")
