"""How each part ends: with the program's observations and intuitions, and the author's words."""

from collections.abc import Iterable, Iterator

from jobs.report.analysis.study import Study
from jobs.report.author import AuthorNotes
from jobs.report.blocks import Block, Heading, Notes, Observation, Paragraph, observed


def part_ending(
    study: Study, part: int, observations: Iterable[Observation], question: str
) -> Iterator[Block]:
    """Yield the observations of a part, or the question instead, and then the author's notes."""
    if study.records.request.observations:
        yield from observed(observations)
    else:
        yield Heading("Question", 2)
        yield Paragraph(question)
    author = AuthorNotes.of(study.records.request)
    if nodes := author.parts.get(part):
        yield Heading("Author's notes", 2)
        yield Notes(nodes, author.pictures)
