"""The blocks of the document as they are put together, its figures and tables numbered.

Every block is a dictionary with `kind`:

    heading (level, text)          list, fine print (items)
    paragraph (text, and sticky where it stays on the page of the block after it)
    caveats (title, items)         findings (items of text, see)   code (text)
    figure (id, number, file, alt, caption, width, floats)
    table (id, number, caption, columns of head and align, rows)
    equation (name, text)          notes (nodes of `notes.parse`)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.report import findings
from jobs.report.tables import Table
from jobs.report.wording import Finding

Block = dict[str, Any]


@dataclass
class Draft:
    """Blocks as they are put together; numbers figures and tables in the order they come."""

    blocks: list[Block] = field(default_factory=list)
    figures: dict[str, bytes] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, **fields: object) -> None:
        self.blocks.append({"kind": kind, **fields})

    def heading(self, text: str, level: int = 1) -> None:
        self.add("heading", level=level, text=text)

    def figure(self, key: str, picture: bytes, *, alt: str, caption: str, **layout: object) -> None:
        """Add a figure; `layout`: its `width` (share of the column), whether it `floats` (PDF)."""
        kind = "png" if picture.startswith(b"\x89PNG") else "svg"
        file = f"figures/{key.removeprefix('figure-')}.{kind}"
        self.figures[file] = picture
        number = self._number("Figure", key)
        placed = {"width": 1.0, "floats": False} | layout
        self.add("figure", id=key, number=number, file=file, alt=alt, caption=caption, **placed)

    def table(self, key: str, table: Table) -> None:
        columns = [{"head": head, "align": align} for head, align in table.columns]
        number = self._number("Table", key)
        self.add(
            "table", id=key, number=number, caption=table.caption, columns=columns, rows=table.rows
        )

    def _number(self, word: str, key: str) -> str:
        number = f"{word} {sum(one.startswith(word) for one in self.labels.values()) + 1}"
        self.labels[key] = number
        return number

    def observations(self, found: Sequence[Finding]) -> None:
        """Add the findings, and then what they suggest, each under its heading."""
        if not found:
            return
        self.heading("Observations", 2)
        self.add("findings", items=[{"text": one.text, "see": self._see(one)} for one in found])
        suggested = findings.intuitions(tuple(found))
        if suggested:
            self.heading("Intuitions", 2)
            self.add("list", items=list(suggested))

    def _see(self, finding: Finding) -> list[dict[str, str]]:
        return [{"id": key, "label": self.labels[key]} for key in finding.see if key in self.labels]
