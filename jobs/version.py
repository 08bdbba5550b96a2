"""Which program this is: its version and the commit of its checkout."""

import tomllib
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def project() -> dict[str, Any]:
    """Return the table `project` of pyproject.toml, with `name` and `version`."""
    return dict(tomllib.loads(PYPROJECT.read_text())["project"])


def version() -> str:
    """Return name, version and, in a git checkout, the commit, on one line."""
    from jobs.tracking import git_commit

    found, commit = project(), git_commit()
    return f"{found['name']} {found['version']}" + (f", commit {commit[:12]}" if commit else "")
