"""The student's notes: Markdown in, a small tree of plain dictionaries out.

A node is a dictionary with `kind` and, by kind, `text`, `children` and a few plain fields:

    blocks   paragraph, plain (a paragraph of a tight list), heading (level), quote, rule,
             list (ordered, start) of item, code (text), table (columns) of row of cell (head)
    inline   text (text), break, code-inline (text), emphasis, strong, strike, link (href)

Nothing in the tree is markup: raw HTML stays text, images become a remark, and links lead to http,
https and mailto addresses alone. Nesting is capped without losing text, so that whoever walks the
tree may do so recursively.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.report.wording import clean, format_count

if TYPE_CHECKING:
    from markdown_it.token import Token

Node = dict[str, Any]

LONGEST = 100_000
"""Characters of notes that are shown, about forty pages; a report is no place for more."""
PARSER_DEPTH = 60
"""Block nesting at which the parser gives up, losing text; such notes are shown as plain text."""
MOST_BLOCKS = 6
"""Quotes and lists inside one another; what is nested deeper appears at this depth."""
MOST_INLINE = 4
"""The same for emphasis, links and the like."""
DEEPEST_HEADING = 3
"""Heading levels that notes may use; deeper ones appear at this level."""
MOST_COLUMNS = 8
"""Wider tables do not fit a page: their rows become paragraphs."""
LINK_SCHEMES = ("http", "https", "mailto")
LONGEST_LINK = 2_000

CONTAINERS = {
    "blockquote": "quote",
    "bullet_list": "list",
    "ordered_list": "list",
    "list_item": "item",
}
TEXT_BLOCKS = {"tr": "row", "th": "cell", "td": "cell", "table": "table", "heading": "heading"}
INLINE = {"em": "emphasis", "strong": "strong", "s": "strike", "link": "link"}


def parse(notes: str) -> list[Node]:
    """Return the notes as a list of block nodes; the first says so if they had to be cut."""
    text = clean(notes[:LONGEST])
    nodes = _blocks(text)
    if len(notes) > LONGEST:
        remark = (
            f"The notes are {format_count(len(notes))} characters long; the first "
            f"{format_count(LONGEST)} are shown here."
        )
        nodes.insert(0, {"kind": "paragraph", "children": [_text(remark)]})
    return nodes


def _blocks(text: str) -> list[Node]:
    from markdown_it import MarkdownIt

    options = {"html": False, "maxNesting": PARSER_DEPTH}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    if max((token.level for token in tokens), default=0) >= PARSER_DEPTH - 2:
        return [_paragraph([_text(part)]) for part in text.split("\n\n") if part.strip()]
    return _Tree().build(tokens)


class _Tree:
    """Builds nested nodes from the parser's flat list of opening, closing and single tokens."""

    def __init__(self) -> None:
        self.root: Node = {"kind": "root", "children": []}
        self.open = [self.root]
        self.levels: list[int] = []

    def build(self, tokens: Sequence["Token"]) -> list[Node]:
        for token in tokens:
            if token.nesting < 0:
                self.open.pop()
            elif token.type == "inline":
                self.open[-1]["children"] += _inline(token.children or [])
            elif token.nesting > 0:
                self.open.append(self._opened(token))
            else:
                self.open[-1]["children"].append(_leaf(token))
        return [_narrow(node) for node in self.root["children"]]

    def _opened(self, token: "Token") -> Node:
        """Return the new innermost node; the present one where the token makes none of its own."""
        parent, name = self.open[-1], token.type.removesuffix("_open")
        if name in CONTAINERS:
            node = self._container(name, token)
        elif name == "paragraph":
            node = {"kind": "plain" if token.hidden else "paragraph", "children": []}
        elif name in TEXT_BLOCKS:
            node = self._text_block(name, token)
        else:
            return parent
        if node is not parent:
            parent["children"].append(node)
        return node

    def _container(self, name: str, token: "Token") -> Node:
        parent = self.open[-1]
        if name == "list_item":
            return {"kind": "item", "children": []} if parent["kind"] == "list" else parent
        depth = len({id(node) for node in self.open if node["kind"] in ("quote", "list")})
        if depth >= MOST_BLOCKS:
            return parent
        node: Node = {"kind": CONTAINERS[name], "children": []}
        if node["kind"] == "list":
            start = min(int(token.attrs.get("start", 1)), 10**9)
            node |= {"ordered": name == "ordered_list", "start": start}
        return node

    def _text_block(self, name: str, token: "Token") -> Node:
        node: Node = {"kind": TEXT_BLOCKS[name], "children": []}
        if name == "heading":
            node["level"] = self._level(int(token.tag[1:]))
        if node["kind"] == "cell":
            node["head"] = name == "th"
        return node

    def _level(self, written: int) -> int:
        """Return a heading's level such that no level is skipped, from 1 to DEEPEST_HEADING."""
        while self.levels and self.levels[-1] >= written:
            self.levels.pop()
        self.levels.append(written)
        return min(len(self.levels), DEEPEST_HEADING)


def _leaf(token: "Token") -> Node:
    if token.type in ("fence", "code_block"):
        return {"kind": "code", "text": token.content.rstrip("\n")}
    return {"kind": "rule"} if token.type == "hr" else _paragraph([_text(token.content)])


def _inline(tokens: Sequence["Token"]) -> list[Node]:
    root: Node = {"children": []}
    stack = [root]
    for token in tokens:
        if token.nesting < 0:
            stack.pop()
        elif token.nesting > 0:
            stack.append(_wrapper(token, stack))
        else:
            stack[-1]["children"].append(_inline_leaf(token))
    return list(root["children"])


def _wrapper(token: "Token", stack: list[Node]) -> Node:
    name, parent = token.type.removesuffix("_open"), stack[-1]
    href = str(token.attrs.get("href", ""))
    too_deep = len({id(node) for node in stack}) > MOST_INLINE
    if name not in INLINE or too_deep or (name == "link" and not _allowed(href)):
        return parent
    node: Node = {"kind": INLINE[name], "children": []}
    if name == "link":
        node["href"] = href
    parent["children"].append(node)
    return node


def _inline_leaf(token: "Token") -> Node:
    if token.type == "hardbreak":
        return {"kind": "break"}
    if token.type == "softbreak":
        return _text(" ")
    if token.type == "code_inline":
        return {"kind": "code-inline", "text": token.content}
    if token.type == "image":
        return _text(f"[image left out: {token.content}]" if token.content else "[image left out]")
    return _text(token.content)


def _allowed(href: str) -> bool:
    try:
        scheme = urlsplit(href).scheme.lower()
    except ValueError:
        return False
    return scheme in LINK_SCHEMES and len(href) <= LONGEST_LINK


def _narrow(node: Node) -> Node:
    """Return a node whose tables know their columns; too wide ones become lists of rows."""
    if node["kind"] != "table":
        if node["kind"] in ("quote", "list", "item"):
            node["children"] = [_narrow(child) for child in node["children"]]
        return node
    rows = node["children"]
    columns = len(rows[0]["children"])
    if columns <= MOST_COLUMNS:
        return node | {"columns": columns}
    items = [{"kind": "item", "children": [_paragraph(_joined(row))]} for row in rows]
    return {"kind": "list", "ordered": False, "start": 1, "children": items}


def _joined(row: Node) -> list[Node]:
    return [part for cell in row["children"] for part in (*cell["children"], _text(" | "))][:-1]


def _paragraph(children: list[Node]) -> Node:
    return {"kind": "paragraph", "children": children}


def _text(text: str) -> Node:
    return {"kind": "text", "text": text}
