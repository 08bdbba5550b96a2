"""The document as LaTeX, for courses that ask for it: compiles with a plain pdfLaTeX.

All text is escaped: what was not markup in the records is none here. Formulas of the notes are set
if they use nothing but the commands of `COMMANDS`, else they are shown as they were typed. A letter
that pdfLaTeX's own fonts do not have is written as its code point, such as [U+738B].
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

Block = Mapping[str, Any]

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[margin=2.4cm]{geometry}
\usepackage{amsmath,amssymb}
\usepackage{graphicx}
\usepackage{booktabs}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em}
\sloppy
"""
FORMULAS = {
    "mse": r"\mathrm{MSE} = \frac{1}{784 N} \sum_{n=1}^{N} \sum_{p=1}^{784} "
    r"(x_{np} - \hat{x}_{np})^2",
    "encoder": r"h_0 = x, \quad h_l = \tanh(W_l h_{l-1} + b_l) \quad (l = 1, \dots, L - 1), \quad "
    r"z = W_L h_{L-1} + b_L",
}
"""Name of an equation -> what LaTeX sets; the Typst template has the same."""
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "|": r"\textbar{}",
}  # fmt: skip
"""What means something to LaTeX."""
JOINED = re.compile("--|,,|''")
"""Letters that LaTeX joins into another."""
SYMBOLS = {
    "β": r"$\beta$", "ε": r"$\varepsilon$", "₁": "$_1$", "₂": "$_2$", "−": "$-$", "×": r"$\times$",
    "·": r"$\cdot$", "±": r"$\pm$", "–": r"\textendash{}", "—": r"\textemdash{}",
    "…": r"\dots{}", "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}",
    "‘": r"\textquoteleft{}", "’": r"\textquoteright{}", "\u00a0": "~", "\u00ad": r"\-",
    "≤": r"$\le$", "≥": r"$\ge$", "⁻": "$^-$", "ᵃ": "$^a$",
    "→": r"$\to$", "\u200b": "", "\u2068": "", "\u2069": "", "\u200c": "", "\u200d": "",
}  # fmt: skip
MISSING = frozenset("ĦħĸĿŀŉŦŧſ")
"""Letters of Latin Extended-A that the T1 encoding does not have."""
LAST_LETTER = "\u017f"
DEEPEST = 3
"""Lists and quotes within one another that are set as such."""
WIDE = 88
"""Characters of a table's widest row from which on it is scaled down to the page."""
NAMES = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi
rho sigma tau phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega frac
dfrac tfrac sqrt sum prod int lim min max arg log exp ln sin cos tan tanh sinh cosh det hat bar
tilde vec dot ddot overline underline widehat widetilde mathrm mathbf mathit mathbb mathcal
boldsymbol text operatorname left right big Big bigl bigr Bigl Bigr langle rangle lVert rVert
lvert rvert Vert vert lfloor rfloor lceil rceil cdot cdots dots ldots vdots ddots times div pm
mp le leq ge geq ne neq approx equiv sim propto in notin subset subseteq cup cap to rightarrow
leftarrow Rightarrow Leftarrow mapsto infty partial nabla forall exists quad qquad begin end top
mid circ otimes oplus prime ell Re Im
"""
COMMANDS = frozenset(NAMES.split())
"""Commands that a formula of the notes may use."""
ENVIRONMENTS = frozenset(
    ("align", "align*", "aligned", "equation", "equation*", "gather", "gather*", "cases", "matrix",
     "pmatrix", "bmatrix")
)  # fmt: skip
DISPLAY = re.compile(r"(?:\$\$|\\\[)(.*)(?:\$\$|\\\])\s*([.,;]?)", re.DOTALL)


def write(data: Mapping[str, Any]) -> str:
    """Return the document of `submission.Content.data` as LaTeX; its SVG figures are PDF there."""
    by = [escape(data[name]) for name in ("author", "date") if data[name]]
    byline = r" \quad ".join(by)
    head = [
        PREAMBLE + r"\begin{document}",
        rf"\begin{{center}}{{\LARGE\bfseries {escape(data['title'])}}}\\[1ex]"
        rf"{byline}\end{{center}}",
        rf"\begin{{quote}}{escape(data['summary'])}\end{{quote}}",
    ]
    return "\n\n".join([*head, *map(_block, data["blocks"]), r"\end{document}"]) + "\n"


def escape(text: str) -> str:
    """Return plain text as LaTeX that shows it as it is, on one line."""
    parts = text.replace("\n", " ").split("x\u0302")
    return r"$\hat{x}$".join(_apart("".join(map(_letter, part))) for part in parts)


def _apart(text: str) -> str:
    """Keep apart what LaTeX would join, three of a kind as well."""
    for _ in range(2):
        text = JOINED.sub(lambda match: f"{match[0][0]}{{}}{match[0][1]}", text)
    return text


def _letter(letter: str) -> str:
    if letter in SPECIAL:
        return SPECIAL[letter]
    if letter in SYMBOLS:
        return SYMBOLS[letter]
    if letter <= LAST_LETTER and letter.isprintable() and letter not in MISSING:
        return letter
    return f"[U+{ord(letter):04X}]"


def picture_file(path: str) -> str:
    """Return the path of a figure that LaTeX can read: PDF instead of SVG."""
    return str(PurePosixPath(path).with_suffix(".pdf")) if path.endswith(".svg") else path


def _block(block: Block) -> str:
    match block["kind"]:
        case "heading":
            command = "section" if block["level"] == 1 else "subsection"
            return rf"\{command}*{{{escape(block['text'])}}}"
        case "paragraph":
            return escape(block["text"])
        case "equation":
            return rf"\[ {FORMULAS[block['name']]} \]"
        case "list":
            return _items(map(escape, block["items"]))
        case "fine print":
            return rf"{{\small {_items(map(escape, block['items']))}}}"
        case "caveats":
            items = _items(map(escape, block["items"]))
            return rf"\begin{{quote}}\textbf{{{escape(block['title'])}}}{items}\end{{quote}}"
        case "findings":
            return _items(map(_finding, block["items"]))
        case "figure":
            width = f"width={block['width']:g}\\textwidth"
            picture = rf"\includegraphics[{width}]{{{picture_file(block['file'])}}}"
            return _float("figure", f"{picture}\n\n{_caption(block)}")
        case "table":
            return _float("table", f"{_caption(block)}\n\n{_tabular(block)}")
        case "code":
            return _code(block["text"])
        case "references":
            return _references(block)
        case _:
            return "\n\n".join(_nodes(block["nodes"]))


def _items(items: Iterable[str]) -> str:
    lines = "\n".join(rf"\item {{}}{item}" for item in items)
    return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}"


def _finding(item: Block) -> str:
    see = ", ".join(see["label"].replace(" ", "~") for see in item["see"])
    return escape(item["text"]) + (f" ({see})" if see else "")


def _float(kind: str, body: str) -> str:
    return f"\\begin{{{kind}}}[htbp]\\centering\n{body}\n\\end{{{kind}}}"


def _caption(block: Block) -> str:
    return rf"{{\small \textbf{{{block['number']}.}} {escape(block['caption'])}}}"


def _tabular(block: Block) -> str:
    heads = [escape(column["head"]) for column in block["columns"]]
    form = "".join(column["align"][0] for column in block["columns"])
    rows = [" & ".join(map(escape, row)) + r" \\" for row in block["rows"]]
    first = " & ".join(rf"\textbf{{{head}}}" for head in heads) + r" \\"
    body = "\n".join([r"\toprule", first, r"\midrule", *rows, r"\bottomrule"])
    table = f"\\begin{{tabular}}{{{form}}}\n{body}\n\\end{{tabular}}"
    columns = zip(*([column["head"] for column in block["columns"]], *block["rows"]), strict=True)
    width = sum(max(map(len, cells)) + 2 for cells in columns)
    if width > WIDE:
        return rf"\resizebox{{\textwidth}}{{!}}{{{table}}}"
    return rf"{{\small {table}}}"


def _code(text: str) -> str:
    """Return lines of code; not verbatim, whose end they could hold."""
    lines = (escape(line).replace(" ", r"\ ") or r"\ " for line in text.split("\n"))
    return "{\\ttfamily\\footnotesize\\raggedright " + "\\par ".join(lines) + "\\par}"


def _references(block: Block) -> str:
    items = "\n".join(
        rf"\item[{{[{number}]}}] {escape(item)}" for number, item in enumerate(block["items"], 1)
    )
    title = rf"\section*{{{escape(block['title'])}}}"
    return f"{title}\n{{\\small\\begin{{description}}\n{items}\n\\end{{description}}}}"


def _nodes(nodes: Iterable[Block], depth: int = 0) -> Iterator[str]:
    """Yield the blocks of the notes (see `notes`) as LaTeX, which knows four lists in lists."""
    for node in nodes:
        match node["kind"]:
            case "heading":
                yield rf"\subsubsection*{{{_spans(node)}}}"
            case "rule":
                yield r"\par\noindent\hrulefill\par"
            case "code":
                yield _code(node["text"])
            case "formula":
                yield _formula(node["text"])
            case "quote":
                inner = _joined(node, depth + 1)
                yield f"\\begin{{quote}}\n{inner}\n\\end{{quote}}" if depth < DEEPEST else inner
            case "list":
                items = [_joined(item, depth + 1) for item in node["children"]]
                yield _list(node, items) if depth < DEEPEST else "\n\n".join(items)
            case "table":
                yield _note_table(node)
            case _:
                yield _spans(node)


def _joined(node: Block, depth: int) -> str:
    return "\n\n".join(_nodes(node["children"], depth))


def _list(node: Block, items: Iterable[str]) -> str:
    if not node["ordered"]:
        return _items(items)
    lines = "\n".join(rf"\item[{n}.] {{}}{item}" for n, item in enumerate(items, node["start"]))
    return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}"


def _note_table(node: Block) -> str:
    rows = [" & ".join(_spans(cell) for cell in row["children"]) for row in node["children"]]
    body = " \\\\\n".join(rows)
    return f"\\begin{{tabular}}{{{'l' * node['columns']}}}\n{body}\n\\end{{tabular}}"


def _spans(node: Block) -> str:
    return "".join(map(_span, node.get("children", ())))


def _span(node: Block) -> str:
    match node["kind"]:
        case "text":
            return escape(node["text"])
        case "break":
            return r"\newline{}"
        case "code-inline":
            return rf"\texttt{{{escape(node['text'])}}}"
        case "formula-inline":
            return _formula_inline(node["text"])
        case "image":
            return _picture(node)
        case "link":
            inner, address = _spans(node), escape(node["href"])
            return inner if inner == address or not inner else f"{inner} ({address})"
        case "emphasis":
            return rf"\emph{{{_spans(node)}}}"
        case "strong":
            return rf"\textbf{{{_spans(node)}}}"
        case _:
            return _spans(node)


def _picture(node: Block) -> str:
    file = picture_file(node["file"])
    if not file.endswith((".pdf", ".png", ".jpg", ".jpeg")):
        return f"[{escape(node['alt'])}]"
    return rf"\includegraphics[width=0.6\textwidth]{{{file}}}"


def _formula(text: str) -> str:
    """Return a formula of its own line: set if it is safe, else as it was typed."""
    match = DISPLAY.fullmatch(text)
    body = f"{match[1].strip()}{match[2]}" if match else text.strip()
    if not is_safe(body):
        return _code(text)
    return rf"\[ {body} \]" if match else body


def _formula_inline(text: str) -> str:
    body = text.strip("$")
    return f"${body}$" if body and is_safe(body) else rf"\texttt{{{escape(text)}}}"


def is_safe(formula: str) -> bool:
    """Return whether a formula has known commands and environments alone, and balanced braces."""
    named = re.findall(r"\\([A-Za-z]+)", formula)
    environments = re.findall(r"\\(?:begin|end)\{([^}]*)\}", formula)
    whole = formula.count("\\begin") + formula.count("\\end") == len(environments)
    plain = re.sub(r"\\[^A-Za-z]", "", formula)
    depth = 0
    for letter in plain:
        depth += (letter == "{") - (letter == "}")
        if depth < 0:
            return False
    return (
        depth == 0
        and whole
        and set(named) <= COMMANDS
        and set(environments) <= ENVIRONMENTS
        and formula.isascii()
        and not set("#%$") & set(plain)
        and (bool(environments) or not ("&" in plain or r"\\" in formula))
        and "^^" not in formula
        and "\n\n" not in formula
    )
