"""Which program this is: its version and the commit of its checkout."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def version() -> str:
    """Return name, version and, in a git checkout, the commit, on one line."""
    from jobs.tracking import git_commit

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    commit = git_commit()
    return f"{project['name']} {project['version']}" + (f", commit {commit[:12]}" if commit else "")
