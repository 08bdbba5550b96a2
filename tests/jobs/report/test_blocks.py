"""Blocks: their numbers are resolved at the end, and what is wrong with them is refused."""

import pytest

from jobs.report.blocks import (
    Bullets,
    Figure,
    Heading,
    Observation,
    Observations,
    Paragraph,
    Ref,
    Table,
    numbered,
    observed,
)

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
    paragraph = Paragraph(("As ", Ref("figure-b"), " and ", Ref("table-x"), " show."))
    data, _ = numbered([paragraph, figure("figure-a"), figure("figure-b"), table("table-x")])
    assert data[0]["text"] == "As Figure 2 and Table 1 show."


def test_a_reference_to_nothing_is_refused_and_one_of_an_observation_left_out() -> None:
    with pytest.raises(KeyError):
        numbered([Paragraph((Ref("figure-a"),))])
    item = Observation(kind="any", text="So it is.", see=("figure-a", "figure-b"))
    data, _ = numbered([figure("figure-b"), Observations([item])])
    assert data[1]["items"][0]["see"] == [{"id": "figure-b", "label": "Figure 1"}]


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
