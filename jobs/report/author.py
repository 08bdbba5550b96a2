"""The author's words, sorted into the parts that they belong to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.report.notes import Node, parse
from jobs.report.records import ReportRequest

PART_HEADING = re.compile(r"part ([123])\b.*", re.IGNORECASE | re.DOTALL)
"""A heading `# Part 1`, whatever follows: notes under it go into that part."""


@dataclass(frozen=True)
class AuthorNotes:
    """The notes as trees of nodes; see `notes.parse`."""

    parts: Mapping[int, Sequence[Node]]
    """Nodes under the headings `# Part 1` to `# Part 3`, without these headings."""
    rest: Sequence[Node]
    """All other nodes, in order."""
    pictures: Mapping[str, bytes]
    """Path in the document's folder to each image that the notes show."""

    @classmethod
    def of(cls, request: ReportRequest) -> "AuthorNotes":
        """Return the notes sorted; a top heading ends the part before it."""
        notes, pictures = request.notes, request.pictures
        parts: dict[int, list[Node]] = {}
        rest: list[Node] = []
        here = rest
        for node in parse(notes, pictures.places) if notes.strip() else ():
            top = node["kind"] == "heading" and node["level"] == 1
            match = PART_HEADING.fullmatch(_text(node).strip()) if top else None
            if match:
                here = parts.setdefault(int(match[1]), [])
            else:
                here = rest if top else here
                here.append(node)
        return cls(parts, rest, pictures.files)


def _text(node: Node) -> str:
    return "".join([node.get("text", ""), *map(_text, node.get("children", ()))])
