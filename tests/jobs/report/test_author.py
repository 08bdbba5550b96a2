"""The author's words in their places, and who is said to have written what."""

from pathlib import Path

from jobs.report.analysis.study import Study
from jobs.report.author import AuthorNotes
from jobs.report.blocks import Block, Heading, Notes, Observations, Paragraph
from jobs.report.command import report_request, write_submission
from jobs.report.records import Records, ReportRequest
from jobs.report.render.typst import build
from jobs.report.sections import embedding, interpolation, part_1
from jobs.report.sections.provenance import authorship
from tests.jobs.report.synthetic import make_full_records, make_records

NOTES = """
Before all.

# Part 1: the error

About *errors*.

## Below

# part 3

About the plane.

# Thanks

To all.

# Part 10

Not a part.
"""


def headings(blocks: list[Block]) -> list[str]:
    return [block.text for block in blocks if isinstance(block, Heading)]


def test_notes_go_into_their_parts_and_the_rest_to_the_end() -> None:
    notes = AuthorNotes.of(ReportRequest(notes=NOTES))
    assert {part: [node["kind"] for node in nodes] for part, nodes in notes.parts.items()} == {
        1: ["paragraph", "heading"],
        3: ["paragraph"],
    }
    kinds = [node["kind"] for node in notes.rest]
    assert kinds == ["paragraph", "heading", "paragraph", "heading", "paragraph"]


def test_no_notes_are_no_notes() -> None:
    for text in ("", " \n\n "):
        notes = AuthorNotes.of(ReportRequest(notes=text))
        assert (notes.parts, notes.rest) == ({}, [])


def test_a_part_ends_with_the_authors_words_after_the_programs() -> None:
    blocks = list(part_1.blocks(Study.of(make_full_records(notes=NOTES))))
    assert headings(blocks)[1:] == ["Observations", "Intuitions", "Author's notes"]
    assert isinstance(blocks[-1], Notes)
    without = list(interpolation.blocks(Study.of(make_full_records(notes=NOTES))))
    assert "Author's notes" not in headings(without)


def test_an_instructor_can_ask_for_the_students_own_observations() -> None:
    study = Study.of(make_full_records(notes=NOTES, observations=False))
    for part, question in (
        (part_1, part_1.QUESTION),
        (interpolation, interpolation.QUESTION),
        (embedding, embedding.QUESTION),
    ):
        blocks = list(part.blocks(study))
        assert Paragraph(question) in blocks
        assert not any(isinstance(block, Observations) for block in blocks)
        assert not {"Observations", "Intuitions"} & set(headings(blocks))


def test_who_wrote_what_is_said(full_records: Records) -> None:
    assert authorship(full_records) == (
        "The program mnist-autoencoders 1.0.0 (commit 0123456789abcdef0123456789abcdef01234567) "
        "made this document; some figures were drawn when the networks were trained; its "
        "date is that of the newest run. The program wrote every sentence."
    )
    both = authorship(make_records(notes=NOTES))
    assert both.endswith("except under “Author's notes” and “Notes”: that is by Ada Example.")
    nameless = authorship(make_records(notes="Only these.", author=""))
    assert nameless.endswith("except under “Notes”: that is by the author.")


def test_author_and_notes_are_kept_for_the_next_build(tmp_path: Path) -> None:
    (tmp_path / "words.md").write_text("# Part 1\n\nMine.\n")
    output = tmp_path / "submission"
    output.mkdir()
    first = report_request((), "Ada Example", str(tmp_path / "words.md"), output)
    write_submission(build(make_records(author=first.author, notes=first.notes)), output)
    again = report_request((), "", "", output)
    assert (again.author, again.notes) == ("Ada Example", "# Part 1\n\nMine.\n")
    assert report_request((), "Bob", "", output).author == "Bob"
