"""The document as Markdown, with its figures as files beside it: readable on a code host.

All text is escaped: what was not markup in the records is none here.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import bidirectional

from jobs.report.blocks import Columns

SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")
"""Characters that mean something anywhere in a line."""
LINE_START = re.compile(r"^(\s*)(#|[-+=:]|\d+[.)](?=\s|$))", re.MULTILINE)
"""What means something at the start of a line alone: a list's number only before a space."""

ISOLATE, END_ISOLATE = "\u2068", "\u2069"
"""Around a name that is written from right to left, lest it draw what follows into it."""
DISPLAY = re.compile(r"(?:\$\$|\\\[)(.*)(?:\$\$|\\\])\s*([.,;]?)", re.DOTALL)
"""A formula of its own line without its delimiters, and the punctuation after it."""


def write(data: dict[str, Any]) -> str:
    """Return the document of `submission.Content.data` as Markdown."""
    by = " · ".join(part for part in (_isolated(data["author"]), escape(data["date"])) if part)
    parts = [f"# {escape(data['title'])}", by, escape(data["summary"])]
    parts += [_block(block) for block in data["blocks"]]
    return "\n\n".join(part for part in parts if part) + "\n"


def _isolated(name: str) -> str:
    """Return a name, kept apart if a part of it is written from right to left."""
    leftward = any(bidirectional(character) in ("R", "AL") for character in name)
    return f"{ISOLATE}{escape(name)}{END_ISOLATE}" if leftward else escape(name)


def markdown_table(columns: Columns, rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; cells must have no markup of their own."""
    rule = ["---:" if align == "right" else "---" for _, align in columns]
    lines = [[head for head, _ in columns], rule, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escape(text: str) -> str:
    """Return plain text as Markdown that shows it as it is, on one line."""
    escaped = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return LINE_START.sub(_guard, escaped)


def _guard(match: re.Match[str]) -> str:
    lead, mark = str(match[1]), str(match[2])
    return f"{lead}{mark[:-1]}\\{mark[-1]}"


def _block(block: dict[str, Any]) -> str:
    match block["kind"]:
        case "heading":
            return f"{'#' * (block['level'] + 1)} {escape(block['text'])}"
        case "paragraph" | "equation":
            return escape(block["text"])
        case "list" | "fine print":
            return _bullets(map(escape, block["items"]))
        case "caveats":
            title = f"> **{escape(block['title'])}**"
            return "\n".join([title, ">", *(f"> - {escape(item)}" for item in block["items"])])
        case "findings":
            return _bullets(_finding(item) for item in block["items"])
        case "figure":
            return (
                f'<a id="{block["id"]}"></a>\n\n![{escape(block["alt"])}]({block["file"]})\n\n'
                f"**{block['number']}.** {escape(block['caption'])}"
            )
        case "table":
            return _table(block)
        case "code":
            return _code(block["text"])
        case "references":
            items = (f"{n}. {escape(item)}" for n, item in enumerate(block["items"], start=1))
            return "\n".join([f"## {escape(block['title'])}", "", *items])
        case _:
            return "\n\n".join(_nodes(block["nodes"]))


def _bullets(items: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _finding(item: dict[str, Any]) -> str:
    links = ", ".join(f"[{figure['label']}](#{figure['id']})" for figure in item["see"])
    return escape(item["text"]) + (f" ({links})" if links else "")


def _table(block: dict[str, Any]) -> str:
    columns = tuple((escape(column["head"]), column["align"]) for column in block["columns"])
    rows = [[escape(cell) for cell in row] for row in block["rows"]]
    return (
        f'<a id="{block["id"]}"></a>\n\n**{block["number"]}.** {escape(block["caption"])}\n\n'
        + markdown_table(columns, rows).rstrip()
    )


def _code(text: str, language: str = "text") -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _nodes(nodes: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the blocks of the notes (see `notes`) as Markdown."""
    for node in nodes:
        match node["kind"]:
            case "heading":
                yield f"{'#' * (node['level'] + 2)} {_inline(node['children'])}"
            case "rule":
                yield "---"
            case "code":
                yield _code(node["text"])
            case "formula":
                yield _formula(node["text"])
            case "quote":
                yield _indent("\n\n".join(_nodes(node["children"])), "> ", "> ")
            case "list":
                yield "\n".join(_items(node))
            case "table":
                yield _note_table(node)
            case _:
                yield _inline(node["children"])


def _items(node: dict[str, Any]) -> Iterator[str]:
    for number, item in enumerate(node["children"], start=node["start"]):
        marker = f"{number}. " if node["ordered"] else "- "
        yield _indent("\n\n".join(_nodes(item["children"])), marker, " " * len(marker))


def _indent(text: str, first: str, rest: str) -> str:
    return first + text.replace("\n", "\n" + rest)


def _note_table(node: dict[str, Any]) -> str:
    head, *rows = [
        [_inline(cell["children"]) for cell in row["children"]] for row in node["children"]
    ]
    return markdown_table(tuple((cell, "left") for cell in head), rows).rstrip()


def _inline(nodes: Sequence[dict[str, Any]]) -> str:
    return "".join(_span(node) for node in nodes)


def _span(node: dict[str, Any]) -> str:
    match node["kind"]:
        case "text":
            return _words(node["text"])
        case "break":
            return "\\\n"
        case "code-inline":
            return f"<code>{escape(node['text'])}</code>"
        case "formula-inline":
            return _formula_inline(node["text"])
        case "image":
            return f"![{escape(node['alt'])}]({node['file']})"
        case "link":
            return f"[{_inline(node['children'])}](<{_address(node['href'])}>)"
        case _:
            mark: str = {"emphasis": "*", "strong": "**", "strike": "~~"}[str(node["kind"])]
            return f"{mark}{_inline(node['children'])}{mark}"


def _formula(text: str) -> str:
    """Return a formula in the form in which code hosts set it, and in which nothing is markup."""
    match = DISPLAY.fullmatch(text)
    return _code(f"{match[1].strip()}{match[2]}" if match else text, "math")


def _formula_inline(text: str) -> str:
    if "`" in text or "\n" in text:
        return f"<code>{escape(text)}</code>"
    width = 1 if text[0] == "$" != text[1] else 2
    return f"$`{text[width:-width]}`$"


def _words(text: str) -> str:
    """Return text of the middle of a paragraph: spaces at its ends count."""
    if not text.strip():
        return " " if text else ""
    return text[:1].isspace() * " " + escape(text) + text[-1:].isspace() * " "


def _address(href: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in "<>\\\n " else c for c in href)
