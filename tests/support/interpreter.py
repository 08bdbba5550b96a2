"""Programs in a Python process of their own."""

import os
import subprocess
import sys

from tests.support.project import ROOT


def ran(program: str, **environment: str) -> list[str]:
    """Return the lines that a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
