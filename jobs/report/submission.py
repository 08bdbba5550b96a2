"""Records to the document: a title, blocks in order, and figure files.

The document is plain data (it is written to `submission.json`), so that the Typst template and the
Markdown writer need only walk it. The kinds of blocks are those of `blocks`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from jobs.report.analysis.study import Study
from jobs.report.author import AuthorNotes
from jobs.report.blocks import Block, Heading, Notes, References, numbered
from jobs.report.records import Records
from jobs.report.sections import (
    data,
    embedding,
    generation,
    interpolation,
    limitations,
    model,
    overview,
    part_1,
    provenance,
)
from jobs.report.wording import one_line

MAX_AUTHOR = 200
LATEST = 4_102_444_800
"""Seconds since 1970 at the start of 2100: later times are taken for a broken clock."""


@dataclass(frozen=True, eq=False)
class Content:
    """All that the document shows, ready to be typeset."""

    data: dict[str, Any]
    """What goes into `submission.json`."""
    figures: Mapping[str, bytes]
    """Path in the document's folder, such as `figures/curves.svg`, to the picture."""


def notes(study: Study) -> Iterator[Block]:
    """Yield the author's words that belong to no part."""
    author = AuthorNotes.of(study.records.request)
    if author.rest:
        yield Heading("Notes")
        yield Notes(author.rest, author.pictures)


def references(study: Study) -> Iterator[Block]:
    """Yield the references that the document cites."""
    yield References()


SECTIONS: tuple[Callable[[Study], Iterator[Block]], ...] = (
    overview.blocks,
    limitations.blocks,
    data.blocks,
    model.blocks,
    part_1.blocks,
    interpolation.blocks,
    embedding.blocks,
    generation.blocks,
    notes,
    references,
    provenance.blocks,
)
"""The document, in order; a new section is a new module and a line here."""


def submission(records: Records) -> Content:
    """Return the document that these records make."""
    study = Study.of(records)
    blocks, figures = numbered(chain.from_iterable(section(study) for section in SECTIONS))
    ended = finished(records)
    moment = datetime.fromtimestamp(ended, UTC)
    document = {
        "title": one_line(records.request.title) or _title(records),
        "author": one_line(records.request.author, MAX_AUTHOR),
        "date": f"{moment.day} {moment:%B %Y}" if ended else "",
        "summary": overview.abstract(study),
        "blocks": blocks,
    }
    return Content(document, figures)


def _title(records: Records) -> str:
    data_sets = {training.dataset.title for training in records.trainings}
    return f"Autoencoders on {data_sets.pop()}" if len(data_sets) == 1 else "Autoencoders"


def finished(records: Records) -> int:
    """Return when the newest run ended, seconds since 1970; 0 if unknown. It dates the document."""
    ends = [run.end_time_ms for run in records.trainings if run.end_time_ms is not None]
    return min(max(*ends, 0, 0) // 1000, LATEST)
