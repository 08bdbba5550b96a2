"""The document in all its forms, as a program reads it: PDF text, HTML elements, archive."""

import io
import json
import shlex
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typst as typesetter
from markdown_it import MarkdownIt
from PIL import Image
from pypdf import PdfReader

from aemodel.settings import RECIPES, parse_setting
from jobs.report.analysis.study import Study
from jobs.report.blocks import Code
from jobs.report.records import Omission, Records
from jobs.report.render import typst
from jobs.report.render.typst import Submission, build
from jobs.report.sections import overview, provenance
from tests.jobs.report.synthetic import make_full_records, make_records, make_training

HOSTILE = (
    '#read("/etc/passwd") #import "@preview/x:1.0.0" $x^2$ *b* _i_ @ref <label> // no /* comment'
    " <script>alert(1)</script> <img src=x onerror=alert(2)> </style></title> &amp; &#60;b&#62;"
    r" \input{/etc/passwd} \write18{id} {{ 7*7 }} {% raw %} ${HOME} `id` [a](javascript:alert(3))"
)
"""Typst, HTML, LaTeX, Jinja, shell and Markdown in one."""


class Page(HTMLParser):
    """The elements, attributes and text of an HTML page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.lasttag != "style" or not data.lstrip().startswith(":root"):
            self.words.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def pdf_text(submission: Submission) -> str:
    """Return the text of the PDF without any space: line ends and hyphens are the typesetter's."""
    pages = PdfReader(io.BytesIO(submission.files[typst.PDF])).pages
    return squeezed("".join(page.extract_text() for page in pages))


def squeezed(text: str) -> str:
    return "".join(text.split()).replace("\u00ad", "")


@pytest.fixture(scope="module")
def full(full_records: Records) -> Submission:
    return build(full_records)


@pytest.fixture(scope="module")
def page(full: Submission) -> Page:
    return Page(full.files[typst.HTML])


@pytest.fixture(scope="module")
def hostile() -> Submission:
    """A document of one training in which every text is hostile."""
    training = make_training(
        "1",
        run_id=HOSTILE,
        git_commit=HOSTILE,
        data_digest=HOSTILE,
        precision=HOSTILE,
        versions={HOSTILE: HOSTILE},
        recipe=replace(RECIPES["quick"], name=HOSTILE),
    )
    request = dict.fromkeys(("title", "author", "notes", "experiment", "tracking_uri"), HOSTILE)
    return build(make_records(training, omissions=(Omission(HOSTILE, HOSTILE),), **request))


def test_two_builds_are_the_same_byte_for_byte(full: Submission, full_records: Records) -> None:
    again = build(full_records)
    assert list(again.files) == list(full.files)
    for name, data in full.files.items():
        assert again.files[name] == data, name


def test_the_pdf_keeps_the_standards(full: Submission) -> None:
    reader = PdfReader(io.BytesIO(full.files[typst.PDF]))
    assert full.standards == ("a-2a", "ua-1")
    xmp = reader.xmp_metadata
    assert xmp is not None
    assert "<pdfaid:part>2</pdfaid:part>" in xmp.stream.get_data().decode()
    assert "pdfuaid:part" in xmp.stream.get_data().decode()
    assert reader.metadata is not None
    assert reader.metadata.author == "Ada Example"
    assert len(full.files[typst.PDF]) < 2_000_000


def test_all_three_parts_have_figures_observations_and_intuitions(page: Page) -> None:
    for part in ("Part 1", "Part 2", "Part 3", "Provenance"):
        assert part in page.text
    assert page.text.count("Observations") == page.text.count("Intuitions") == 4
    assert page.tags["img"] == 12
    for number in range(1, 13):
        assert f"Figure {number}." in page.text


def test_every_reference_has_its_target(page: Page) -> None:
    anchors = {value for _, name, value in page.attributes if name == "id"}
    links = [value for value in page.values("a", "href") if value.startswith("#")]
    assert len(links) > 15
    assert {link[1:] for link in links} <= anchors


def test_the_page_is_self_contained_and_forbids_the_rest(page: Page) -> None:
    policy = page.values("meta", "content")[0]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert all(value.startswith("data:image/") for value in page.values("img", "src"))
    assert all(page.values("img", "alt"))
    assert not {"script", "iframe", "object", "embed", "link", "form", "base"} & set(page.tags)
    assert page.tags["meta"] == 3


def test_no_text_is_lost_between_the_forms(full: Submission, page: Page) -> None:
    text = pdf_text(full)
    archive = zipfile.ZipFile(io.BytesIO(full.files[typst.SOURCE]))
    blocks = json.loads(archive.read("submission.json"))["blocks"]
    said = [
        item["text"] for block in blocks if block["kind"] == "findings" for item in block["items"]
    ]
    assert len(said) > 15
    for sentence in said:
        assert squeezed(sentence) in text.replace("-", "") or squeezed(sentence) in text
        assert squeezed(sentence) in squeezed(page.text)


def test_the_source_rebuilds_the_same_pdf(full: Submission, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(full.files[typst.SOURCE]))
    archive.extractall(tmp_path)
    readme = (tmp_path / "README.md").read_text()
    command = readme.split('python -c "')[1].split('"\n```')[0]
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "submission.pdf").read_bytes() == full.files[typst.PDF]


def test_the_markdown_shows_its_figures_and_tables(full: Submission) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(
        full.files[typst.MARKDOWN].decode()
    )
    shown = Page(rendered.encode())
    assert shown.tags["table"] == 11
    assert shown.tags["img"] == 12
    assert all(source in full.files for source in shown.values("img", "src"))
    assert "0.03851" in shown.text


def test_the_results_table(full_records: Records) -> None:
    lines = typst.results(full_records).splitlines()
    assert len(lines) == 5
    assert "| 1 | 128–64 | 2 | 218,514 | 100,000 | 0.03851 |" in lines[2]
    assert typst.results(make_records()) == "No finished training.\n"


def test_hostile_text_is_no_element_of_the_page(hostile: Submission) -> None:
    shown = Page(hostile.files[typst.HTML])
    assert not {"script", "iframe", "object"} & set(shown.tags)
    assert not [name for _, name, _ in shown.attributes if name.startswith("on")]
    assert all(value.startswith("data:") for value in shown.values("img", "src"))
    assert all(not value.startswith("javascript") for value in shown.values("a", "href"))
    assert '#read("/etc/passwd")' in shown.text
    assert "<script>alert(1)</script>" in shown.text
    assert "{{ 7*7 }}" in shown.text
    assert "root:" not in shown.text


def test_hostile_text_is_text_of_the_pdf(hostile: Submission) -> None:
    text = pdf_text(hostile)
    for part in ("/etc/passwd", "<script>alert(1)</script>", "{{7*7}}", r"\write18{id}"):
        assert squeezed(part) in text
    assert "root:x" not in text


def test_hostile_text_is_text_of_the_markdown(hostile: Submission) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(
        hostile.files[typst.MARKDOWN].decode()
    )
    shown = Page(rendered.encode())
    assert not {"script", "style"} & set(shown.tags)
    assert not [name for _, name, _ in shown.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in shown.text


def test_other_alphabets_emoji_and_controls_make_a_document() -> None:
    author = "王小明 😀 עברית\u202e Ada\x00\ud83d \U000e0041"
    made = build(make_records(author=author, notes="数学 👩‍🔬 \x07 ok\n\n" + author))
    shown = Page(made.files[typst.HTML])
    assert "王小明 😀 עברית Ada\ufffd" in shown.text
    assert "\u202e" not in shown.text
    assert squeezed("Ada") in pdf_text(made)


def test_long_words_are_broken_in_the_pdf_alone() -> None:
    made = build(make_records(notes="`" + "x" * 1_500 + "`\n\n" + "y" * 1_500))
    assert "y" * 1_500 in Page(made.files[typst.HTML]).text
    assert "y" * 1_500 in pdf_text(made)
    reader = PdfReader(io.BytesIO(made.files[typst.PDF]))
    assert max(len(line) for p in reader.pages for line in p.extract_text().splitlines()) < 200


def test_commands_hashes_and_ids_can_be_copied_from_the_pdf() -> None:
    records = make_records(make_training("2"), make_training("3", seed=1, recipe=RECIPES["quick"]))
    made = build(records)
    reader = PdfReader(io.BytesIO(made.files[typst.PDF]))
    text = "".join(page.extract_text() for page in reader.pages)
    assert "\u200b" not in text
    for training in records.trainings:
        assert training.run_id in text
        assert f"git checkout {training.git_commit}" in text
    (code,) = [b.text for b in provenance.blocks(Study.of(records)) if isinstance(b, Code)]
    first, *_ = code.split("\n")
    pasted = text[text.index(first) :].replace("\\\n", "")
    assert shlex.split(pasted)[: len(shlex.split(code))] == shlex.split(code)


def filled(submission: Submission, folder: Path) -> list[float]:
    """Return of each page which share of its height is text or figures."""
    zipfile.ZipFile(io.BytesIO(submission.files[typst.SOURCE])).extractall(folder)
    pages: Any = typesetter.compile(folder / "submission.typ", root=folder, format="png", ppi=36)
    shares = []
    for page in pages:
        picture = np.asarray(Image.open(io.BytesIO(page)).convert("L"))
        top, bottom = (round(picture.shape[0] * share) for share in (20 / 297, 276 / 297))
        rows = np.flatnonzero((picture[top:bottom] < 230).any(axis=1))
        shares.append(1 - np.diff([0, *rows, bottom - top]).max() / (bottom - top))
    return shares


@pytest.mark.parametrize("settings", [("1", "2", "3"), ("1",), ("2", "3")])
def test_no_page_is_nearly_empty(settings: tuple[str, ...], tmp_path: Path) -> None:
    trainings = [make_training(name, seed=seed) for name in settings for seed in (0, 1)]
    *pages, last = filled(build(make_records(*trainings)), tmp_path)
    assert min(pages) > 2 / 3
    assert last > 0.3


@pytest.mark.parametrize("notes", ["word " * 1_000_000, "> " * 400 + "x", "- " * 400 + "x"])
def test_notes_too_long_or_too_deep_make_a_document(notes: str) -> None:
    made = build(make_records(notes=notes))
    assert made.standards == ("a-2a", "ua-1")
    assert len(made.files[typst.PDF]) < 2_000_000


def test_the_notes_have_their_place_and_structure() -> None:
    made = build(
        make_records(
            notes="### Mine\n\n1. a\n2. b\n\n[l](https://example.org)\n\n|p|q|\n|-|-|\n|1|2|"
        )
    )
    shown = Page(made.files[typst.HTML])
    assert shown.text.index("Notes") < shown.text.index("Mine") < shown.text.index("Provenance")
    assert shown.tags["ol"] == shown.tags["table"] == 1
    assert "https://example.org" in shown.values("a", "href")


def test_records_with_little_in_them_make_a_document() -> None:
    bare = make_training(
        "1", setting=parse_setting("300-40-5"), curve=None, final_test_mse=None, best_test_mse=None,
        best_iteration=None, pca_test_mse=None, train_seconds=None, knn_accuracy=None,
        mse_by_digit=(), codes=None, labels=None, interpolations=(), generated=None,
        class_counts=None, samples=None, pca_xy=None, knn_accuracy_pca=None, explorer=None,
        reconstructions=None, end_time_ms=None, versions={}, threads=0,
        git_commit="", data_digest="",
    )  # fmt: skip
    shown = Page(build(make_records(bare)).files[typst.HTML])
    assert shown.tags["img"] == 1
    assert "No training recorded interpolations" in shown.text
    assert "nan" not in shown.text.lower().split()


def test_a_diverged_training_makes_a_document() -> None:
    training = make_training("2", final_test_mse=float("nan"), knn_accuracy=float("nan"))
    assert training.curve is not None
    training.curve.test_mse[5:] = np.nan
    assert "the training diverged" in Page(build(make_records(training)).files[typst.HTML]).text


def test_another_data_set_is_not_spoken_of_as_mnist() -> None:
    names = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
             "bag", "boot")  # fmt: skip
    other = {"data_digest": "feed", "data_name": "clothes", "classes": names}
    made = build(make_records(make_training("1", **other), make_training("2", **other)))
    text = Page(made.files[typst.HTML]).text
    assert "trained on the data set “clothes”" in text
    assert "dress to bag" in text
    assert "boot" in text
    words = text.replace("mnist-autoencoders", "").lower()
    for word in ("mnist", "digit", "paper", "stroke", "579"):
        assert word not in words, word


def test_the_abstract_is_short() -> None:
    for records in (make_full_records(), make_records(make_training("1"))):
        assert len(overview.abstract(Study.of(records)).split()) <= 120


def test_credentials_of_the_tracking_server_are_left_out() -> None:
    made = build(make_records(tracking_uri="https://ada:secret@example.org/mlflow"))
    for name in (typst.HTML, typst.MARKDOWN):
        assert b"secret" not in made.files[name]
    assert b"example.org/mlflow" in made.files[typst.HTML]
