"""Trainings beside those of the assignment's recipe: who is compared, and what is said of it."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aemodel.settings import OPTIMIZERS, RECIPES, Recipe
from jobs.report import wording
from jobs.report.analysis.comparison import (
    Comparison,
    complete_curve,
    matching_key,
    needs_reference,
    sustained_time_to,
    time_to,
)
from jobs.report.analysis.groups import grouped
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.recorded import recorded_trainings, to_json
from jobs.report.records import Curve, Omission, Recording, Records, TrainingRecord
from jobs.report.render import typst
from jobs.report.render.typst import build
from jobs.report.sections import overview, provenance, recipes
from jobs.report.sections.limitations import caveats
from tests.jobs.report.synthetic import REFERENCE, curve, make_records, make_training

PRESET = RECIPES["fast"]
FAST = Recipe("fast", 4_000, 500, 100, 5e-3, "cosine", 100, optimizer="soap")
"""A recipe such as `fast`, whatever its numbers."""


def fast(name: str = "2", end: float = 0.009, **changes: Any) -> TrainingRecord:
    """Return a training by `fast` whose error falls to `end`; it takes 0.02 s an iteration."""
    held = curve({1: 0.1, 400: 0.02, 4_000: end}, FAST, noise=0.0)
    seconds = np.asarray(0.02 * (held.iterations + 1), dtype=np.float64)
    made = {
        "recipe": FAST,
        "curve": replace(held, seconds=seconds),
        "final_test_mse": end,
        "train_seconds": 80.0,
        "run_id": "f" * 32,
    }
    return make_training(name, **(made | changes))


def reference(name: str = "2", **changes: Any) -> TrainingRecord:
    """Return a training by the assignment's recipe that takes 600 s."""
    return make_training(name, **{"curve": curve(REFERENCE[name], noise=0.0)} | changes)


def beside(training: TrainingRecord, *references: TrainingRecord) -> Records:
    return make_records(training, references=references)


def comparisons(records: Records) -> tuple[Comparison, ...]:
    return Study.of(records).comparisons


def said(records: Records) -> str:
    texts = [item.text for item in recipes.times_to_target(Study.of(records))]
    return " ".join(texts).replace("\u00a0", " ")


def caveats_of(records: Records) -> list[str]:
    return list(caveats(Study.of(records)))


def abstract(records: Records) -> str:
    return overview.abstract(Study.of(records))


STEPS = Curve(
    np.array([0, 100, 200, 300]), np.array([0.4, 0.1, 0.2, 0.1]), np.array([1.0, 2.0, 3.0, 4.0])
)


@pytest.mark.parametrize(
    ("level", "good", "early"),
    [(0.5, 0, 0), (0.4, 0, 0), (0.3, 100, 100), (0.15, 300, 100), (0.1, 300, 100)],
)
def test_when_a_level_is_reached_first_and_sustained_time_to(
    level: float, good: int, early: int
) -> None:
    reached = sustained_time_to(STEPS, level)
    assert reached is not None
    assert (reached.iteration, reached.seconds) == (good, 1 + good / 100)
    assert time_to(STEPS, level).iteration == early


def test_a_level_below_the_end_is_never_reached_sustained_time_to() -> None:
    assert sustained_time_to(STEPS, 0.0999) is None


def test_a_whole_curve_ends_with_the_final_error() -> None:
    held = complete_curve(fast())
    assert held is not None
    assert (held.iterations[-1], held.test_mse[-1], held.seconds[-1]) == (3_999, 0.009, 80.0)


def test_the_reference_is_of_the_same_setting_and_data() -> None:
    right = reference()
    for other in (reference("3"), reference(data_digest="other"), fast()):
        assert comparisons(beside(fast(), other)) == ()
    modified = replace(
        right, spec=replace(right.spec, recipe=replace(RECIPES["assignment"], learning_rate=2e-3))
    )
    assert comparisons(beside(fast(), modified)) == ()
    (one,) = comparisons(beside(fast(), reference(seed=7)))
    assert (one.label, one.reference.spec.seed) == ("setting 2", 7)


def test_a_reference_of_the_same_precision_goes_first() -> None:
    other = reference(precision="bfloat16", run_id="b" * 32)
    (one,) = comparisons(beside(fast(), other, reference()))
    assert one.reference.spec.precision == "float32"
    (one,) = comparisons(beside(fast(), other))
    assert one.reference is other
    assert "Float32 instead of bfloat16 for setting 2." in recipes.table([one]).caption


def test_trainings_of_the_assignments_recipe_are_compared_with_nothing() -> None:
    assert comparisons(beside(reference(), reference(seed=1))) == ()


def damaged() -> dict[str, TrainingRecord]:
    right = reference()
    held = right.curve
    assert held is not None
    nan, short = np.full(held.test_mse.size, np.nan), slice(0, 500)
    cut = Curve(held.iterations[short], held.test_mse[short], held.seconds[short])
    return {
        "no curve": replace(right, curve=None),
        "half a curve": replace(right, curve=cut),
        "errors that are not finite": replace(right, curve=replace(held, test_mse=nan)),
        "no final error": replace(right, final_test_mse=None),
        "a final error that is not finite": replace(right, final_test_mse=float("nan")),
    }


def test_a_reference_without_times_has_none_in_the_table() -> None:
    (row,) = recipes.table(comparisons(beside(fast(), reference(train_seconds=None)))).rows
    assert row[-3:] == [wording.UNKNOWN, "3,700", "74\u00a0s"]


@pytest.mark.parametrize("how", damaged())
def test_a_damaged_reference_is_left_out(how: str) -> None:
    records = beside(fast(), damaged()[how])
    assert comparisons(records) == ()
    assert said(records) == ""
    assert any("cannot be compared here" in text for text in caveats_of(records))


def test_of_several_seeds_the_first_whole_one_is_compared() -> None:
    records = make_records(fast(curve=None), fast(seed=1), fast(seed=2), references=(reference(),))
    (one,) = comparisons(records)
    assert (one.label, one.training.spec.seed) == ("setting 2 (seed 1)", 1)


def test_both_recipes_among_the_trainings_are_compared() -> None:
    records = make_records(reference(), fast())
    (one,) = comparisons(records)
    assert one.label.startswith("setting 2 (fast recipe, 4,000 iterations")
    assert one.reference is records.trainings[0]
    assert needs_reference(records.trainings) == set()
    assert needs_reference([fast()]) == {matching_key(fast())}


def observation(records: Records) -> Observation:
    (found,) = recipes.times_to_target(Study.of(records))
    return found


def test_a_training_that_gets_as_low_says_when() -> None:
    reached = observation(beside(fast(), reference(final_test_mse=0.0096)))
    assert reached.kind == "target reached"
    assert {name: number.value for name, number in reached.numbers.items()} == pytest.approx(
        {
            "setting 2, target": 0.0096,
            "setting 2, iteration": 3_400,
            "setting 2, iteration of the assignment's recipe": 67_500,
        }
    )
    assert "from iteration 3,400 on in setting 2; that recipe first reached" in reached.text
    assert "at iteration 67,500 (setting 2)" in reached.text
    low = recording(with_train_errors(final_test_mse=0.0096))
    assert (
        "between iterations 60,000 and 76,000 (setting 2)" in observation(beside(fast(), low)).text
    )
    assert (
        "lowest error of the assignment's recipe is reached as well in setting 2." in reached.text
    )
    assert reached.intuition == recipes.SOAP_STEPS


def test_several_trainings_that_get_as_low_are_told_in_one_sentence() -> None:
    low = reference("1", curve=curve({1: 0.1, 50_000: 0.03, 100_000: 0.038}, noise=0.0))
    records = make_records(fast("1", end=0.037), fast(), references=(low, reference()))
    reached = observation(records)
    for part in ("on in setting 1", "on in setting 2", "(setting 1) and", "(setting 2)."):
        assert part in reached.text
    assert "is not reached in setting 1." in reached.text


def test_the_explanation_needs_soap_and_fewer_steps() -> None:
    adam = fast(recipe=replace(FAST, optimizer="adam"))
    assert observation(beside(adam, reference())).intuition == ""
    early = reference(curve=curve({1: 0.1, 1_000: 0.0093, 100_000: 0.0093}, noise=0.0))
    assert observation(beside(fast(end=0.0091), early)).intuition == ""


def test_a_training_that_does_not_get_as_low_says_so() -> None:
    records = beside(fast(end=0.01), reference())
    missed = observation(records)
    assert missed.kind == "target missed"
    assert missed.numbers["final"].value == 0.01
    assert "7.5% above the 0.00930 of the assignment's recipe" in missed.text
    (row,) = recipes.table(comparisons(records)).rows
    assert row[-2:] == ["not reached", wording.UNKNOWN]


def test_an_end_that_rises_again_is_not_reached_for_good() -> None:
    assert observation(beside(fast(final_test_mse=0.0095), reference())).kind == "target missed"


def test_a_reference_that_ended_in_a_spike_is_no_yardstick() -> None:
    points = {**REFERENCE["2"]}
    spoilt = reference(curve=curve(points, noise=0.0, spikes={95_000: (0.073, 50_000)}))
    told = observation(beside(fast(), spoilt))
    assert told.kind == "reference ended in a spike"
    assert "jumped at iteration 95,000 and did not come back" in told.text
    assert told.numbers["reference, lowest"].value < told.numbers["reference, final"].value / 5
    assert "stays at or below it from iteration 3,600 on." in told.text
    (compared,) = comparisons(beside(fast(), spoilt))
    assert compared.reached is None
    (row,) = recipes.table([compared]).rows
    assert "(after a spike)" in row[4]
    assert row[-2:] == [wording.UNKNOWN, wording.UNKNOWN]


def test_the_assignments_recipe_stopped_early_is_not_compared_as_another() -> None:
    recipe = replace(RECIPES["assignment"], iterations=1_500)
    stopped = make_training("2", recipe=recipe, final_test_mse=0.012, run_id="e" * 32)
    told = observation(beside(stopped, reference()))
    assert told.kind == "stopped early"
    assert told.text == (
        "After 1.5% of the iterations of the assignment's recipe, where the training was stopped, "
        "the error is 0.01200 in setting 2 (0.00930 in the end)."
    )
    jumped = reference(curve=curve(REFERENCE["2"], noise=0.0, spikes={95_000: (0.073, 50_000)}))
    ending = observation(beside(stopped, jumped)).text
    assert re.search(
        r"in the end: it jumped from 0\.009\d\d at iteration 95,000 and did not come back\)", ending
    )
    limits = " ".join(caveats_of(beside(stopped, reference())))
    assert "stopped after 1,500 of its 100,000 iterations." in limits
    assert "instead of the assignment's" not in limits
    other = replace(stopped, spec=replace(stopped.spec, recipe=replace(recipe, batch_size=100)))
    assert observation(beside(other, reference())).kind == "target missed"


def test_a_training_that_ended_in_a_spike_is_not_compared() -> None:
    points = curve({1: 0.1, 400: 0.02, 4_000: 0.009}, FAST, 0.0, spikes={3_500: (0.08, 3_000)})
    records = beside(fast(curve=points, final_test_mse=float(points.test_mse[-1])), reference())
    assert list(recipes.times_to_target(Study.of(records))) == []


def test_the_table_of_both_recipes() -> None:
    table = recipes.table(comparisons(beside(fast(threads=1), reference())))
    assert table.rows == [
        ["setting 2", "fast, changed", "0.00900", "80\u00a0s", "0.00930", "0.00930",
         "600\u00a0s", "3,700", "74\u00a0s"],
    ]  # fmt: skip
    assert "Threads: 1 instead of 2 for setting 2." in table.caption
    assert "Threads" not in recipes.table(comparisons(beside(fast(), reference()))).caption


def test_all_forms_show_the_comparison_and_where_it_comes_from() -> None:
    right = reference(run_id="a" * 32, git_commit="b" * 40)
    made = build(beside(fast(), right))
    page, text = (
        made.files[name].decode().replace("\u00a0", " ") for name in (typst.HTML, typst.MARKDOWN)
    )
    assert made.standards == ("a-2a", "ua-1")
    for form in (page, text):
        for part in ("table-recipes", "a" * 32, "74 s", "Pale, on the right: the assignment"):
            assert part in form
    assert text.index("-P recipe=assignment") < text.index("-P recipe=fast")
    assert text.index("git checkout " + "b" * 40) < text.index("-P recipe=assignment")
    assert b"NaN" not in made.files["figures/curves.svg"]
    pale = b"stroke-opacity: 0.3"
    assert pale in made.files["figures/curves.svg"]
    assert pale not in build(make_records(fast())).files["figures/curves.svg"]


def test_no_form_speaks_of_a_comparison_where_there_is_none() -> None:
    made = build(make_records(fast()))
    for name in (typst.HTML, typst.MARKDOWN):
        for part in (b"recipes", b"Pale,", b"recorded by"):
            assert part not in made.files[name]


# --- Trainings that the project recorded ---------------------------------------------------------


def recording(training: TrainingRecord, seconds: float | None = 4_321.0) -> TrainingRecord:
    """Return a training as it comes with the program."""
    (record,) = read_again(replace(training, recording=Recording("A processor", seconds)))
    return record


def read_again(*trainings: TrainingRecord) -> tuple[TrainingRecord, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curves.json"
        path.write_text(to_json(trainings), encoding="utf-8")
        return recorded_trainings(path)


def with_train_errors(**changes: Any) -> TrainingRecord:
    right = reference(**changes)
    assert right.curve is not None
    train = 0.9 * right.curve.test_mse
    return replace(right, curve=replace(right.curve, train_mse=train))


def test_a_recorded_training_is_read_as_it_was_written() -> None:
    right = with_train_errors()
    record = recording(right)
    assert record.spec == right.spec
    assert record.recording == Recording("A processor", 4_321.0)
    assert (record.git_commit, record.versions) == (right.git_commit, right.versions)
    read, written = record.curve, right.curve
    assert read is not None
    assert written is not None
    for name in ("test_mse", "train_mse"):
        assert getattr(read, name) == pytest.approx(getattr(written, name), rel=1e-5)
    assert complete_curve(record) is not None


def test_what_the_project_recorded_is_said_to_be_no_run_of_the_experiment() -> None:
    made = build(beside(fast(), recording(with_train_errors())))
    text = made.files[typst.MARKDOWN].decode().replace("\u00a0", " ")
    assert "recorded by the project and not part of this experiment" in text
    assert "setting 2 is not of this experiment, but recorded by the project" in text
    for part in ("commit 7c211433f020", "seed 0", "float32", "A processor", "72 min"):
        assert part in text
    assert "recipe=assignment" not in text
    runs = text[text.index("MLflow runs used") :]
    assert "| assignment |" not in runs


def test_a_recorded_training_without_its_seconds_has_none_in_the_table() -> None:
    (row,) = recipes.table(comparisons(beside(fast(), recording(with_train_errors(), None)))).rows
    assert row[6] == wording.UNKNOWN


def test_the_curves_that_come_with_the_program_are_whole_and_of_mnist() -> None:
    found = recorded_trainings()
    assert [training.spec.setting.name for training in found] == ["1", "2", "3"]
    for training in found:
        assert complete_curve(training) is not None
        assert training.dataset.is_mnist
        assert training.git_commit == ""  # it is not known
        assert training.recording is not None
        assert "read off the vector figure" in training.recording.conditions


# --- What the recipe is called -----------------------------------------------------------------


def test_the_recipe_is_named_in_provenance_limits_and_abstract() -> None:
    records = make_records(make_training("2", recipe=PRESET))
    length = f"{PRESET.iterations:,} iterations of a variant of SOAP"
    assert length in provenance.recipe_text(PRESET)
    assert length in abstract(records)
    said = " ".join(caveats_of(records))
    assert f"trained with the recipe fast instead of the assignment's: {length}" in said
    assert "instead of 100,000 iterations of Adam" in said
    assert "cannot be compared here" in said


def test_what_fast_really_trains_is_said() -> None:
    said = " ".join(caveats_of(make_records(make_training("1", recipe=PRESET))))
    assert "K-FAC" in said
    assert "hold 99.99% of their variance, 579 of 784" in said
    assert "165,829 (setting 1) parameters" in said
    other = make_training("1", recipe=PRESET, data_digest="other")
    unknown = " ".join(caveats_of(make_records(other)))
    assert "579" not in unknown
    assert "parameters" not in unknown
    recorded = " ".join(caveats_of(make_records(replace(other, pixel_axes=100))))
    assert "100 of 784" in recorded
    assert "products in bfloat16" not in said
    narrow = make_training("1", recipe=PRESET, precision="bfloat16")
    assert "products in bfloat16 instead of float32." in " ".join(caveats_of(make_records(narrow)))


def test_settings_of_the_assignment_that_are_missing_are_named() -> None:
    missing = "Setting 1 and setting 3 of the assignment are not in this document."
    assert missing in caveats_of(make_records(make_training("2")))
    found = make_records(make_training("2"), omissions=(Omission("setting 1", "no run"),))
    assert "Setting 3 of the assignment is not in this document." in caveats_of(found)
    whole = make_records(*map(make_training, "123"))
    assert not any("not in this document" in text for text in caveats_of(whole))


def test_the_assignments_recipe_is_named_as_well() -> None:
    records = make_records(reference())
    assert "the assignment's recipe (100,000 iterations of Adam)" in abstract(records)
    assert not any("trained with" in text for text in caveats_of(records))


def test_a_changed_recipe_is_said_to_be_one() -> None:
    small = replace(RECIPES["assignment"], batch_size=100)
    for recipe, name in (
        (replace(PRESET, iterations=1), "the recipe fast, shortened to 1 of its 2,800 iterations,"),
        (small, "a variant of the assignment's recipe"),
    ):
        said = " ".join(caveats_of(make_records(make_training("2", recipe=recipe))))
        assert f"trained with {name} instead of the assignment's: " in said
    assert "batches of 100" in said


def test_the_limits_point_to_what_part_1_compares() -> None:
    records = make_records(fast("1", end=0.037), fast(), references=(reference(),))
    assert any("sets setting 2 beside complete training with" in t for t in caveats_of(records))


def test_every_optimizer_has_its_words() -> None:
    assert set(wording.OPTIMIZERS) == set(OPTIMIZERS)


def test_labels_tell_optimizers_apart() -> None:
    adam = make_training("2", recipe=replace(PRESET, optimizer="adam"))
    labels = [group.label for group in grouped((make_training("2", recipe=PRESET), adam))]
    length = f"{PRESET.iterations:,} iterations"
    assert labels == [
        f"setting 2 (fast recipe, {length})",
        f"setting 2 (fast recipe, {length}, Adam)",
    ]
