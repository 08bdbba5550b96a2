"""The sentences of the document where they hold, just fail to hold, or cannot be said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aemodel.settings import RECIPES, parse_setting
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation, intuitions
from jobs.report.records import Omission, Records, TrainingRecord
from jobs.report.sections import embedding, interpolation, limitations, overview, part_1
from tests.jobs.report.synthetic import (
    REFERENCE,
    curve,
    make_full_records,
    make_records,
    make_training,
)

QUICK = RECIPES["quick"]


def part_1_of(records: Records) -> tuple[Observation, ...]:
    return tuple(part_1.observations(Study.of(records)))


def part_2_of(records: Records) -> tuple[Observation, ...]:
    training = Study.of(records).for_interpolation
    return tuple(interpolation.observations(training)) if training else ()


def part_3_of(records: Records) -> tuple[Observation, ...]:
    return tuple(embedding.observations(Study.of(records)))


def caveats_of(records: Records) -> tuple[str, ...]:
    return tuple(limitations.caveats(Study.of(records)))


def part_1_text(*trainings: TrainingRecord) -> str:
    return " ".join(item.text for item in part_1_of(make_records(*trainings)))


def with_neighbours(own: float, overlap: float) -> TrainingRecord:
    """Return setting 1 with every digit's own share `own`, and 4 and 9 sharing `overlap`."""
    shares = np.full((10, 10), (1 - own) / 9)
    np.fill_diagonal(shares, own)
    shares[[4, 9], [9, 4]] = overlap
    return make_training("1", neighbours=shares)


def with_path(digits: list[int], **changes: Any) -> TrainingRecord:
    training = make_training("3")
    path = replace(training.interpolations[0], nearest_digit=np.array(digits), **changes)
    return replace(training, interpolations=(path,))


@pytest.fixture(scope="module")
def full(full_records: Records) -> tuple[Observation, ...]:
    """Part 1 of the whole assignment."""
    return part_1_of(full_records)


def test_final_errors_are_given_best_first(full: tuple[Observation, ...]) -> None:
    text = full[0].text
    assert "0.00459 for setting 3, 0.00928 for setting 2 and 0.03851 for setting 1" in text
    assert "bottleneck" in full[0].intuition


def test_part_2_shows_the_better_of_settings_2_and_3(full_records: Records) -> None:
    assert Study.of(full_records).for_interpolation is full_records.trainings[2]
    spoilt = replace(full_records.trainings[2], final_test_mse=0.042)
    records = replace(full_records, trainings=(*full_records.trainings[:2], spoilt))
    assert Study.of(records).for_interpolation is full_records.trainings[1]


def test_an_order_against_the_latent_size_changes_the_explanation() -> None:
    worse = make_training("3", final_test_mse=0.2)
    records = make_records(make_training("1"), worse)
    assert part_1_of(records)[0].text.index("setting 1") < part_1_of(records)[0].text.index(
        "setting 3"
    )
    assert "ought to fall" in part_1_of(records)[0].intuition
    assert not any("diminish" in one for one in intuitions(part_1_of(records)))


def test_the_gain_over_pca(full: tuple[Observation, ...]) -> None:
    assert any("setting 1 is 31% lower (0.03851 against 0.05567)" in one.text for one in full)
    assert "setting 3 is 10% higher" in part_1_text(make_training("3", final_test_mse=0.009955))
    assert "Against PCA" not in part_1_text(make_training("3", pca_test_mse=None))


def test_spikes_say_where_how_high_and_for_how_long(full: tuple[Observation, ...]) -> None:
    (text,) = [one.text for one in full if "spike" in one.text]
    assert text.startswith(
        "The error of setting 3 has 2 spikes; in the highest it jumps from 0.005"
    )
    assert "to 0.07300 at iteration 14,500" in text
    assert "above PCA's 0.00905" in text
    assert "is back after" in text


def test_a_spike_without_recovery_is_said_to_be_one() -> None:
    held = curve(REFERENCE["3"], spikes={95_000: (0.073, 50_000)})
    assert "by the end of the training has come back only to" in part_1_text(
        make_training("3", curve=held)
    )


def test_over_fitting_needs_a_falling_training_error() -> None:
    held = curve(REFERENCE["1"])
    size = held.iterations.size
    for train, claim in ((np.linspace(0.05, 0.03, size), "true of the training images alone"),
                         (np.linspace(0.03, 0.05, size), "not over-fitting")):  # fmt: skip
        records = make_records(make_training("1", curve=replace(held, train_mse=train)))
        assert any(claim in one for one in intuitions(part_1_of(records)))
    assert "rises after its best: its level is lowest around iteration" in part_1_text(
        make_training("1")
    )
    assert "rises after its best" not in part_1_text(make_training("2"))


def test_the_plateau_of_setting_3_is_at_pcas_level(full: tuple[Observation, ...]) -> None:
    (one,) = [one for one in full if "rests near" in one.text]
    assert "setting 3" in one.text
    assert "level of PCA with 64 components (0.00905)" in one.text
    assert "nearly linear" in one.intuition


def test_diminishing_returns_come_with_a_warning(full: tuple[Observation, ...]) -> None:
    (one,) = [one for one in full if one.text.startswith("From 2 to 16")]
    assert "falls by 0.02923 (76%), 0.0021 for each added dimension" in one.text
    assert "also change the widths" in one.text
    assert "Returns diminish" in one.intuition
    assert "latent dimensions" not in part_1_text(make_training("1"))


def test_trainings_of_other_recipes_are_not_compared() -> None:
    text = part_1_text(make_training("1", recipe=QUICK), make_training("2"))
    assert "From 2 to 16" not in text


def test_several_seeds_are_mean_and_deviation() -> None:
    errors = {"1": (0.038, 0.0384, 0.0388), "2": (0.0093, 0.0094, 0.0095)}
    trainings = [
        make_training(name, seed=seed, final_test_mse=error)
        for name, held in errors.items()
        for seed, error in enumerate(held)
    ]
    records = make_records(*trainings)
    assert "0.03840 ±\u00a00.00040 (n\u00a0=\u00a03) for setting 1" in part_1_of(records)[0].text
    assert any("a clear difference" in one.text for one in part_1_of(records))
    assert any(
        "Several seeds (3 of setting 1 and 3 of setting 2)" in one for one in caveats_of(records)
    )


def test_seeds_that_scatter_more_than_settings_differ() -> None:
    errors = {"1": (0.030, 0.040), "2": (0.031, 0.039)}
    trainings = [
        make_training(name, seed=seed, final_test_mse=error)
        for name, held in errors.items()
        for seed, error in enumerate(held)
    ]
    assert "not a clear difference" in part_1_text(*trainings)


def test_hardest_and_easiest_digits(full: tuple[Observation, ...]) -> None:
    (one,) = [one for one in full if "hardest" in one.text]
    assert one.text.startswith(
        "The digit 2 is the hardest to reconstruct and 1 the easiest in setting 1"
    )
    assert one.see[0] == "table-digits"
    assert "hardest" not in part_1_text(make_training("1", mse_by_digit=()))
    assert "hardest" not in part_1_text(make_training("1", mse_by_digit=(float("nan"),) * 10))


def test_a_diverged_training_is_named_and_not_judged() -> None:
    held = curve(REFERENCE["1"])
    held.test_mse[3:] = np.nan
    text = part_1_text(make_training("1", curve=held))
    assert "not a finite number at iteration 300" in text
    assert "spike" not in text
    assert "final test error" not in text.lower()


def test_three_hundred_iterations_support_no_claim_about_the_curve() -> None:
    recipe = replace(RECIPES["assignment"], iterations=300)
    records = make_records(make_training("1", recipe=recipe))
    text = " ".join(one.text for one in part_1_of(records))
    assert not any(word in text for word in ("spike", "rests", "rises after", "still falls"))
    assert any(
        "300 in place of 100,000" in one and "short training" in one for one in caveats_of(records)
    )


def test_overlaps_and_digits_that_stand_apart() -> None:
    apart = part_3_of(make_records(with_neighbours(0.95, 0.0)))
    assert "stand apart: at least 90%" in apart[0].text
    assert "No two digits overlap much" in apart[1].text
    mixed = part_3_of(make_records(with_neighbours(0.60, 0.25)))
    assert mixed[0].text.startswith("No digit stands apart in the plane")
    assert mixed[1].text.startswith("4 and 9 overlap most: 25% of the neighbours of a 4 are 9s")
    assert "whether the top is closed" in mixed[1].intuition


@pytest.mark.parametrize(("share", "apart"), [(0.8999, False), (0.9001, True)])
def test_the_threshold_of_standing_apart(share: float, apart: bool) -> None:
    text = part_3_of(make_records(with_neighbours(share, 0.0)))[0].text
    assert ("No digit stands apart" not in text) is apart


def test_where_a_path_changes_its_digit() -> None:
    once = part_2_of(make_records(with_path([3] * 6 + [8] * 5)))[0]
    assert "a 3 up to f\u00a0=\u00a00.5 and an 8 from f\u00a0=\u00a00.6" in once.text
    through = part_2_of(make_records(with_path([3] * 4 + [5] * 2 + [8] * 5)))[0]
    assert "a 5 (f\u00a0=\u00a00.4 to 0.5)" in through.text
    assert "5s" in through.intuition
    assert "does not even look" not in through.intuition
    elsewhere = part_2_of(make_records(with_path([5] * 6 + [8] * 5)))[0]
    assert "decoded mean code of a 3 does not even look" in elsewhere.intuition
    never = part_2_of(make_records(with_path([3] * 11)))[0]
    assert "is a 3 (f\u00a0=\u00a00.0 to 1.0)" in never.text
    assert "decoded mean code of an 8 does not even look" in never.intuition


@pytest.mark.parametrize(
    ("decoded", "blend", "claim"),
    [
        (0.02, 0.04, "50% nearer to real digits"),
        (0.04, 0.02, "further from real digits"),
        (0.0201, 0.02, "about the same"),
    ],
)
def test_how_real_the_pictures_are(decoded: float, blend: float, claim: str) -> None:
    distances = {"nearest_mse": np.full(11, decoded), "blend_nearest_mse": np.full(11, blend)}
    text = " ".join(one.text for one in part_2_of(make_records(with_path([3] * 11, **distances))))
    assert claim in text
    nearer = "nearer than that" if decoded < 0.0304 else "further away than that"
    assert nearer in text


def test_distances_that_are_missing_are_not_compared() -> None:
    training = with_path([3] * 11, nearest_mse=np.full(11, np.nan))
    text = " ".join(one.text for one in part_2_of(make_records(training)))
    assert "pixel blends" not in text
    assert "furthest" not in text


def test_what_is_missing_is_named() -> None:
    omissions = (Omission("setting 2", "FAILED: NaN at iteration 300"),)
    said = " ".join(caveats_of(make_records(make_training("1"), omissions=omissions)))
    assert "setting 2 (FAILED: NaN at iteration 300)" in said
    assert "setting 3 (no finished training)" in said
    assert said.count("results: setting 2") == 1
    assert "Part 2 shows setting 1: the assigned ones, of setting 2 or 3, are missing" in said


def test_differences_between_the_trainings_are_named() -> None:
    other = make_training(
        "2", recipe=QUICK, precision="bfloat16", data_digest="other", git_commit="", versions={}
    )
    said = " ".join(caveats_of(make_records(make_training("1"), other)))
    for what in ("recipe", "data set", "precision", "code version", "library versions"):
        assert f"differ in their {what}" in said
    assert f"quick with {QUICK.iterations:,} iterations for setting 2" in said
    assert "Setting 2 was not trained by the assignment's recipe" in said


def test_the_whole_assignment_needs_no_caveat_but_that_of_its_single_seed(
    full_records: Records,
) -> None:
    assert len(caveats_of(full_records)) == 1
    assert "one seed" in caveats_of(full_records)[0]


def test_a_setting_of_its_own_is_said_to_be_one() -> None:
    custom = make_training("1", setting=parse_setting("256-64-2"))
    assert any("Setting 256-64-2 is not one of" in one for one in caveats_of(make_records(custom)))


def test_no_training_at_all() -> None:
    records = make_records()
    assert "no results yet" in overview.abstract(Study.of(records))
    assert not part_1_of(records)
    assert not part_2_of(records)
    assert not part_3_of(records)
    assert sum("no finished training" in one for one in caveats_of(records)) == 3


def test_summary_names_the_errors_beside_pca() -> None:
    summary = overview.abstract(Study.of(make_full_records()))
    assert "0.03851 with 2 (PCA: 0.05567)" in summary
    assert summary.startswith("Three autoencoders")
