"""The student's notes: what is kept, what is left out, and that no input is too much."""

import time
from pathlib import Path
from typing import Any

import pytest

from jobs.report import notes

Node = dict[str, Any]


def text_of(node: Node | list[Node]) -> str:
    """Return all text below a node, without recursion."""
    parts, waiting = [], list(node) if isinstance(node, list) else [node]
    while waiting:
        one = waiting.pop(0)
        parts.append(one.get("text", ""))
        waiting = one.get("children", []) + waiting
    return "".join(parts)


def kinds(nodes: list[Node]) -> list[str]:
    found, waiting = [], list(nodes)
    while waiting:
        one = waiting.pop(0)
        found.append(one["kind"])
        waiting = one.get("children", []) + waiting
    return found


def depth(nodes: list[Node]) -> int:
    deepest, layer = 0, list(nodes)
    while layer:
        deepest, layer = deepest + 1, [one for node in layer for one in node.get("children", [])]
    return deepest


def test_ordinary_markdown_keeps_its_structure() -> None:
    tree = notes.parse("# Title\n\nA *b* **c** `d` ~~e~~\n\n3. x\n4. y\n\n> q\n\n---\n\n    code\n")
    assert [node["kind"] for node in tree] == [
        "heading", "paragraph", "list", "quote", "rule", "code",
    ]  # fmt: skip
    assert tree[2]["start"] == 3
    assert {"emphasis", "strong", "code-inline", "strike"} <= set(kinds(tree))


def test_headings_skip_no_level() -> None:
    tree = notes.parse("### a\n\n##### b\n\n# c\n\n###### d\n\n## e")
    assert [node["level"] for node in tree] == [1, 2, 1, 2, 2]


def test_html_stays_text() -> None:
    tree = notes.parse("<script>alert(1)</script>\n\na <img src=x onerror=y> b")
    assert set(kinds(tree)) == {"paragraph", "text"}
    assert "<script>alert(1)</script>" in text_of(tree)


def test_images_become_a_remark() -> None:
    tree = notes.parse("![a *graph*](https://example.org/x.png)")
    assert text_of(tree) == "[image left out: a *graph*, https://example.org/x.png]"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://example.org/a", True),
        ("mailto:a@example.org", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("ftp://example.org", False),
        ("../secret", False),
        ("//example.org", False),
    ],
)
def test_links_lead_to_the_web_and_to_mail_alone(address: str, kept: bool) -> None:
    tree = notes.parse(f"[words](<{address}>)")
    assert ("link" in kinds(tree)) is kept
    assert "words" in text_of(tree)


def test_wide_tables_become_lists_of_their_rows() -> None:
    head, rule = "|" + "h|" * 12, "|" + "-|" * 12
    tree = notes.parse(f"{head}\n{rule}\n{head}")
    assert tree[0]["kind"] == "list"
    assert text_of(tree[0]["children"][1]) == " | ".join("h" * 12)


def test_control_characters_surrogates_and_direction_overrides_go() -> None:
    tree = notes.parse("a\x00b\x1bc\u202edf\ud800g\u2066h\x85")
    assert text_of(tree) in ("abcdf\ufffdgh", "a\ufffdbcdf\ufffdgh")


DEEP = {
    "quotes": "> " * 400 + "heart",
    "lists": "- " * 400 + "heart",
    "indented lists": "\n".join("  " * level + "- x" for level in range(300)) + " heart",
    "emphasis": "*_" * 400 + "heart" + "_*" * 400,
    "strong": "*" * 5_000 + "heart" + "*" * 5_000,
    "links": "[" * 400 + "heart" + "](http://a.b)" * 400,
    "brackets": "[" * 20_000 + "heart",
    "images": "![" * 10_000 + "heart",
}


@pytest.mark.parametrize("kind", list(DEEP))
def test_deep_nesting_is_capped_and_loses_no_text(kind: str) -> None:
    started = time.process_time()
    tree = notes.parse(DEEP[kind])
    assert time.process_time() - started < 10
    assert "heart" in text_of(tree)
    assert depth(tree) < 25


def test_five_megabytes_are_cut_with_a_remark() -> None:
    tree = notes.parse("word " * 1_000_000)
    assert "5,000,000 characters long; the first 100,000 are shown" in text_of(tree[0])
    assert len(text_of(tree)) < 110_000


# --- Formulas and comments -------------------------------------------------------------------


def formulas(nodes: list[Node]) -> list[str]:
    found, waiting = [], list(nodes)
    while waiting:
        node = waiting.pop(0)
        found += [node["text"]] if node["kind"] in ("formula", "formula-inline") else []
        waiting = node.get("children", []) + waiting
    return found


@pytest.mark.parametrize(
    "formula",
    [
        r"$\|x_i - \hat{x}_i\|^2$",
        r"$\{a, b\}$",
        "$a*b*c$",
        "$a_1 < b_2 & c > `d`$",
        "$a$",
        r"$5\$ + x$",
        "$x\n= y_1_$",
        r"$$\bar z_d = \frac{1}{N_d}$$",
        r"\(x_1\)",
        "$$\na\n===\n- b\n\n> c\n$$",
        "\\[\n  x_1 *y* \\\\\n\\]",
        "\\begin{align*}\n a &= b_1 \\\\\n   &= c_1\n\\end{align*}",
    ],
)
def test_formulas_keep_every_character(formula: str) -> None:
    assert formulas(notes.parse(formula)) == [formula]
    assert formulas(notes.parse(f"text\n\n{formula}\n\ntext")) == [formula]
    quoted = "\n".join(f"> {line}" for line in formula.splitlines())
    if "\n" not in formula:
        assert formulas(notes.parse(f"- *a* {formula}, and\n- b\n\n{quoted}")) == [formula] * 2


@pytest.mark.parametrize(
    "text",
    [
        "A price of 5$ and one of 10$ is no formula.",
        "It costs $5 and $10.",
        "From $20,000 to $30,000",
        r"\$a_1\$",
        "`$a_1$`",
        "a $ b $ c",
        "$",
        "$$",
        "$$$$",
    ],
)
def test_prices_and_code_are_not_formulas(text: str) -> None:
    tree = notes.parse(text)
    assert formulas(tree) == []
    assert text_of(tree) == text.replace("\\", "").strip("`")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a <!-- b --> c", "a c"),
        ("<!-- a -->\n\nb", "b"),
        ("<!-- a\n\n\n# b\n- c\n-->\nd", "d"),
        ("<!-- a\n\nb --> c", "c"),
        ("a <!-- b\n\n# c\n\nd --> e", "a e"),
        ("a\n<!-- b -->\nc", "ac"),
        ("> a <!-- b --> c\n\n- d <!-- e -->", "a cd "),
        ("# a <!-- b -->", "a "),
        ("a<!---->b<!-- c -- d -->e", "abe"),
        ("`<!-- a -->`", "<!-- a -->"),
        ("```\n<!-- a -->\n```", "<!-- a -->"),
        ("    <!-- a -->", "<!-- a -->"),
        (r"\<!-- a -->", "<!-- a -->"),
        ("a <!-- b", "a <!-- b"),
        ("<!-- a\n\nb", "<!-- ab"),
        ("<!-- TODO: ask the tutor before handing in -->", ""),
    ],
)
def test_comments_vanish_and_nothing_else(text: str, shown: str) -> None:
    assert text_of(notes.parse(text)) == shown


def test_a_comment_alone_leaves_no_paragraph() -> None:
    assert notes.parse("<!-- a --> <!-- b -->\n\n<!-- c\n-->") == []


def test_headings_without_words_are_left_out() -> None:
    """PDF/UA has none."""
    assert kinds(notes.parse("# \n\n## <!-- a -->\n\nb")) == ["paragraph", "text"]


@pytest.mark.parametrize(
    "text",
    ["$a " * 33_000, "$" * 100_000, r"\(" * 50_000, "<!-- " * 20_000, "x\n<!--\n\n" * 10_000,
     "$$\n" * 30_000, "\\begin{a}\n" * 9_000, "a <!-- b\n\n" * 9_000],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_what_is_opened_very_often_and_never_closed_takes_no_time(text: str) -> None:
    started = time.process_time()
    notes.parse(text)
    assert time.process_time() - started < 10


# --- The file --------------------------------------------------------------------------------

WORDS = "Grüße, 数学 – $x_1$\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_file_is_decoded_as_its_mark_says(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "notes.md"
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    path.write_bytes((mark + WORDS).encode(encoding))
    assert notes.read_notes(path) == WORDS


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WORDS.encode("latin-1", "ignore"), r"is not text in UTF-8: byte 3 is 0xfc\. .*Latin-1"),
        (WORDS.encode("utf-16-le"), "is not text in UTF-8"),
        (
            "plain".encode("utf-16-le"),
            "is not text in UTF-8: it has null characters, as UTF-16 without",
        ),
        (b"\xff\xfe\x00\xd8", "is not text in UTF-16"),
        (b"PK\x03\x04\x14\x00", "is a Word or OpenDocument file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Word file"),
        (b"{\\rtf1\\ansi", "is a rich text file"),
        (b"%PDF-1.7\n", "is a PDF file"),
        (b"\x89PNG\r\n", "is a PNG image"),
    ],
)
def test_what_is_not_text_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path} {words}") as caught:
        notes.read_notes(path)
    assert "Save the notes as plain text in UTF-8" in str(caught.value)


def test_a_file_that_is_none_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_BYTES", 10)
    (tmp_path / "long.md").write_text("12345678901")
    for name, words in (("none.md", "not a file"), (".", "not a file"), ("long.md", "larger")):
        with pytest.raises(ValueError, match=words):
            notes.read_notes(tmp_path / name)


# --- Images ----------------------------------------------------------------------------------


def test_images_are_the_files_that_were_read() -> None:
    text = "![A *plot*](a.png) ![](<b c.png>) [![](d.png)](https://example.org) `![](e.png)`"
    assert notes.image_addresses(text) == ("a.png", "b%20c.png", "d.png")
    places = {"a.png": "figures/notes-1.png", "b%20c.png": "(is damaged)"}
    (paragraph,) = notes.parse(text, places)
    assert paragraph["children"][0] == {
        "kind": "image", "file": "figures/notes-1.png", "alt": "A *plot*",
    }  # fmt: skip
    assert "[image left out: b%20c.png (is damaged)]" in text_of(paragraph)
    assert "[image left out: d.png]" in text_of(paragraph)
