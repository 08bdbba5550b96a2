"""The student's notes: what is kept, what is left out, and that no input is too much."""

import time
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
    assert text_of(tree) == "[image left out: a *graph*]"


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
