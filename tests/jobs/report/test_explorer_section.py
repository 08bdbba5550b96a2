"""What the document says of the page to explore a latent space in."""

import pytest

from jobs.report.analysis.study import Study
from jobs.report.blocks import Figure, Linked, Paragraph
from jobs.report.render import typst
from jobs.report.render.typst import build
from jobs.report.sections import explorer
from tests.jobs.report.synthetic import make_records, make_training

PAGE = "https://host/#/experiments/1/runs/abc/artifacts/explorer.html?workflowType=machine_learning"


def test_a_run_without_the_page_has_no_word_of_it() -> None:
    assert list(explorer.blocks(Study.of(make_records(make_training("1", explorer=None))))) == []


def test_without_a_server_the_page_is_named_and_shown() -> None:
    study = Study.of(make_records(make_training("1", explorer="")))
    paragraph, figure = explorer.blocks(study)
    assert isinstance(paragraph, Paragraph)
    assert isinstance(figure, Figure)
    assert "of an example run, not of this document" in figure.caption
    assert len(figure.picture) < 150_000


def test_the_picture_is_of_digits_and_shown_beside_mnist_alone() -> None:
    other = make_training("1", explorer="", data_digest="other", data_name="shapes")
    (paragraph,) = explorer.blocks(Study.of(make_records(other)))
    assert isinstance(paragraph, Paragraph)
    assert "figure-explorer" not in paragraph.text


@pytest.mark.parametrize(
    ("form", "link"),
    [
        (typst.HTML, f'href="{PAGE}"'),
        (typst.MARKDOWN, f"[setting 1](<{PAGE}>)"),
        (typst.LATEX, r"artifacts/explorer.html"),
    ],
)
def test_a_servers_pages_are_linked(form: str, link: str) -> None:
    records = make_records(make_training("1", explorer=PAGE), make_training("2", explorer=PAGE))
    study = Study.of(records)
    linked, _ = explorer.blocks(study)
    assert isinstance(linked, Linked)
    assert [name for name, _ in linked.links] == ["setting 1", "setting 2"]
    assert link in build(records).files[form].decode()
