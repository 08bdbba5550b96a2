"""Charts: what their axes and legends say. Matplotlib's SVG has each text as a comment."""

import re
from dataclasses import replace

from aemodel.settings import RECIPES
from jobs.colours import SERIES
from jobs.report import charts
from jobs.report.analysis.groups import grouped
from jobs.report.published import PUBLISHED
from tests.jobs.report.synthetic import curve, make_training


def texts(picture: bytes) -> list[str]:
    return re.findall("<!-- (.*?) -->", picture.decode())


def test_iterations_of_short_trainings_are_plain_numbers() -> None:
    recipe = replace(RECIPES["quick"], iterations=400, eval_every=50)
    training = make_training("1", recipe=recipe, curve=curve({1: 0.1, 399: 0.04}, recipe))
    shown = texts(charts.curves(grouped([training]), ()))
    assert {"50", "100", "200"} <= set(shown)
    assert not [text for text in shown if "$" in text]


def test_every_latent_size_has_a_tick_and_each_source_its_colour() -> None:
    groups = grouped([make_training(name) for name in ("1", "2", "3")])
    picture = charts.latent_sizes(groups, PUBLISHED)
    assert [text for text in texts(picture) if text.isdecimal()] == ["2", "16", "32", "64"]
    assert all(colour.encode() in picture for colour in SERIES[2:4])
