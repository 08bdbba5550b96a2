"""The report job: collect, build, log; then write."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from jobs.report.collect import collect, references
from jobs.report.records import Records, Request
from jobs.report.render.typst import Submission, build
from jobs.tracking import Run, Store, versions
from jobs.tracking.ownership import at_work, mark_interrupted

TITLE = "Autoencoders on MNIST"

NOTES = "notes.md"
"""The student's words, kept in the output folder for the next build."""


@dataclass(frozen=True)
class Wanted:
    """What the document shall be about."""

    run_ids: tuple[str, ...]
    """Trainings; none for the newest finished one of each of the settings 1, 2 and 3."""
    author: str
    notes: str
    """Path of a Markdown file; empty for the notes of the last build."""
    output: Path


@dataclass(frozen=True)
class Built:
    """A document that the store has."""

    run_id: str
    submission: Submission
    notes: str


def report(store: Store, wanted: Wanted, parent: Run | None = None) -> Built:
    """Build the submission document and log it as a run.

    Raises:
        StoreError: a run that was asked for does not exist.
    """
    notes = _notes(wanted)
    trainings, omissions = collect(store, wanted.run_ids)
    request = Request(TITLE, wanted.author, notes, store.experiment, store.tracking_uri)
    records = Records(request, trainings, omissions, references(store, trainings))
    mark_interrupted(store)
    with at_work(store, "report", parent) as run, tempfile.TemporaryDirectory() as folder:
        run.set_tags({"kind": "report"} | versions())
        submission = build(records)
        run.describe(_describe(submission))
        _write(submission, Path(folder))
        run.log_files(Path(folder), "submission")
    return Built(run.run_id, submission, notes)


def deliver(built: Built, output: Path) -> None:
    """Write a document to its folder, and say where it is.

    Raises:
        OSError: it cannot be written; the store has it all the same.
    """
    _write(built.submission, output)
    (output / NOTES).write_text(built.notes, encoding="utf-8")
    print(built.submission.results)
    print(f"Submission document: {(output / 'submission.pdf').absolute()}")


def _notes(wanted: Wanted) -> str:
    path = Path(wanted.notes) if wanted.notes else wanted.output / NOTES
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


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
