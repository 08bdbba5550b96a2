"""The report job: collect, build, log, write."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from jobs.claims import at_work_on, mark_interrupted
from jobs.report.collect import collect, references
from jobs.report.document import Submission, build
from jobs.report.records import Records, Request
from jobs.tracking import Store, versions

TITLE = "Autoencoders on MNIST"

OUTPUT = Path("submission")
"""Folder the document is written to unless another is named."""

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


def report(store: Store, wanted: Wanted, parent: str = "") -> str:
    """Build the submission document, log it as a run and write it; return the id of its run.

    Raises:
        StoreError: a run that was asked for does not exist.
    """
    notes = _notes(wanted)
    trainings, omissions = collect(store, wanted.run_ids)
    request = Request(TITLE, wanted.author, notes, store.experiment, store.tracking_uri)
    records = Records(request, trainings, omissions, references(store, trainings))
    mark_interrupted(store)
    run = store.create_run("report", parent) if parent else store.adopt_run("report")
    with at_work_on(run, store), tempfile.TemporaryDirectory() as folder:
        run.set_tags({"kind": "report"} | versions())
        submission = build(records)
        run.describe(_describe(submission))
        _write(submission, Path(folder))
        run.log_files(Path(folder), "submission")
    _write(submission, wanted.output)
    (wanted.output / NOTES).write_text(notes, encoding="utf-8")
    print(submission.results)
    print(f"Submission document: {(wanted.output / 'submission.pdf').absolute()}")
    return run.run_id


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
