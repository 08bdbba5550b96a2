"""What the README says of the project, against the project."""

from inspect import signature

from jobs.__main__ import app
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


def test_every_parameter_is_explained() -> None:
    (train, *_) = app.registered_commands
    assert train.callback is not None
    for name in signature(train.callback).parameters:
        assert f"`{name}`" in README or name == "experiment"
