"""The submission document: records in, the files of the submission out.

`submission.typ` is the one template. It reads `submission.json`, the style sheet and the figures
beside it and nothing else: every text of the records reaches it as data, never as markup. The
template makes the PDF and, with `sys_inputs`, the HTML page; Markdown is written from the same
content. The same records give the same bytes.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from jobs.report.analysis.groups import grouped
from jobs.report.records import Records
from jobs.report.render import latex, letters, markdown, numbers
from jobs.report.sections import overview
from jobs.report.submission import Content, finished, submission

TEMPLATE = Path(__file__).with_name("submission.typ")
STYLE = Path(__file__).with_name("submission.css")
PDF, HTML, MARKDOWN, SOURCE = (
    "submission.pdf",
    "submission.html",
    "submission.md",
    "submission-source.zip",
)
LATEX, RESULTS = "submission.tex", "results.json"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)

PICTURE = '#set page(width: auto, height: auto, margin: 0pt)\n#image("picture.svg")'
"""A page that is as large as its picture."""

Options = dict[str, Any]
Target = Literal["pdf", "html"]

STANDARDS: tuple[Options, ...] = (
    {"pdf_standards": ["a-2a", "ua-1"], "ignore_system_fonts": True},
    {"pdf_standards": ["a-2a", "ua-1"], "ignore_system_fonts": False},
    {"ignore_system_fonts": False},
)
"""How the PDF is compiled, the strictest first.

PDF/A-2a and PDF/UA-1 demand a glyph for every character. The fonts that come with Typst have none
for emoji or Chinese; then the fonts of the system are tried, and at last no standard is promised.
The system's fonts come first for letters that Typst's own fonts do not join, such as Hindi's.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Submission:
    """The document in all its forms."""

    files: Mapping[str, bytes]
    """Path in the submission folder to bytes: the PDF, the HTML page, the Markdown with its
    `figures/`, and the source archive."""
    standards: tuple[str, ...]
    """PDF standards that the PDF keeps, as Typst names them; empty when its text allows none."""
    results: str
    """The results table, Markdown."""
    author: str
    """The author's name, as it was given."""
    notes: str
    """The author's own words, as they were given."""
    warning: str
    """What is wrong with the PDF, such as letters without a font, and what to do; may be empty."""


def build(records: Records) -> Submission:
    """Return the document that these records make.

    Raises:
        typst.TypstError: the template does not compile, whatever fonts and standards are tried.
    """
    content = submission(records)
    sources = _sources(content)
    timestamp = finished(records)
    text = sources["submission.json"].decode()
    choices = STANDARDS[1:] if letters.needs_system_fonts(text) else STANDARDS
    pdf, options = _pdf(sources, timestamp, choices)
    files = {
        PDF: pdf,
        HTML: _compile(sources, timestamp, {"ignore_system_fonts": True}, "html"),
        MARKDOWN: markdown.write(content.data).encode(),
        LATEX: latex.write(content.data).encode(),
        RESULTS: numbers.write(content.data, records).encode(),
        **_vector_pictures(content.figures),
        SOURCE: _archive(sources | {"README.md": _readme(timestamp, options).encode()}),
        **content.figures,
    }
    return Submission(
        files=files,
        standards=tuple(options.get("pdf_standards", ())),
        results=results(records),
        author=records.request.author,
        notes=records.request.notes,
        warning=_warning(text, options),
    )


def _vector_pictures(figures: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the SVG figures as PDF, which LaTeX can read, by their paths."""
    import typst

    pictures = {}
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        page, picture = Path(folder, "page.typ"), Path(folder, "picture.svg")
        page.write_text(PICTURE)
        for path, data in figures.items():
            if path.endswith(".svg"):
                picture.write_bytes(data)
                pictures[latex.picture_file(path)] = typst.compile(
                    page, root=Path(folder), format="pdf", timestamp=0, ignore_system_fonts=True
                )
    return pictures


def _warning(text: str, options: Options) -> str:
    if options == STANDARDS[0]:
        return ""
    standards = "" if "pdf_standards" in options else "The PDF keeps neither PDF/A nor PDF/UA."
    return " ".join(part for part in (letters.missing_letters(text), standards) if part)


def results(records: Records) -> str:
    """Return the results as a Markdown table, for the terminal and the description of a run."""
    groups = grouped(records.trainings)
    if not groups:
        return "No finished training.\n"
    table = overview.table(groups)
    return markdown.markdown_table(table.columns, table.rows)


def _sources(content: Content) -> dict[str, bytes]:
    """Return all that the template needs, by path."""
    data = json.dumps(content.data, ensure_ascii=False, indent=1, allow_nan=False)
    return {
        TEMPLATE.name: TEMPLATE.read_bytes(),
        STYLE.name: STYLE.read_bytes(),
        "submission.json": data.encode(),
        **content.figures,
    }


def _pdf(
    sources: Mapping[str, bytes], timestamp: int, choices: Sequence[Options]
) -> tuple[bytes, Options]:
    from typst import TypstError

    for options in choices[:-1]:
        try:
            return _compile(sources, timestamp, options, "pdf"), options
        except TypstError:
            continue
    return _compile(sources, timestamp, choices[-1], "pdf"), choices[-1]


def _compile(
    sources: Mapping[str, bytes], timestamp: int, options: Options, target: Target
) -> bytes:
    """Compile the template in a folder that holds nothing but its sources."""
    import typst

    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        for name, data in sources.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        # The warnings say that Typst's HTML export may change: the version is pinned for that.
        compiled: tuple[bytes | None, object] = typst.compile_with_warnings(
            Path(folder, TEMPLATE.name),
            root=folder,
            format=target,
            sys_inputs={"target": target},
            timestamp=timestamp,
            **options,
        )
    return compiled[0] or b""


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _readme(timestamp: int, options: Options) -> str:
    keywords = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return f"""# Source of submission.pdf

`submission.typ` sets the document, `submission.json` holds its text and numbers, `figures/` its
figures. With Python and the package `typst` {version("typst")}, this command in the unpacked folder
makes the same PDF again, byte for byte:

```sh
python -c "import typst; typst.compile('submission.typ', 'submission.pdf', root='.', \
timestamp={timestamp}, sys_inputs={{'target': 'pdf'}}, {keywords})"
```

For the HTML page write `html` in place of `pdf`, in the name and in `sys_inputs`, and leave out
`pdf_standards`. Text may be changed in `submission.json`.
"""
