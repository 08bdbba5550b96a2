"""Every observation if it holds, if it just does not, and if it cannot be told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

from aemodel.settings import RECIPES, parse_setting
from jobs.report.analysis.groups import Group
from jobs.report.analysis.neighbours import Neighbours
from jobs.report.analysis.noise import SINGLE_TRAINING
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.dataset import DatasetRecord
from jobs.report.records import Curve, Records, TrainingRecord
from jobs.report.sections import (
    curves,
    embedding,
    interpolation,
    latent_size,
    part_1,
    reconstruction,
)
from jobs.report.sections.mnist_lore import PIXEL_VARIANCE
from tests.jobs.report.synthetic import (
    PAIRS,
    REFERENCE,
    curve,
    make_records,
    make_training,
)

QUICK = RECIPES["quick"]
MNIST = make_training("1").dataset
OTHER = DatasetRecord("other", "shapes", tuple(f"shape-{c}" for c in range(10)))


def study_of(*trainings: TrainingRecord) -> Study:
    return Study.of(make_records(*trainings))


def of_kind(observations: Sequence[Observation], kind: str) -> Observation:
    (found,) = [item for item in observations if item.kind == kind]
    return found


def part_1_kinds(*trainings: TrainingRecord) -> list[str]:
    return [item.kind for item in part_1.observations(study_of(*trainings))]


def spiked(name: str = "3") -> TrainingRecord:
    """Return a training that ends in a spike, as the reference run of setting 3 did at 18,000."""
    return make_training(name, curve=curve(REFERENCE[name], spikes={95_000: (0.073, 50_000)}))


def ending(final: float, name: str = "1", **changes: Any) -> TrainingRecord:
    """Return a training of which only the final error is known."""
    return make_training(name, curve=None, final_test_mse=final, **changes)


def seeds(name: str, *finals: float) -> list[TrainingRecord]:
    return [ending(final, name, seed=seed) for seed, final in enumerate(finals)]


# --- Part 1: against PCA ------------------------------------------------------------------------


def gain(training: TrainingRecord) -> Observation:
    return of_kind(list(latent_size.against_pca(study_of(training))), "gain over PCA")


def test_the_gain_over_pca() -> None:
    observation = gain(ending(0.7 * 0.05567, pca_test_mse=0.05567))
    assert observation.numbers["setting 1"].value == pytest.approx(0.3)
    assert "30% lower in setting 1" in observation.text
    assert observation.intuition == latent_size.CURVED
    worse = gain(ending(0.06, pca_test_mse=0.05567))
    assert "7.8% higher" in worse.text
    assert worse.intuition == ""


@pytest.mark.parametrize(("share", "known"), [(1 - SINGLE_TRAINING - 0.002, True), (0.985, False)])
def test_a_gain_within_the_noise_of_one_training_is_none(share: float, known: bool) -> None:
    observation = gain(ending(share * 0.05, pca_test_mse=0.05))
    assert ("not different beyond its noise" not in observation.text) is known
    assert bool(observation.intuition) is known


@pytest.mark.parametrize(
    ("final", "share", "told"),
    [(0.0490, 0.995, True), (0.0515, 0.995, True), (0.0480, 0.995, False), (0.0490, 0.985, False)],
)
def test_a_network_as_good_as_linear_is_said_to_be_one(
    final: float, share: float, told: bool
) -> None:
    text = gain(ending(final, pca_test_mse=0.05, decoder_affine_share=share)).text
    assert text.endswith("Setting 1 is still practically linear: an affine map of its codes gives "
                         "99.5% of the variance of its decoded images.") is told  # fmt: skip


def test_a_gain_that_cannot_be_told() -> None:
    for training in (
        make_training("1", pca_test_mse=None),
        make_training("1", final_test_mse=None),
        make_training("1", final_test_mse=float("nan")),
        spiked(),
    ):
        assert list(latent_size.against_pca(study_of(training))) == []


def test_the_gain_of_several_seeds_has_their_interval() -> None:
    observation = of_kind(
        list(latent_size.against_pca(study_of(*seeds("1", 0.04, 0.05, 0.06)))), "gain over PCA"
    )
    assert not observation.numbers["setting 1"].is_positive
    assert "not different beyond its noise" in observation.text


# --- Part 1: the latent size --------------------------------------------------------------------


def falls(*trainings: TrainingRecord) -> Observation:
    (observation,) = latent_size.falls(study_of(*trainings))
    return observation


def test_the_fall_with_the_latent_size_and_what_else_differs() -> None:
    observation = falls(ending(0.04, "1"), ending(0.01, "2"))
    assert observation.numbers["2 to 16"].value == pytest.approx(0.03)
    assert "falls by 75% from 2 to 16 latent dimensions" in observation.text
    assert "widths of the hidden layers differ as well" in observation.text


def test_a_controlled_study_is_said_to_be_one() -> None:
    trainings = [ending(0.08 / size, setting=parse_setting(f"256-64-{size}")) for size in (2, 4, 8)]
    observation = falls(*trainings)
    assert "Nothing but the latent size differs" in observation.text
    assert "hidden" not in observation.text
    assert "As a power d⁻ᵃ of the latent size d it falls with a = 1.00 (2 to 4)" in observation.text


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (0.0050, "a = 1.00 (95%: 0.99 to 1.01), by 50% for each doubling."),
        (0.0056, "falls with a = 1.00 (2 to 4) and 0.92 (4 to 16)."),
    ],
)
def test_one_power_is_named_only_if_the_steps_agree_in_it(last: float, words: str) -> None:
    finals = {2: 0.04, 4: 0.02, 16: last}
    settings = {parse_setting(f"256-64-{d}"): error for d, error in finals.items()}
    first = [ending(error, setting=setting) for setting, error in settings.items()]
    more = [
        ending(factor * error, setting=setting, seed=seed)
        for seed, factor in ((1, 0.995), (2, 1.005))
        for setting, error in settings.items()
    ]
    assert words in falls(*first, *more).text
    assert "one power" not in falls(*first).text  # how well each is known, seeds alone tell


def test_no_power_is_named_of_trainings_that_were_cut_off() -> None:
    short = replace(RECIPES["assignment"], iterations=4_000)
    finals = zip((0.04, 0.02, 0.01), ("1", "2", "3"), strict=True)
    observation = falls(*(ending(error, name, recipe=short) for error, name in finals))
    assert "d⁻ᵃ" not in observation.text
    assert "and trainings were cut off, so this is not the effect" in observation.text


def test_a_fall_within_the_noise_is_none() -> None:
    same = falls(ending(0.04, "1"), ending(0.0395, "2"))
    assert "does not change beyond its noise from 2 to 16" in same.text
    assert same.intuition == ""
    rise = falls(ending(0.04, "1"), ending(0.05, "2"))
    assert "rises by 25%" in rise.text
    assert rise.intuition == ""


def test_seeds_that_scatter_more_than_settings_differ() -> None:
    scattered = falls(*seeds("1", 0.030, 0.040, 0.035), *seeds("2", 0.031, 0.039, 0.033))
    assert "does not change beyond its noise" in scattered.text
    clear = falls(*seeds("1", 0.0384, 0.0388, 0.0380), *seeds("2", 0.0093, 0.0094, 0.0095))
    assert "falls by 76%" in clear.text
    assert clear.numbers["2 to 16"].interval is not None


def test_a_spike_carries_no_conclusion_about_dimensions() -> None:
    assert "16 to 64" in falls(*map(make_training, "123")).numbers
    assert set(falls(make_training("1"), make_training("2"), spiked()).numbers) == {"2 to 16"}
    assert list(latent_size.falls(study_of(make_training("2"), spiked()))) == []


def test_trainings_of_other_recipes_are_not_compared() -> None:
    study = study_of(make_training("1", recipe=QUICK), make_training("2"))
    assert list(latent_size.falls(study)) == []


# --- Part 1: the curves -------------------------------------------------------------------------


def test_milestones_are_the_first_iterations_of_good() -> None:
    (observation,) = curves.milestones(study_of(make_training("2")))
    below = observation.numbers["below PCA, setting 2"].value
    recorded = make_training("2")
    assert recorded.curve is not None
    assert recorded.pca_test_mse is not None
    after = recorded.curve.iterations >= below
    assert (recorded.curve.test_mse[after] < recorded.pca_test_mse).all()
    assert recorded.curve.test_mse[~after][-1] >= recorded.pca_test_mse


def test_milestones_that_are_not_reached_or_not_known() -> None:
    above = make_training("1", pca_test_mse=0.001)
    (observation,) = curves.milestones(study_of(above))
    assert "PCA" not in observation.text
    assert observation.text.startswith("The test error is within 5%")
    assert list(curves.milestones(study_of(make_training("1", curve=None)))) == []
    (observation,) = curves.milestones(study_of(make_training("1", pca_test_mse=None)))
    assert list(observation.numbers) == ["settled, setting 1"]


def test_of_several_seeds_the_last_to_reach_a_milestone_counts() -> None:
    early, late = (
        make_training("1", seed=s, pca_test_mse=level) for s, level in ((0, 0.06), (1, 0.05))
    )
    (one,), (other,) = (curves.milestones(study_of(t)) for t in (early, late))
    (both,) = curves.milestones(study_of(early, late))
    name = "below PCA, setting 1"
    assert one.numbers[name].value < other.numbers[name].value == both.numbers[name].value
    never = make_training("1", seed=2, pca_test_mse=0.001)
    (some,) = curves.milestones(study_of(early, late, never))
    assert name not in some.numbers


def test_an_error_has_not_settled_where_it_still_falls_and_was_cut_off() -> None:
    iterations = np.arange(0, 4_001, 100)
    errors = np.array([0.1 * (1 + i) ** -0.3 for i in iterations])
    falling = Curve(iterations, errors, iterations * np.float64(0.01))
    recipe = replace(RECIPES["assignment"], iterations=4_001)
    cut_off = make_training("1", curve=falling, recipe=recipe, pca_test_mse=None)
    assert list(curves.milestones(study_of(cut_off))) == []
    (observation,) = curves.falling(study_of(cut_off))
    assert observation.numbers["setting 1"].value > 0.01
    to_zero = replace(recipe, schedule="cosine")
    done = make_training("1", curve=falling, recipe=to_zero, pca_test_mse=None)
    assert list(curves.milestones(study_of(done))) != []


def test_a_spike_from_which_the_error_comes_back() -> None:
    training = make_training("3", curve=curve(REFERENCE["3"], spikes={14_500: (0.073, 3_000)}))
    (observation,) = curves.spikes(study_of(training))
    assert observation.numbers["peak"].value == pytest.approx(0.073)
    assert observation.numbers["iteration"].value == 14_500
    assert "spikes once" in observation.text
    assert "is back within 10% after" in observation.text
    assert observation.intuition == curves.SPIKES_OF_ADAM


def test_a_training_that_ends_in_its_spike_is_told_as_that() -> None:
    training = spiked()
    (observation,) = curves.spikes(study_of(training))
    assert "does not come back" in observation.text
    assert f"ends at {training.final_test_mse:.5f}" in observation.text
    assert "does not show what the network can represent" in observation.text
    kinds = part_1_kinds(training)
    assert not {"gain over PCA", "fall with latent size", "still falling"} & set(kinds)


def test_a_peak_below_the_threshold_is_no_spike_and_soap_has_no_explanation() -> None:
    flat = curve({1: 0.02, 100_000: 0.02}, noise=0)
    flat.test_mse[500] *= 1.49
    assert list(curves.spikes(study_of(make_training("1", curve=flat)))) == []
    recipe = replace(RECIPES["fast"], eval_every=10)
    soap = curve({1: 0.1, 4_000: 0.009}, recipe, noise=0, spikes={2_000: (0.08, 800)})
    (observation,) = curves.spikes(study_of(make_training("2", recipe=recipe, curve=soap)))
    assert observation.intuition == ""


def test_over_fitting_needs_a_falling_training_error() -> None:
    recorded = curve(REFERENCE["1"])
    size = recorded.iterations.size
    for train, why in (
        (np.linspace(0.05, 0.03, size), curves.OVERFITTING),
        (np.linspace(0.03, 0.05, size), curves.NOT_OVERFITTING),
        (None, ""),
    ):
        training = make_training("1", curve=replace(recorded, train_mse=train))
        (observation,) = curves.over_fitting(study_of(training))
        assert observation.numbers["last"].value > observation.numbers["lowest"].value
        assert observation.intuition == why
    assert list(curves.over_fitting(study_of(make_training("2")))) == []


def test_a_plateau_at_the_level_of_pca() -> None:
    (observation,) = curves.plateaus(study_of(make_training("3")))
    assert observation.numbers["level"].value == pytest.approx(0.0094, abs=3e-4)
    assert "PCA's 0.00905" in observation.text
    assert observation.intuition == curves.LINEAR
    (elsewhere,) = curves.plateaus(study_of(make_training("3", pca_test_mse=0.02)))
    assert elsewhere.intuition == ""
    assert list(curves.plateaus(study_of(make_training("1")))) == []


def test_an_error_that_still_falls() -> None:
    steep = curve({1: 0.1, 80_000: 0.02, 100_000: 0.018}, noise=0)
    (observation,) = curves.falling(study_of(make_training("1", curve=steep)))
    assert observation.numbers["setting 1"].value == pytest.approx(0.02, abs=0.01)
    assert observation.intuition == ""
    flat = make_training("1", curve=curve({1: 0.02, 100_000: 0.02}))
    assert list(curves.falling(study_of(flat))) == []
    cosine = replace(RECIPES["assignment"], schedule="cosine")
    assert list(curves.falling(study_of(make_training("1", curve=steep, recipe=cosine)))) == []


def test_a_diverged_training_is_named_and_not_judged() -> None:
    recorded = curve(REFERENCE["1"])
    recorded.test_mse[3:] = np.nan
    training = make_training("1", curve=recorded, final_test_mse=float("nan"))
    observations = list(part_1.observations(study_of(training)))
    assert of_kind(observations, "divergence").numbers["iteration"].value == 300
    assert {item.kind for item in observations} <= {"divergence"}


def test_three_hundred_iterations_support_no_claim_about_the_curve() -> None:
    recipe = replace(RECIPES["assignment"], iterations=300)
    kinds = part_1_kinds(make_training("1", recipe=recipe))
    assert not {"spike", "plateau", "rise after the best", "still falling"} & set(kinds)


# --- Part 1: classes ----------------------------------------------------------------------------


def test_the_hardest_and_the_easiest_digit() -> None:
    errors = (0.03, 0.01, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03)
    (observation,) = reconstruction.extremes(study_of(make_training("1", mse_by_digit=errors)))
    assert observation.numbers["setting 1"].value == pytest.approx(5)
    assert observation.text.startswith("2s are the hardest to reconstruct and 1s the easiest")
    assert not observation.intuition  # the other eight do not follow their variance


def test_errors_of_digits_that_follow_how_much_their_images_differ() -> None:
    errors = tuple(0.6 * variance for variance in PIXEL_VARIANCE)
    trainings = [make_training(name, mse_by_digit=errors) for name in ("1", "2")]
    (alone,) = reconstruction.extremes(study_of(trainings[0]))
    assert alone.intuition.endswith("have a rank correlation of 1.00.")
    (both,) = reconstruction.extremes(study_of(*trainings))
    assert both.intuition.endswith("have a rank correlation of at least 1.00.")
    swapped = [*errors]
    swapped[3], swapped[7] = swapped[7], swapped[3]  # far apart in variance
    seeds = make_training("1", mse_by_digit=tuple(swapped), seed=1)
    (lower,) = reconstruction.extremes(study_of(trainings[0], seeds))
    lowest = spearmanr(swapped, PIXEL_VARIANCE).statistic
    assert lower.intuition.endswith(f"of at least {int(100 * lowest) / 100:.2f}.")
    against = [0.05 - 0.3 * variance for variance in PIXEL_VARIANCE]
    against[np.argmax(PIXEL_VARIANCE)], against[np.argmin(PIXEL_VARIANCE)] = 0.06, 0.01
    other = make_training("2", mse_by_digit=tuple(against))
    assert not any(o.intuition for o in reconstruction.extremes(study_of(trainings[0], other)))


NEARLY_TIED = (0.03, 0.01, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.049, 0.03)
"""Digits 2 and 8 differ by 0.001, and about 1,000 test images are of each."""


@pytest.mark.parametrize(
    ("spread", "hardest"), [(0.004, "2s are"), (0.02, "2s and 8s are"), (None, "2s and 8s are")]
)
def test_digits_that_the_noise_does_not_tell_apart_are_named_together(
    spread: float | None, hardest: str
) -> None:
    made = make_training("1", mse_by_digit=NEARLY_TIED)
    labels = made.labels
    assert labels is not None
    sides = np.where(np.arange(labels.size) % 2, 1, -1)
    errors = None if spread is None else np.array(NEARLY_TIED)[labels] + spread * sides
    (observation,) = reconstruction.extremes(study_of(replace(made, image_mse=errors)))
    assert observation.text.startswith(f"{hardest} the hardest")


def test_digits_that_are_all_as_hard_are_not_named() -> None:
    equal = make_training("1", mse_by_digit=(0.03,) * 10)
    assert list(reconstruction.extremes(study_of(equal))) == []


@pytest.mark.parametrize("errors", [(), (float("nan"),) * 10])
def test_errors_of_digits_that_are_not_known(errors: tuple[float, ...]) -> None:
    assert list(reconstruction.extremes(study_of(make_training("1", mse_by_digit=errors)))) == []


# --- Part 2 -------------------------------------------------------------------------------------


def with_paths(name: str = "3", *digits: Sequence[int], **changes: Any) -> TrainingRecord:
    """Return a training with one path for each row of labels, between the assignment's pairs."""
    training = make_training(name)
    paths = [
        replace(path, nearest_digit=np.array(row), **changes)
        for path, row in zip(training.interpolations, digits, strict=False)
    ]
    return replace(training, interpolations=tuple(paths))


def group(*trainings: TrainingRecord) -> Group:
    return Group(f"setting {trainings[0].spec.setting.name}", trainings)


def labels(*digits: Sequence[int]) -> Observation:
    (observation,) = interpolation.labels([group(with_paths("3", *digits))])
    return observation


def test_where_the_labels_change() -> None:
    once = labels([3] * 6 + [8] * 5, [4] * 6 + [9] * 5, [1] * 5 + [7] * 6)
    assert [number.value for number in once.numbers.values()] == pytest.approx([0.6, 0.6, 0.5])
    assert once.text.startswith("In setting 3 the label changes once from 3 to 8 and 4 to 9 at f")
    assert "not compared" not in once.text
    through = labels([3] * 4 + [5] * 2 + [8] * 5)
    assert "5 (f\u00a0=\u00a00.4 to 0.5)" in through.text
    assert "once" not in through.text
    assert "not compared" not in through.text
    assert "in turn" in labels([3, 8, 3, 8, 3, 8, 3, 8, 3, 8, 8]).text


def test_a_mean_code_that_decodes_to_another_digit_is_told() -> None:
    said = labels([5] * 4 + [8] * 7).text
    assert "the mean code of the 3s decodes to a picture labelled 5" in said
    assert "Observations on the blends leave out pairs with such an end" in said
    assert "the mean code of the 8s decodes to a picture labelled 3" in labels([3] * 11).text


def test_labels_name_the_networks_and_seeds_that_they_are_of() -> None:
    rows = [3] * 6 + [8] * 5, [4] * 6 + [9] * 5
    alike = [group(with_paths(name, *rows)) for name in "23"]
    (claim,) = interpolation.labels(alike)
    assert claim.text.startswith("In setting 2 and setting 3 the label changes once")
    other = group(with_paths("3", [3] * 5 + [8] * 6))
    (claim,) = interpolation.labels([alike[0], other])
    assert claim.text.count("In setting") == 2
    seeds = group(with_paths("3", *rows), with_paths("3", *rows))
    (claim,) = interpolation.labels([seeds])
    assert claim.text.startswith("In setting 3 (seed 0) the label")


ENDS = ([3] * 6 + [8] * 5, [4] * 6 + [9] * 5, [1] * 5 + [7] * 6)


def at_ratio(ratio: float, name: str = "3", rows: Sequence[Sequence[int]] = ENDS) -> TrainingRecord:
    """Return a training whose decoded pictures are this much as far from images as the blends."""
    distances = {"nearest_mse": np.full(11, 0.02 * ratio), "blend_nearest_mse": np.full(11, 0.02)}
    return with_paths(name, *rows, **distances)


def realness(*ratios: float) -> Observation:
    (observation,) = interpolation.realness(group(*map(at_ratio, ratios)))
    return observation


def test_how_near_the_pictures_are_to_real_ones() -> None:
    near = realness(0.5)
    assert near.numbers["3 to 8"].value == pytest.approx(0.5)
    assert "nearer to test images than the pixel blends for all 3 pairs" in near.text
    assert "(by 50%)" in near.text
    assert near.intuition == interpolation.BENDS
    assert "further from test images" in realness(1.5).text


@pytest.mark.parametrize(("ratio", "same"), [(0.951, True), (0.95, False), (1.0504, False)])
def test_the_verdict_is_that_of_the_printed_ratio(ratio: float, same: bool) -> None:
    assert ("as near to test images as the pixel blends" in realness(ratio).text) is same


def test_a_verdict_is_told_if_all_seeds_agree() -> None:
    claim = realness(0.9, 0.8)
    assert "(by 15%, 10% to 20%)" in claim.text
    assert claim.numbers["3 to 8"].interval == pytest.approx((0.8, 0.9))
    claim = realness(0.9, 0.96)
    assert claim.text.startswith(
        "Averaged over the steps between the ends, whether decoded pictures and blends of setting "
        "3 differ by 5% or more depends on the seed from 1 to 7 (0.900 to 0.960 times the MSE of "
    )
    assert claim.intuition == ""


def test_a_verdict_of_one_seed_is_told_as_that() -> None:
    assert "the decoded pictures in setting 3 (one seed) lie nearer" in realness(0.9).text
    assert "the decoded pictures in setting 3 lie nearer" in realness(0.9, 0.8).text


def test_a_pair_in_which_seeds_disagree_is_named() -> None:
    near, equal = at_ratio(0.8), at_ratio(1.0)
    paths = near.interpolations[:2] + equal.interpolations[2:]
    (claim,) = interpolation.realness(group(near, replace(near, interpolations=paths)))
    assert set(claim.numbers) == {"3 to 8", "4 to 9", "1 to 7"}
    assert claim.text.endswith(
        "; whether the two differ by 5% or more depends on the seed from 1 to 7 (0.800 to 1.000 "
        "times the MSE of the blends)."
    )
    assert "depends" not in realness(0.8, 0.7).text


def test_a_pair_with_another_digit_at_an_end_is_not_compared() -> None:
    rows = ([5] * 6 + [8] * 5, [4] * 6 + [9] * 5, [1] * 5 + [7] * 6)
    table = interpolation._table([group(at_ratio(0.5, rows=rows))])
    assert [row[-1] for row in table.rows] == ["0.500 †", "0.500", "0.500"]
    assert table.caption.endswith("†: not compared, since an end decodes to another digit.")
    assert "†" not in interpolation._table([group(at_ratio(0.5))]).caption
    (claim,) = interpolation.realness(group(at_ratio(0.5, rows=rows)))
    assert set(claim.numbers) == {"4 to 9", "1 to 7"}
    assert "all" not in claim.text
    (claim,) = interpolation.realness(group(at_ratio(0.5), at_ratio(0.5, rows=rows)))
    assert set(claim.numbers) == {"4 to 9", "1 to 7"}


def test_distances_that_are_missing_are_not_compared() -> None:
    training = with_paths("3", ENDS[0], nearest_mse=np.full(11, np.nan))
    assert list(interpolation.realness(group(training))) == []


def between(ratio: float, *others: float) -> list[Observation]:
    near, far = group(*(at_ratio(r, "2") for r in (ratio, *others))), group(at_ratio(1.0))
    forth, back = (
        list(interpolation.between_settings(pair)) for pair in ([near, far], [far, near])
    )
    assert [claim.text for claim in forth] == [claim.text for claim in back]
    return forth


def test_which_of_two_networks_decodes_nearer_to_test_images() -> None:
    (observation,) = between(0.7)
    assert observation.numbers["setting 2"].value == pytest.approx(0.014)
    assert observation.text.endswith(
        ": 0.01400 against 0.02000 on average (the blends of their ends: 0.02000 against 0.02000)."
    )
    (observation,) = between(1.3)
    assert observation.text.startswith("For every pair the decoded pictures of setting 3")
    assert between(0.955) == []
    assert between(0.7, 0.955) == []
    assert list(interpolation.between_settings([group(make_training("2"))])) == []


def test_of_networks_as_near_the_one_nearest_to_images_is_shown_first() -> None:
    def first(*ratios: float) -> str:
        near = with_paths(
            "3",
            *ENDS,
            nearest_mse=np.full(11, 0.01),
            blend_nearest_mse=np.full(11, 0.01 / ratios[1]),
        )
        return study_of(at_ratio(ratios[0], "2"), near).for_interpolation[0].spec.setting.name

    assert first(1.0, 1.003) == "3"
    assert first(0.9, 1.003) == "2"


def test_why_a_network_is_first_is_told_if_it_leads_in_every_seed() -> None:
    def leads(*ratios: float) -> bool:
        groups = [group(*(at_ratio(ratio, "2") for ratio in ratios)), group(at_ratio(1.0))]
        return (
            "it has the lower ratio to the blends, averaged over the pairs"
            in interpolation._method(groups)
        )

    assert leads(0.94)
    assert not leads(0.96)
    assert not leads(0.94, 0.96)


def test_part_2_shows_the_network_that_decodes_nearest_to_test_images() -> None:
    study = study_of(make_training("1"), realistic("2", 0.9), realistic("3", 0.95))
    assert [t.spec.setting.name for t in study.for_interpolation] == ["2", "3"]
    study = study_of(make_training("1"), realistic("2", 0.9), realistic("3", 0.85))
    assert [t.spec.setting.name for t in study.for_interpolation] == ["3", "2"]
    assert study_of(make_training("1")).for_interpolation[0].spec.setting.name == "1"


def realistic(name: str, ratio: float) -> TrainingRecord:
    return at_ratio(ratio, name, ENDS[:1])


def test_a_training_that_ended_in_a_spike_is_shown_only_if_there_is_no_other() -> None:
    spoilt = replace(realistic("3", 0.5), curve=spiked().curve)
    spoilt = replace(spoilt, final_test_mse=spiked().final_test_mse)
    assert study_of(realistic("2", 0.9), spoilt).for_interpolation[0].spec.setting.name == "2"
    assert study_of(spoilt).for_interpolation == (spoilt,)


# --- Part 3 -------------------------------------------------------------------------------------


def neighbours(own: ArrayLike, images: int = 1_000) -> Neighbours:
    """Return neighbours of which a share is of the same class, the others of the next class."""
    classes = np.repeat(np.arange(10), images)
    share = np.repeat(np.asarray(own), images)[:, np.newaxis]
    same = np.random.default_rng(0).random((10 * images, 10)) < share
    return Neighbours(classes, np.where(same, classes[:, np.newaxis], (classes + 1)[:, None] % 10))


def test_the_classes_most_and_least_among_their_own() -> None:
    own = [0.8] * 10
    own[1], own[9] = 0.97, 0.5
    (observation,) = embedding.purity([neighbours(own)], MNIST)
    assert observation.numbers["1"].value == pytest.approx(0.97, abs=0.01)
    assert "highest for 1s (97%) and lowest for 9s (50%)" in observation.text
    own[5] = 0.5
    (tied,) = embedding.purity([neighbours(own)], MNIST)
    assert "lowest for 5s (50%) and 9s (50%)" in tied.text.replace("51%", "50%")


def test_shares_that_the_noise_does_not_tell_apart_name_nobody() -> None:
    (observation,) = embedding.purity([neighbours([0.8] * 10, images=100)], MNIST)
    assert "highest" not in observation.text
    assert observation.intuition == ""


def test_the_order_of_the_digits_is_explained_only_if_it_follows() -> None:
    from jobs.report.sections.mnist_lore import NEAREST_RATIO

    follows = np.interp(NEAREST_RATIO, (1, 6), (0.5, 1.0))
    (observation,) = embedding.purity([neighbours(follows)], MNIST)
    assert "rank correlation" in observation.intuition
    (against,) = embedding.purity([neighbours(1.5 - follows)], MNIST)
    assert against.intuition == ""
    (other,) = embedding.purity([neighbours(follows)], OTHER)
    assert other.intuition == ""
    assert "same class" in other.text


def test_overlaps() -> None:
    own = [0.9] * 10
    own[4] = 0.5
    (observation,) = embedding.overlaps([neighbours(own)], MNIST)
    assert observation.numbers["4 to 5"].value == pytest.approx(0.25, abs=0.01)
    assert "4s and 5s overlap most" in observation.text
    (none,) = embedding.overlaps([neighbours([0.9] * 10)], MNIST)
    assert none.kind == "no overlap"
    (tied,) = embedding.overlaps([neighbours([0.7] * 10)], OTHER)
    assert "overlap:" in tied.text
    assert tied.text.startswith("Shape-1 images and shape-2 images overlap:")


def test_overlaps_in_a_projection_are_said_to_be_of_it() -> None:
    whole = list(embedding.observations(study_of(make_training("1"))))
    projected = list(embedding.observations(study_of(make_training("2"))))
    said = [next(o.text for o in told if o.kind == "overlap") for told in (whole, projected)]
    assert "projection" not in said[0]
    codes = make_training("2").codes
    assert codes is not None
    variances = np.linalg.eigvalsh(np.cov(codes.T))
    share = f"{100 * variances[-2:].sum() / variances.sum():.0f}%"
    assert f"in the projection, which keeps {share} of the variance" in said[1]


def test_overlaps_that_are_not_listed_are_counted() -> None:
    (claim,) = embedding.overlaps([neighbours([0.7] * 10)], MNIST)
    assert "and 6 more, averaged over both ways." in claim.text
    (claim,) = embedding.overlaps([neighbours([0.7] * 4 + [0.99] * 6)], MNIST)
    assert "averaged over both ways." in claim.text
    assert "more" not in claim.text
    (claim,) = embedding.overlaps([neighbours([0.7] * 5 + [0.99] * 5)], MNIST)
    assert claim.text.count("(") == 4  # the fifth pair is named: there is no other
    assert "more" not in claim.text


def test_the_plane_is_told_of_as_far_as_its_seeds_agree() -> None:
    mixed, apart = [0.9] * 10, [0.9] * 10
    mixed[4] = mixed[7] = apart[4] = 0.5
    seeds = [neighbours(mixed), neighbours(apart)]
    (claim,) = embedding.overlaps(seeds, MNIST)
    assert set(claim.numbers) == {"4 to 5"}
    assert "overlap:" in claim.text  # 7 and 8 overlap as much in the first
    (claim,) = embedding.purity(seeds, MNIST)
    assert "lowest" not in claim.text
    (claim,) = embedding.purity([neighbours(apart), neighbours(apart)], MNIST)
    assert "lowest for 4s (50%)" in claim.text.replace("51%", "50%")
    assert list(embedding.overlaps([neighbours(apart), neighbours([0.9] * 10)], MNIST)) == []


@pytest.mark.parametrize(
    ("own", "kind"), [(0.815, "no overlap"), (0.805, "no overlap"), (0.79, "overlap")]
)
def test_the_threshold_of_an_overlap(own: float, kind: str) -> None:
    shares = [0.99] * 10
    shares[4] = own
    (observation,) = embedding.overlaps([neighbours(shares, images=5_000)], MNIST)
    assert observation.kind == kind


def votes(small: float, large: float) -> list[Observation]:
    records = make_records(
        make_training("2", knn_accuracy=small, final_test_mse=0.009),
        make_training("3", knn_accuracy=large, final_test_mse=0.004),
    )
    return list(embedding.votes(Study.of(records)))


def test_votes_in_spaces_of_other_sizes() -> None:
    (more,) = votes(0.90, 0.95)
    assert more.numbers["gain"].value == pytest.approx(0.05)
    assert "more often" in more.text
    (less,) = votes(0.974, 0.9586)
    assert "less often" in less.text
    assert "although the error is lower" in less.text
    assert "better representation" in less.intuition
    assert votes(0.9586, 0.9590) == []
    assert list(embedding.votes(study_of(make_training("2", knn_accuracy=None)))) == []


def test_codes_that_cannot_be_used_have_no_neighbours() -> None:
    training = make_training("1")
    assert training.codes is not None
    assert study_of(training).neighbours is not None
    for codes in (None, training.codes * np.float32("nan"), training.codes[:5]):
        assert study_of(replace(training, codes=codes)).neighbours is None


# --- All of it ----------------------------------------------------------------------------------


def test_numbers_of_a_claim_lie_within_their_intervals(full_records: Records) -> None:
    study = Study.of(full_records)
    claims = [
        *part_1.observations(study),
        *interpolation.observations(study),
        *embedding.observations(study),
    ]
    assert len(claims) > 10
    for claim in claims:
        for number in claim.numbers.values():
            low, high = number.interval or (number.value, number.value)
            assert low <= number.value <= high, claim


def test_no_pairs_but_those_of_the_records(full_records: Records) -> None:
    study = Study.of(full_records)
    paths = study.for_interpolation[0].interpolations
    assert [(path.digit_a, path.digit_b) for path in paths] == list(PAIRS)
