"""The blocks that the document is made of.

Figures and tables have keys. What refers to one names its key, and `numbered` turns keys into
numbers when all blocks are known, so a paragraph may refer to a figure that comes after it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jobs.report.analysis.estimate import Estimate

Data = dict[str, Any]
"""A block as the template and the Markdown writer read it: `kind` and plain fields."""
Labels = Mapping[str, str]
"""Key of a figure or table -> its number, such as `Figure 3`."""
Columns = tuple[tuple[str, str], ...]
"""Head and alignment (`left` or `right`) of each column."""

PNG_SIGNATURE = b"\x89PNG"


@dataclass(frozen=True)
class Ref:
    """The number of a figure or table, in a text."""

    key: str


Text = str | tuple[str | Ref, ...]


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
    text: Text
    sticky: bool = False
    """Whether it stays on the page of the block after it."""

    def data(self, labels: Labels) -> Data:
        sticky = {"sticky": True} if self.sticky else {}
        return {"kind": "paragraph", "text": resolved(self.text, labels)} | sticky


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
        return {"text": item.text, "see": see}


@dataclass(frozen=True, kw_only=True)
class Figure:
    key: str
    picture: bytes
    """SVG or PNG."""
    alt: str
    caption: str
    width: float = 1.0
    """Share of the text column."""
    floats: bool = False
    """Whether the PDF may move it to the top or bottom of a page."""

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
            "floats": self.floats,
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
class Code:
    text: str

    def data(self, labels: Labels) -> Data:
        return {"kind": "code", "text": self.text}


Block = (
    Heading
    | Paragraph
    | Bullets
    | Caveats
    | Observations
    | Figure
    | Table
    | Equation
    | Notes
    | Code
)


def numbered(blocks: Iterable[Block]) -> tuple[list[Data], dict[str, bytes]]:
    """Return the blocks as data, figures and tables numbered in their order; and the figure files.

    Raises:
        KeyError: a text refers to a figure or table that is not among the blocks.
        ValueError: two figures or tables have the same key.
    """
    blocks = tuple(blocks)
    labels = dict(_labels(blocks))
    figures = {block.file: block.picture for block in blocks if isinstance(block, Figure)}
    for block in blocks:
        if isinstance(block, Notes):
            figures |= block.pictures
    return [block.data(labels) for block in blocks], figures


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


def resolved(text: Text, labels: Labels) -> str:
    """Return a text with the numbers of the figures and tables that it refers to."""
    parts = (text,) if isinstance(text, str) else text
    return "".join(labels[part.key] if isinstance(part, Ref) else part for part in parts)


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
