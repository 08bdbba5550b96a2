"""The blocks that the document is made of.

Figures, tables and references have keys. A text names them with `ref` and `cite`, and `numbered`
puts numbers for the keys when all blocks are known, so a text may refer to a figure that comes
after it. The marks around a key are characters that `wording.clean` takes out of every text of the
records, so nothing but our own texts can refer to anything.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jobs.report.analysis.estimate import Estimate
from jobs.report.references import REFERENCES
from jobs.report.wording import significant

Data = dict[str, Any]
"""A block as the template and the Markdown writer read it: `kind` and plain fields."""
Labels = Mapping[str, str]
"""Key of a figure or table -> its number, such as `Figure 3`."""
Columns = tuple[tuple[str, str], ...]
"""Head and alignment (`left` or `right`) of each column."""

PNG_SIGNATURE = b"\x89PNG"
COMMAND = 84
"""Characters of a command in one line of the PDF."""


REF = re.compile("\ue000([a-z0-9-]+)\ue001")
CITATION = re.compile("\ue002([a-z0-9-]+)\ue003")


def ref(key: str) -> str:
    """Return what becomes the number of a figure or table in a text."""
    return f"\ue000{key}\ue001"


def cite(key: str) -> str:
    """Return what becomes the number of a reference in a text, such as `[2]`."""
    return f"\ue002{key}\ue003"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A claim that holds for these records: the numbers it rests on, and its words."""

    kind: str
    """What is claimed, such as `gain over PCA`."""
    text: str
    numbers: Mapping[str, Estimate] = field(default_factory=dict)
    """The numbers of the claim by name, with their noise where it is known."""
    see: tuple[str, ...] = ()
    """Keys of the figures and tables that show it."""
    intuition: str = ""
    """An explanation that is worth giving because the observation holds; may be empty."""


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 1

    def data(self, labels: Labels) -> Data:
        return {"kind": "heading", "level": self.level, "text": self.text}


@dataclass(frozen=True)
class Paragraph:
    text: str
    sticky: bool = False
    """Whether it stays on the page of the block after it."""

    def data(self, labels: Labels) -> Data:
        sticky = {"sticky": True} if self.sticky else {}
        return {"kind": "paragraph", "text": self.text} | sticky


@dataclass(frozen=True)
class Linked:
    """A paragraph, and links after it: text and address."""

    text: str
    links: Sequence[tuple[str, str]]

    def data(self, labels: Labels) -> Data:
        nodes: list[Data] = [{"kind": "text", "text": self.text}]
        for number, (text, address) in enumerate(self.links):
            nodes.append({"kind": "text", "text": ", " if number else " "})
            inner = [{"kind": "text", "text": text}]
            nodes.append({"kind": "link", "href": address, "children": inner})
        nodes.append({"kind": "text", "text": "."})
        return {"kind": "linked", "nodes": [{"kind": "paragraph", "children": nodes}]}


@dataclass(frozen=True)
class Bullets:
    items: Sequence[str]
    fine: bool = False
    """Whether they are set in small type."""

    def data(self, labels: Labels) -> Data:
        return {"kind": "fine print" if self.fine else "list", "items": list(self.items)}


@dataclass(frozen=True)
class Caveats:
    """A list in a box of its own, under a title."""

    title: str
    items: Sequence[str]

    def data(self, labels: Labels) -> Data:
        return {"kind": "caveats", "title": self.title, "items": list(self.items)}


@dataclass(frozen=True)
class Observations:
    items: Sequence[Observation]

    def data(self, labels: Labels) -> Data:
        return {"kind": "findings", "items": [self._item(item, labels) for item in self.items]}

    def _item(self, item: Observation, labels: Labels) -> Data:
        see = [{"id": key, "label": labels[key]} for key in item.see if key in labels]
        numbers = {name: _number(estimate) for name, estimate in item.numbers.items()}
        return {"text": item.text, "see": see, "claim": item.kind, "numbers": numbers}


def _number(estimate: Estimate) -> Data:
    """Return a number and its interval; None for what is not finite."""
    value, *interval = (
        significant(number) if math.isfinite(number) else None
        for number in (estimate.value, *(estimate.interval or ()))
    )
    return {"value": value, "interval": interval or None}


@dataclass(frozen=True, kw_only=True)
class Figure:
    key: str
    picture: bytes
    """SVG or PNG."""
    alt: str
    caption: str
    width: float = 1.0
    """Share of the text column."""

    word: ClassVar[str] = "Figure"

    @property
    def file(self) -> str:
        """Path in the document's folder, such as `figures/curves.svg`."""
        kind = "png" if self.picture.startswith(PNG_SIGNATURE) else "svg"
        return f"figures/{self.key.removeprefix('figure-')}.{kind}"

    def data(self, labels: Labels) -> Data:
        return {
            "kind": "figure",
            "id": self.key,
            "number": labels[self.key],
            "file": self.file,
            "alt": self.alt,
            "caption": self.caption,
            "width": self.width,
        }


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text.

    Raises:
        ValueError: a row has more or fewer cells than there are columns.
    """

    key: str
    caption: str
    columns: Columns
    rows: Sequence[Sequence[str]]

    word: ClassVar[str] = "Table"

    def __post_init__(self) -> None:
        if wrong := [row for row in self.rows if len(row) != len(self.columns)]:
            raise ValueError(f"{self.key}: {wrong[0]} has not {len(self.columns)} cells")

    def data(self, labels: Labels) -> Data:
        return {
            "kind": "table",
            "id": self.key,
            "number": labels[self.key],
            "caption": self.caption,
            "columns": [{"head": head, "align": align} for head, align in self.columns],
            "rows": [list(row) for row in self.rows],
        }


@dataclass(frozen=True)
class Equation:
    name: str
    """The formula that the template sets."""
    text: str
    """The same in words."""

    def data(self, labels: Labels) -> Data:
        return {"kind": "equation", "name": self.name, "text": self.text}


@dataclass(frozen=True)
class Notes:
    nodes: Sequence[Data]
    """As `notes.parse` returns them."""
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Path in the document's folder to each image that they show."""

    def data(self, labels: Labels) -> Data:
        return {"kind": "notes", "nodes": list(self.nodes)}


@dataclass(frozen=True)
class References:
    """The references that the texts cite, under a heading; nothing if they cite none."""

    title: str = "References"

    def data(self, labels: Labels) -> Data:
        return {"kind": "references", "title": self.title, "items": []}


@dataclass(frozen=True)
class Code:
    """Commands for a shell, one a line; those that are too long are continued on the next."""

    text: str

    def data(self, labels: Labels) -> Data:
        lines = map(_continued, self.text.split("\n"))
        return {"kind": "code", "text": "\n".join(lines)}


def _continued(command: str) -> str:
    """Return a command in lines of at most `COMMAND` characters, broken as a shell allows it.

    Between two options, and in a longer one after a comma.
    """
    lines = [""]
    for option in re.split(" (?=-)", command):
        if len(lines[-1]) + len(option) + 1 > COMMAND - 2:
            lines.append(" ")
        lines[-1] += f" {option}" if lines[-1] else option
        while len(lines[-1]) > COMMAND - 2 and (cut := lines[-1].rfind(",", 0, COMMAND - 2) + 1):
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return (
        "".join(f"{line}{'' if line.endswith(',') else ' '}\\\n" for line in lines[:-1]) + lines[-1]
    )


Block = (
    Heading
    | Paragraph
    | Linked
    | Bullets
    | Caveats
    | Observations
    | Figure
    | Table
    | Equation
    | Notes
    | References
    | Code
)


def numbered(blocks: Iterable[Block]) -> tuple[list[Data], dict[str, bytes]]:
    """Return the blocks as data, with all numbers in place; and the figure files.

    Raises:
        KeyError: a text refers to a figure, table or reference that does not exist.
        ValueError: two figures or tables have the same key.
    """
    blocks = tuple(blocks)
    labels = dict(_labels(blocks))
    figures = {block.file: block.picture for block in blocks if isinstance(block, Figure)}
    for block in blocks:
        if isinstance(block, Notes):
            figures |= block.pictures
    cited: dict[str, str] = {}
    data = [_resolved(block.data(labels), labels, cited) for block in blocks]
    for block in data:
        if block["kind"] == "references":
            block["items"] = [REFERENCES[key] for key in cited]
    return [block for block in data if block["kind"] != "references" or cited], figures


def _labels(blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    numbers: Counter[str] = Counter()
    keys: set[str] = set()
    for block in blocks:
        if isinstance(block, Figure | Table):
            if block.key in keys:
                raise ValueError(f"two blocks have the key {block.key!r}")
            keys.add(block.key)
            numbers[block.word] += 1
            yield block.key, f"{block.word} {numbers[block.word]}"


def _resolved(value: Any, labels: Labels, cited: dict[str, str]) -> Any:
    """Return data with numbers for keys; note what is cited, in its order."""
    if isinstance(value, str):
        text = REF.sub(lambda match: labels[match[1]], value)
        return CITATION.sub(lambda match: _citation(match[1], cited), text)
    if isinstance(value, dict):
        return {name: _resolved(item, labels, cited) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, labels, cited) for item in value]
    return value


def _citation(key: str, cited: dict[str, str]) -> str:
    if key not in REFERENCES:
        raise KeyError(key)
    return cited.setdefault(key, f"[{len(cited) + 1}]")


def observed(observations: Iterable[Observation]) -> Iterator[Block]:
    """Yield observations, and then what they suggest, each under its heading."""
    items = tuple(observations)
    if not items:
        return
    yield Heading("Observations", 2)
    yield Observations(items)
    if explanations := intuitions(items):
        yield Heading("Intuitions", 2)
        yield Bullets(explanations)


def intuitions(observations: Iterable[Observation]) -> tuple[str, ...]:
    """Return the explanations that these observations support, each once."""
    return tuple(dict.fromkeys(item.intuition for item in observations if item.intuition))
