"""The document as LaTeX: nothing in it is markup of the records', and it compiles."""

import shutil
import subprocess
from pathlib import Path

import pytest

from jobs.report.records import Records
from jobs.report.render import latex, typst
from jobs.report.render.typst import build
from tests.jobs.report.synthetic import make_records

HOSTILE = r"\input{/etc/passwd} \write18{id} $x$ % & # _ ^ ~ {} \end{document} ``a'' -- --- ,, 王 ħ"
NOTES = (
    HOSTILE
    + r"""

The loss $\|x - \hat{x}\|^2$, not $\input{x}$ or `\end{verbatim}`.

$$\frac{a}{b} \to \infty$$

\begin{align}
a &= b \\
c &= d
\end{align}

$$\def\x{\x}\x$$

3. three
4. four

- a
  - b
    - c
      - d
        - e
          - f
"""
)


def test_text_is_escaped() -> None:
    assert latex.escape(r"a_b {c} \d") == r"a\_b \{c\} \textbackslash{}d"
    assert latex.escape("1 − 2 × β₁ x̂") == r"1 $-$ 2 $\times$ $\beta$$_1$ $\hat{x}$"
    assert latex.escape("d⁻ᵃ") == "d$^-$$^a$"
    assert latex.escape("---,,''") == "-{}-{}-,{},'{}'"
    assert latex.escape("é Ł 王 ħ") == "é Ł [U+738B] [U+0127]"


@pytest.mark.parametrize("formula", [r"\frac{a}{b}", r"x_i^2", r"\begin{cases}a & b\end{cases}"])
def test_known_formulas_are_set(formula: str) -> None:
    assert latex.is_safe(formula)


@pytest.mark.parametrize(
    "formula",
    [r"\input{x}", r"\def\x{\x}", "}{", "{", "a & b", "a $ b", "% c", "#1", r"^^5cinput{x}",
     r"\begin{document}", r"\begin x", "a\n\nb", "é"],
)  # fmt: skip
def test_other_formulas_are_not(formula: str) -> None:
    assert not latex.is_safe(formula)


def compiled(folder: Path) -> str:
    """Compile the document; return what LaTeX says."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run([*command, typst.LATEX], cwd=folder, capture_output=True, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-3000:]
    return log


def written(records: Records, folder: Path) -> Path:
    for name, data in build(records).files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_it_compiles(full_records: Records, tmp_path: Path) -> None:
    assert "undefined" not in compiled(written(full_records, tmp_path)).lower()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_hostile_text_compiles_and_reads_no_file(tmp_path: Path) -> None:
    log = compiled(written(make_records(notes=NOTES, author=HOSTILE, title=HOSTILE), tmp_path))
    assert "passwd" not in log
