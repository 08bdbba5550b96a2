"""Names and words of every script: kept whole, and a warning if no font has their letters."""

import html
import re
from pathlib import Path

import pytest

from jobs.report.command import write_submission
from jobs.report.render import letters, typst
from tests.jobs.report.synthetic import make_records, make_training

ARABIC, HEBREW = "محمد بن عبد الله", "יוסף כהן"
NAMES = (ARABIC, HEBREW, "สมชาย ใจดี", "김민수", "अनिता शर्मा")


def byline(submission: typst.Submission) -> str:
    match = re.search('<p class="byline">(.*?)</p>', submission.files[typst.HTML].decode())
    assert match is not None
    return html.unescape(match[1])


@pytest.mark.parametrize("name", NAMES)
def test_the_byline_keeps_the_name_and_the_date_apart(name: str) -> None:
    bare = dict.fromkeys(("curve", "codes", "labels", "reconstructions", "manifold"))
    training = make_training("1", interpolations=(), mse_by_digit=(), **bare)
    made = typst.build(make_records(training, author=name))
    shown = byline(made)
    assert shown.startswith(f"<bdi>{name}</bdi> · ")
    date = shown.split(" · ")[1]
    assert re.fullmatch(r"\d+ [A-Z][a-z]+ \d{4}", date)
    isolated = f"\u2068{name}\u2069" if name in (ARABIC, HEBREW) else name
    assert f"\n{isolated} · {date}\n" in made.files[typst.MARKDOWN].decode()


@pytest.mark.parametrize("name", [ARABIC, HEBREW, "Zoë Żółć", "Ελένη", "Дмитрий"])
def test_letters_of_typst_s_own_fonts_need_no_warning(name: str) -> None:
    made = typst.build(make_records(author=name))
    assert made.standards == ("a-2a", "ua-1")
    assert made.warning == ""


@pytest.mark.parametrize(
    ("text", "script", "package"),
    [
        ("สมชาย ใจดี", "Thai (สมชายใจด)", "fonts-noto-core"),
        ("김민수", "Hangul (김민수)", "fonts-noto-cjk"),
        ("王小明", "Chinese characters (王小明)", "fonts-noto-cjk"),
        ("さくら", "Hiragana (さくら)", "fonts-noto-cjk"),
        ("👩 x", "Symbols (👩)", "fonts-noto-color-emoji"),
        ("अनिता", "Devanagari (अनत)", "fonts-noto-core"),
    ],
)
def test_the_warning_names_letters_and_fonts(
    monkeypatch: pytest.MonkeyPatch, text: str, script: str, package: str
) -> None:
    monkeypatch.setattr(letters, "_can_be_set", lambda _: False)
    monkeypatch.setattr(letters, "_families", lambda: iter(["Libertinus Serif"]))
    warning = letters.missing_letters(f"Ada, {text}")
    assert f" {script}." in warning
    assert f": {package})" in warning
    assert "HTML page and the Markdown file have them" in warning


def test_letters_that_a_font_has_are_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "_can_be_set", lambda text: "김" not in text)
    monkeypatch.setattr(letters, "_families", lambda: iter(["Noto Sans Devanagari"]))
    warning = letters.missing_letters("김민수 สมชาย अनिता – “Ada” × ≤")
    assert "Hangul" in warning
    assert "Thai" not in warning
    assert "Devanagari" not in warning
    assert letters.missing_letters("สมชาย अनिता") == ""


def test_typst_is_asked_for_glyphs() -> None:
    assert letters._can_be_set("Ελένη יוסף")
    assert not letters._can_be_set("\U00012000")  # cuneiform, which hardly any machine has


def test_a_document_without_a_font_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = typst.build(make_records(author="\U00012000", notes="x"))
    assert made.standards == ()
    assert "Cuneiform (\U00012000)" in made.warning
    assert made.warning.endswith("The PDF keeps neither PDF/A nor PDF/UA.")
    assert "\U00012000" in byline(made)
    write_submission(made, tmp_path)
    assert made.warning in capsys.readouterr().err


def test_letters_that_are_joined_are_not_set_with_a_font_that_does_not() -> None:
    assert letters.needs_system_fonts("Ada अनिता")
    assert not letters.needs_system_fonts(f"Ada {ARABIC} 김민수")
