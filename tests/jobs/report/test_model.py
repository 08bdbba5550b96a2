"""The section on the networks and their recipes."""

from dataclasses import replace

from aemodel.settings import RECIPES, parse_setting
from jobs.report import diagram
from jobs.report.analysis.study import Study
from jobs.report.blocks import Paragraph, Table
from jobs.report.records import TrainingRecord
from jobs.report.sections import model
from tests.jobs.report.synthetic import make_records, make_training

FAST = RECIPES["fast"]


def table_of(*trainings: TrainingRecord) -> Table:
    return model.table(model.recipes_used(Study.of(make_records(*trainings))))


def said(*trainings: TrainingRecord) -> str:
    blocks = model.blocks(Study.of(make_records(*trainings)))
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def test_the_recipes_stand_above_the_assignments() -> None:
    rows = table_of(make_training("1", recipe=FAST), make_training("2", recipe=FAST)).rows
    assert [row[0] for row in rows] == ["fast", "assignment"]
    assert list(rows[0][1:]) == [
        "a variant of SOAP, Nesterov momentum",
        "2,800", "500", "0.006", "cosine", "100", "0.9", "0.99", "1e-08", "100",
    ]  # fmt: skip


def test_the_assignments_recipe_stands_there_once() -> None:
    table = table_of(make_training("1"))
    assert [row[0] for row in table.rows] == ["assignment"]
    assert "assignment" not in table.caption


def test_several_recipes_say_whose_they_are_and_what_was_changed() -> None:
    changed = replace(FAST, learning_rate=0.003)
    rows = table_of(make_training("1", recipe=FAST), make_training("2", recipe=changed)).rows
    assert [row[0] for row in rows] == [
        "fast (setting 1)", "fast, changed (setting 2)", "assignment"
    ]  # fmt: skip


def test_what_soap_does_to_the_start_is_told() -> None:
    assert "the biases from zero." in said(make_training("1"))
    assert "the biases from zero; SOAP begins by projecting" in said(
        make_training("1", recipe=FAST)
    )


def test_only_unchanged_presets_were_chosen_on_held_back_images() -> None:
    assert "by their error on the other 10,000 and their time" in said(
        make_training("1", recipe=FAST)
    )
    assert "recipe quick" not in said(make_training("1", recipe=FAST))
    assert "quick is the recipe fast, cut to 700 iterations, with a test error every 50" in said(
        make_training("1", recipe=RECIPES["quick"])
    )
    changed = replace(FAST, learning_rate=0.01)
    assert "the other 10,000" not in said(make_training("1", recipe=changed))
    assert "the other 10,000" not in said(make_training("1"))


def test_any_number_of_layers_is_drawn() -> None:
    settings = [parse_setting(text) for text in ("1", "30-2", "1000-500-250-30")]
    picture = diagram.networks(settings, ["a", "b", "c"])
    assert picture == diagram.networks(settings, ["a", "b", "c"])
    assert picture.startswith(b"<?xml")
