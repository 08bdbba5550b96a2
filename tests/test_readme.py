"""What the README says of the project, against the project."""

import re

import yaml

from tests.support.project import ROOT

README = (ROOT / "README.md").read_text()


def table_rows(text: str, head: str) -> list[str]:
    """Return the lines of the Markdown table whose first line begins with `head`."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(head))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def test_the_results_are_those_the_report_job_wrote() -> None:
    written = (ROOT / "docs" / "example" / "submission.md").read_text()
    rows = table_rows(README, "| Setting |")
    assert len(rows) == 5
    assert rows == table_rows(written, "| Setting |")


def explained(head: str) -> dict[str, str]:
    """Return the default of each parameter, as the README's table with this head has it."""
    rows = (row.split("|")[1:3] for row in table_rows(README, head)[2:])
    return {
        name: default.strip().strip("`")
        for names, default in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def declared(entry_point: str) -> dict[str, str]:
    """Return the default of each parameter of an entry point."""
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    parameters = entry_points[entry_point]["parameters"]
    return {name: parameter["default"] for name, parameter in parameters.items()}


def test_the_parameters_of_a_training_and_their_defaults() -> None:
    assert explained("| parameter |") == declared("main")


def test_the_parameters_of_a_study_and_their_defaults() -> None:
    shared = {"precision", "device", "workers", "backend", "scheduler", "data", "resume"}
    shared |= {"iterations"}
    own = {name: text for name, text in declared("study").items() if name not in shared}
    assert explained("| option |") == own
    assert all(declared("study")[name] == declared("main")[name] for name in shared)


def test_the_parameters_of_the_report() -> None:
    section = README.split("\n## The report\n")[1].split("\n## ")[0]
    mentioned = set(re.findall(r"-P (\w+)=", section))
    assert declared("report").keys() == mentioned
