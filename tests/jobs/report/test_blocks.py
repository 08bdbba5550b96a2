"""Blocks: their numbers are resolved at the end, and what is wrong with them is refused."""

import subprocess

import pytest

from jobs.report.blocks import (
    COMMAND,
    Bullets,
    Code,
    Figure,
    Heading,
    Observation,
    Observations,
    Paragraph,
    References,
    Table,
    cite,
    numbered,
    observed,
    ref,
)
from jobs.report.references import REFERENCES
from jobs.report.wording import clean

SVG, PNG = b"<?xml", b"\x89PNG"


def figure(key: str, picture: bytes = SVG) -> Figure:
    return Figure(key=key, picture=picture, alt="", caption="")


def table(key: str) -> Table:
    return Table(key=key, caption="", columns=(("a", "left"), ("b", "right")), rows=[["1", "2"]])


def test_figures_and_tables_are_numbered_in_their_order() -> None:
    data, figures = numbered([figure("figure-b"), table("table-x"), figure("figure-a", PNG)])
    assert [block["number"] for block in data] == ["Figure 1", "Table 1", "Figure 2"]
    assert figures == {"figures/b.svg": SVG, "figures/a.png": PNG}


def test_a_paragraph_may_refer_to_a_later_figure() -> None:
    paragraph = Paragraph(f"As {ref('figure-b')} and {ref('table-x')} show.")
    data, _ = numbered([paragraph, figure("figure-a"), figure("figure-b"), table("table-x")])
    assert data[0]["text"] == "As Figure 2 and Table 1 show."


def test_a_reference_to_nothing_is_refused_and_one_of_an_observation_left_out() -> None:
    with pytest.raises(KeyError):
        numbered([Paragraph(ref("figure-a"))])
    item = Observation(kind="any", text="So it is.", see=("figure-a", "figure-b"))
    data, _ = numbered([figure("figure-b"), Observations([item])])
    assert data[1]["items"][0]["see"] == [{"id": "figure-b", "label": "Figure 1"}]


def test_references_are_numbered_as_they_are_cited_and_only_these_are_listed() -> None:
    first = Paragraph(f"See {cite('vyas')} and {cite('kingma-ba')}.")
    data, _ = numbered([first, Bullets([cite("vyas")]), References()])
    assert data[0]["text"] == "See [1] and [2]."
    assert data[1]["items"] == ["[1]"]
    assert data[2]["items"] == [REFERENCES["vyas"], REFERENCES["kingma-ba"]]
    assert numbered([Paragraph("None."), References()])[0] == numbered([Paragraph("None.")])[0]
    with pytest.raises(KeyError):
        numbered([Paragraph(cite("nobody"))])


def test_no_text_of_the_records_can_refer_to_anything() -> None:
    assert clean(f"a{ref('figure-a')}b{cite('vyas')}") == "afigure-abvyas"


def test_two_figures_of_one_key_and_rows_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="two blocks"):
        numbered([figure("figure-a"), figure("figure-a")])
    with pytest.raises(ValueError, match="has not 2 cells"):
        Table(key="t", caption="", columns=table("t").columns, rows=[["1"]])


def test_an_intuition_is_given_once() -> None:
    items = [
        Observation(kind="any", text=text, intuition=why)
        for text, why in (("A.", "Why."), ("B.", "Why."), ("C.", ""))
    ]
    blocks = list(observed(items))
    assert [type(block) for block in blocks] == [Heading, Observations, Heading, Bullets]
    assert blocks[-1] == Bullets(("Why.",))
    assert list(observed([])) == []


@pytest.mark.parametrize("names", ["all", ",".join(f"{n}-{n}-2" for n in range(1, 60))])
def test_a_long_command_is_continued_where_a_shell_allows_it(names: str) -> None:
    options = "-P precision=float32 -P threads=2"
    command = f"mlflow run . -e report -P setting={names} -P recipe=fast {options}"
    text = Code(f"git checkout {'a' * 40}\n{command}").data({})["text"]
    first, *rest = text.split("\n")
    assert first == f"git checkout {'a' * 40}"
    assert max(map(len, rest)) <= COMMAND
    assert len(rest) > 1
    shell = subprocess.run(
        ["sh"], input="mlflow() { echo \"mlflow $*\"; }\n" + "\n".join(rest), text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert shell.stdout.strip() == command
