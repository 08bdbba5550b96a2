"""The report: records are collected, the document is built, logged as a run, and written."""

import sys
import tempfile
from pathlib import Path

from jobs.report.collect import collect_records
from jobs.report.notes import NOTES, notes_file, read_notes
from jobs.report.pictures import read_pictures
from jobs.report.records import ReportRequest
from jobs.report.render.typst import Submission, build
from jobs.report.wording import one_line
from jobs.tracking import Run, Store, versions
from jobs.tracking.ownership import mark_orphans, owned_run

__all__ = [
    "build",
    "collect_records",
    "log_submission",
    "report_request",
    "write_submission",
]

AUTHOR = "author.txt"
"""The author's name, kept in the output folder for the next build."""


def report_request(
    run_ids: tuple[str, ...], author: str, notes: str, output: Path
) -> ReportRequest:
    """Return the request that these parameters make.

    Args:
        run_ids: trainings the document is about; none for the newest ones.
        author: name on the document; empty for the one that the last build left in `output`.
        notes: path of a Markdown file; empty for the notes that the last build left in `output`.
        output: folder of the document.

    Raises:
        ValueError: the notes are not a file of text in UTF-8.
    """
    author = author or _kept_author(output)
    path = notes_file(notes, output)
    if path is None:
        return ReportRequest(run_ids=run_ids, author=author)
    text = read_notes(path)
    pictures = read_pictures(text, path.parent)
    for address, reason in pictures.left_out.items():
        print(f"Image {one_line(address)} of {path} is left out {reason}.", file=sys.stderr)
    return ReportRequest(run_ids=run_ids, author=author, notes=text, pictures=pictures)


def _kept_author(output: Path) -> str:
    try:
        return (output / AUTHOR).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def log_submission(store: Store, submission: Submission, parent: Run | None = None) -> str:
    """Log a document as a run, below `parent` if that is given; return the run's id."""
    mark_orphans(store)
    with owned_run(store, "report", parent) as run, tempfile.TemporaryDirectory() as folder:
        run.set_tags({"kind": "report"} | versions())
        run.describe(_describe(submission))
        _write(submission, Path(folder))
        run.log_files(Path(folder), "submission")
    return run.run_id


def write_submission(submission: Submission, output: Path) -> None:
    """Write a document to its folder, and say where it is.

    Raises:
        OSError: it cannot be written.
    """
    _write(submission, output)
    (output / NOTES).write_text(submission.notes, encoding="utf-8")
    (output / AUTHOR).write_text(f"{submission.author}\n", encoding="utf-8")
    if submission.warning:
        print(submission.warning, file=sys.stderr)
    print(submission.results)
    print(f"Submission document: {(output / 'submission.pdf').absolute()}")


def _describe(submission: Submission) -> str:
    return (
        "The submission document: `submission/submission.pdf` and `submission/submission.html` "
        f"among the artifacts.\n\n{submission.results}\n"
    )


def _write(submission: Submission, folder: Path) -> None:
    for name, data in submission.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
