"""The student's notes: a text file in, a small tree of plain dictionaries out.

A node is a dictionary with `kind` and, by kind, `text`, `children` and a few plain fields:

    blocks   paragraph, plain (a paragraph of a tight list), heading (level), quote, rule,
             list (ordered, start) of item, code (text), formula (text),
             table (columns) of row of cell (head)
    inline   text (text), break, code-inline (text), formula-inline (text), emphasis, strong,
             strike, link (href), image (file, alt)

Nothing in the tree is markup: raw HTML stays text, images are the files that were read beside the
notes, and links lead to http, https and mailto addresses alone. Nesting is capped without losing
text, so that whoever walks the tree may do so recursively.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from jobs.filesystem import resolve_path
from jobs.report import markdown_rules
from jobs.report.wording import clean

if TYPE_CHECKING:
    from markdown_it.token import Token
    from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]

NOTES = "notes.md"
"""The student's words, kept in the document's folder for the next build."""

MOST_BYTES = 20_000_000
"""Larger files are not notes."""
MAX_LENGTH = 100_000
"""Characters of notes that are shown, about forty pages; a report is no place for more."""
PARSER_DEPTH = 60
"""Block nesting at which the parser gives up, losing text; such notes are shown as plain text."""
MAX_BLOCK_DEPTH = 6
"""Quotes and lists inside one another; what is nested deeper appears at this depth."""
MAX_INLINE_DEPTH = 4
"""The same for emphasis, links and the like."""
MAX_HEADING_LEVEL = 3
"""Heading levels that notes may use; deeper ones appear at this level."""
MAX_COLUMNS = 8
"""Wider tables do not fit a page: their rows become paragraphs."""
LINK_SCHEMES = ("http", "https", "mailto")
MAX_LINK = 2_000
MAX_SHOWN_ADDRESS = 100

ENCODINGS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Byte order marks, longer ones first, and what they mark."""
OTHER_FILES = (
    (b"PK\x03\x04", "a Word or OpenDocument file, or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Word file"),
    (b"{\\rtf", "a rich text file"),
    (b"%PDF-", "a PDF file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
AS_TEXT = "Save the notes as plain text in UTF-8"


# --- The file --------------------------------------------------------------------------------


def notes_file(named: str, output: Path) -> Path | None:
    """Return the file of the notes for a document in the folder `output`.

    It is the one that is named or else, if there is one, the one that the last build kept.
    """
    kept = output / NOTES
    if named:
        return resolve_path(named)
    return kept if os.path.isfile(kept) else None


def read_notes(path: Path) -> str:
    """Return the text of a notes file: UTF-8, or what its byte order mark says.

    Raises:
        ValueError: it cannot be read or is not text in UTF-8; the message names the file, what it
            is, and what to do.
    """
    name = path.absolute()
    try:
        if not path.is_file():
            raise ValueError(f"{name} is not a file that can be read")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{name} is larger than {MOST_BYTES:,} bytes: not notes")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{name} is not a file that can be read: {error.strerror}") from error
    for start, kind in OTHER_FILES:
        if data.startswith(start):
            raise ValueError(f"{name} is {kind}. {AS_TEXT}")
    encoding = next((e for mark, e in ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} is {data[error.start]:#04x}"
        raise ValueError(
            f"{name} is not text in {encoding.removesuffix('-sig').upper()}: {place}. It may be in "
            f"Latin-1 or another older encoding. {AS_TEXT}"
        ) from error
    if "\0" in text:
        raise ValueError(
            f"{name} is not text in UTF-8: it has null characters, as UTF-16 without a byte order "
            f"mark has. {AS_TEXT}"
        )
    return text


# --- The tree --------------------------------------------------------------------------------


def parse(notes: str, pictures: Mapping[str, str] | None = None) -> list[Node]:
    """Return the notes as a list of block nodes; the first says so if they had to be cut.

    Args:
        notes: Markdown.
        pictures: address of an image in the notes -> its file in the document's folder, or, in
            brackets, why it is left out. An image that is not among them is left out as well.
    """
    text = clean(notes[:MAX_LENGTH])
    nodes = _Builder(pictures or {}).build(text)
    if len(notes) > MAX_LENGTH:
        remark = (
            f"The notes are {len(notes):,} characters long; the first {MAX_LENGTH:,} are "
            "shown here."
        )
        nodes.insert(0, _paragraph([_text(remark)]))
    return nodes


def image_addresses(notes: str) -> tuple[str, ...]:
    """Return the addresses of the images in notes, each once, as `parse` looks them up."""
    tokens = _tokens(clean(notes[:MAX_LENGTH]))
    spans = (span for token in tokens for span in token.children or ())
    return tuple(dict.fromkeys(str(s.attrs["src"]) for s in spans if s.type == "image"))


def _tokens(text: str) -> list["Token"]:
    from markdown_it import MarkdownIt

    options = {"html": False, "maxNesting": PARSER_DEPTH}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    markdown_rules.use(parser)
    return parser.parse(text)


def _is_too_deep(tokens: Sequence["Token"]) -> bool:
    spans = (span for token in tokens for span in token.children or ())
    return (
        max((token.level for token in tokens), default=0) >= PARSER_DEPTH - 2
        or max((span.level for span in spans), default=0) >= PARSER_DEPTH
    )


class _Builder:
    """Builds nodes from the parser's tree."""

    def __init__(self, pictures: Mapping[str, str]) -> None:
        self.pictures = pictures
        self.levels: list[int] = []
        """Levels, as written, of the headings that the next one may be below."""

    def build(self, text: str) -> list[Node]:
        from markdown_it.tree import SyntaxTreeNode

        tokens = _tokens(text)
        if _is_too_deep(tokens):
            return [_paragraph([_text(part)]) for part in text.split("\n\n") if part.strip()]
        return self._blocks(SyntaxTreeNode(tokens).children)

    def _blocks(self, nodes: Iterable["SyntaxTreeNode"], depth: int = 0) -> list[Node]:
        return [made for node in nodes for made in self._block(node, depth)]

    def _block(self, node: "SyntaxTreeNode", depth: int) -> list[Node]:
        match node.type:
            case "blockquote" | "bullet_list" | "ordered_list" if depth >= MAX_BLOCK_DEPTH:
                return self._blocks(node.children, depth)
            case "list_item":
                return self._blocks(node.children, depth)
            case "blockquote":
                return [{"kind": "quote", "children": self._blocks(node.children, depth + 1)}]
            case "bullet_list" | "ordered_list":
                return [self._list(node, depth + 1)]
            case "paragraph" | "heading":
                return self._text_block(node)
            case "fence" | "code_block":
                return [{"kind": "code", "text": node.content.rstrip("\n")}]
            case "formula_block":
                return [{"kind": "formula", "text": node.content}]
            case "hr":
                return [{"kind": "rule"}]
            case "table":
                return [self._table(node)]
            case _:
                return [_paragraph([_text(node.content)])]

    def _text_block(self, node: "SyntaxTreeNode") -> list[Node]:
        """Return a paragraph or heading; nothing if it is empty, as without its comment."""
        children = self._inline(node)
        if all(child["kind"] == "text" and not child["text"].strip() for child in children):
            return []
        if node.type == "heading":
            level = self._level(int(node.tag[1:]))
            return [{"kind": "heading", "level": level, "children": children}]
        return [{"kind": "plain" if node.hidden else "paragraph", "children": children}]

    def _list(self, node: "SyntaxTreeNode", depth: int) -> Node:
        items = [self._blocks(item.children, depth) for item in node.children]
        return {
            "kind": "list",
            "ordered": node.type == "ordered_list",
            "start": min(int(node.attrs.get("start", 1)), 10**9),
            "children": [{"kind": "item", "children": children} for children in items],
        }

    def _level(self, written: int) -> int:
        """Return a heading's level such that no level is skipped, from 1 to MAX_HEADING_LEVEL."""
        while self.levels and self.levels[-1] >= written:
            self.levels.pop()
        self.levels.append(written)
        return min(len(self.levels), MAX_HEADING_LEVEL)

    def _table(self, node: "SyntaxTreeNode") -> Node:
        """Return a table; one that is too wide becomes a list of its rows."""
        rows = [
            [
                {"kind": "cell", "head": cell.type == "th", "children": self._inline(cell)}
                for cell in row.children
            ]
            for part in node.children
            for row in part.children
        ]
        if len(rows[0]) > MAX_COLUMNS:
            items = [{"kind": "item", "children": [_paragraph(_joined(row))]} for row in rows]
            return {"kind": "list", "ordered": False, "start": 1, "children": items}
        children = [{"kind": "row", "children": row} for row in rows]
        return {"kind": "table", "children": children, "columns": len(rows[0])}

    def _inline(self, block: "SyntaxTreeNode") -> list[Node]:
        """Return the spans of a block whose only child is its text."""
        return [s for text in block.children for s in self._spans(text.children)]

    def _spans(self, nodes: Iterable["SyntaxTreeNode"], depth: int = 0) -> list[Node]:
        return [made for node in nodes for made in self._span(node, depth)]

    def _span(self, node: "SyntaxTreeNode", depth: int) -> list[Node]:
        match node.type:
            case "em" | "strong" | "s" | "link":
                href = str(node.attrs.get("href", ""))
                if depth >= MAX_INLINE_DEPTH or (node.type == "link" and not _is_allowed(href)):
                    return self._spans(node.children, depth)
                children = self._spans(node.children, depth + 1)
                if node.type == "link":
                    return [{"kind": "link", "children": children, "href": href}]
                kind = {"em": "emphasis", "strong": "strong", "s": "strike"}[node.type]
                return [{"kind": kind, "children": children}]
            case "hardbreak":
                return [{"kind": "break"}]
            case "softbreak":
                return [_text(" ")]
            case "code_inline":
                return [{"kind": "code-inline", "text": node.content}]
            case "formula_inline":
                return [{"kind": "formula-inline", "text": node.content}]
            case "image":
                return [self._image(str(node.attrs["src"]), node.content)]
            case _:
                return [_text(node.content)]

    def _image(self, address: str, alt: str) -> Node:
        file = self.pictures.get(address, "")
        if file and not file.startswith("("):
            return {"kind": "image", "file": file, "alt": alt or unquote(address)}
        names = ", ".join(part for part in (alt, address[:MAX_SHOWN_ADDRESS]) if part)
        return _text(f"[image left out: {names} {file}".rstrip() + "]")


def _is_allowed(href: str) -> bool:
    try:
        scheme = urlsplit(href).scheme.lower()
    except ValueError:
        return False
    return scheme in LINK_SCHEMES and len(href) <= MAX_LINK


def _joined(cells: Sequence[Node]) -> list[Node]:
    return [part for cell in cells for part in (*cell["children"], _text(" | "))][:-1]


def _paragraph(children: list[Node]) -> Node:
    return {"kind": "paragraph", "children": children}


def _text(text: str) -> Node:
    return {"kind": "text", "text": text}
