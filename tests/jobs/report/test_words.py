"""The student's words in the document's three forms: nothing changed, nothing lost."""

import html
import io
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image
from pypdf import PdfReader

from jobs.report.command import report_request, write_submission
from jobs.report.render import typst
from jobs.report.render.typst import Submission, build
from tests.jobs.report.synthetic import make_records

WORDS = r"""The loss $\|x_i - \hat{x}_i\|^2$ with $\{a, b\}$, *not* $a*b$, $c*d$ or $<b>x</b>$.

$$\bar z_d = \frac{1}{N_d} \sum_{i : y_i = d} z_i$$

\begin{align}
a &= b_1 \\
  &= c_2
\end{align}

![A grey square](grey.png) ![gone](none.png)

<!-- TODO: ask the tutor before handing in -->
"""
FORMULAS = (
    r"\|x_i - \hat{x}_i\|^2",
    r"\{a, b\}",
    "a*b",
    "<b>x</b>",
    r"\bar z_d = \frac{1}{N_d} \sum_{i : y_i = d} z_i",
    "\\begin{align}\na &= b_1 \\\\\n  &= c_2\n\\end{align}",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.md").write_text(WORDS)
    Image.new("L", (9, 9), 128).save(folder / "grey.png")
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Submission:
    request = report_request((), "Ada", str(folder / "words.md"), folder / "document")
    return build(make_records(notes=request.notes, pictures=request.pictures))


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_form_has_each_formula_to_the_letter(made: Submission, formula: str) -> None:
    assert formula in html.unescape(made.files[typst.HTML].decode())
    assert formula in made.files[typst.MARKDOWN].decode()
    pages = PdfReader(io.BytesIO(made.files[typst.PDF])).pages
    text = "".join(page.extract_text() for page in pages)
    assert "".join(formula.split()) in "".join(text.split())


def test_formulas_of_the_markdown_are_set_by_code_hosts_and_never_markup(made: Submission) -> None:
    markdown = made.files[typst.MARKDOWN].decode()
    assert r"$`\{a, b\}`$" in markdown
    assert "```math\n\\bar z_d" in markdown
    assert "<b>" not in MarkdownIt("commonmark").render(markdown)


def test_no_form_has_the_comment(made: Submission) -> None:
    pages = PdfReader(io.BytesIO(made.files[typst.PDF])).pages
    texts = [made.files[typst.HTML].decode(), made.files[typst.MARKDOWN].decode()]
    for text in (*texts, *(page.extract_text() for page in pages)):
        assert "TODO" not in text


def test_every_form_shows_the_image_or_names_it(made: Submission) -> None:
    (file,) = [name for name in made.files if name.startswith("figures/notes-")]
    page, markdown = made.files[typst.HTML].decode(), made.files[typst.MARKDOWN].decode()
    assert '<img src="data:image/png;base64,' in page
    assert 'alt="A grey square"' in page
    assert f"![A grey square]({file})" in markdown
    assert made.standards == ("a-2a", "ua-1")
    assert len(PdfReader(io.BytesIO(made.files[typst.PDF])).pages[0].images) == 1
    for text in (page, markdown):
        assert "image left out: gone, none.png (there is no such file beside the notes)" in text


def test_what_is_left_out_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_request((), "Ada", str(folder / "words.md"), folder / "document")
    said = capsys.readouterr().err
    assert said == (
        f"Image none.png of {folder}/words.md is left out "
        "(there is no such file beside the notes).\n"
    )


def test_the_next_build_has_the_same_words_and_images(folder: Path, made: Submission) -> None:
    output = folder / "document"
    output.mkdir()
    write_submission(made, output)
    request = report_request((), "Ada", "", output)
    again = build(make_records(notes=request.notes, pictures=request.pictures))
    assert again.files == made.files
