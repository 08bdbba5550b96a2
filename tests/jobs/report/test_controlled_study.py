"""The section on a controlled study: what it states, and what it leaves open."""

from dataclasses import replace

import pytest

from aemodel.data import MNIST_DIGEST
from aemodel.settings import RECIPES
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.study import Study
from jobs.report.blocks import Figure, Observation, Paragraph, Table, numbered
from jobs.report.records import ControlledStudy, SizeErrors
from jobs.report.sections import controlled_study, limitations, model
from tests.jobs.report.synthetic import make_full_records, make_records, make_training

NOISE = (-0.0001, 0.0, 0.0001)


def size(latent_size: int, mean: float, pca: float, noise: tuple[float, ...] = NOISE) -> SizeErrors:
    return SizeErrors(latent_size, tuple(mean + deviation for deviation in noise), pca)


FALLING = (
    size(2, 0.0370, 0.0557),
    size(4, 0.0270, 0.0479),
    size(8, 0.0170, 0.0374),
    size(16, 0.0110, 0.0269),
)
MADE = ControlledStudy(
    run_id="a" * 32,
    hidden_widths=(512, 128),
    recipe=RECIPES["quick"],
    precision="float32",
    data_digest=MNIST_DIGEST,
    sizes=FALLING,
    intrinsic_dimension=13.9,
)


def study_of(made: ControlledStudy | None) -> Study:
    return Study.of(make_records(controlled_study=made))


def observed(*sizes: SizeErrors, dimension: float | None = None) -> dict[str, Observation]:
    """Return what is observed of these sizes, by kind."""
    made = replace(MADE, sizes=sizes, intrinsic_dimension=dimension)
    return {item.kind: item for item in controlled_study.observations(study_of(made))}


def test_without_a_study_there_is_no_section() -> None:
    for made in (None, replace(MADE, sizes=FALLING[:1])):
        assert list(controlled_study.blocks(study_of(made))) == []
        assert list(controlled_study.observations(study_of(made))) == []


def test_the_section_says_what_was_trained_and_shows_it() -> None:
    blocks = list(controlled_study.blocks(study_of(replace(MADE, failed=1))))
    (paragraph,) = (block for block in blocks if isinstance(block, Paragraph))
    assert "The 12 networks" in paragraph.text
    assert "hidden layers 512-128, recipe quick (700 iterations" in paragraph.text
    assert "left out: 1." in paragraph.text
    (figure,) = (block for block in blocks if isinstance(block, Figure))
    assert b"read off a figure" in figure.picture or b"<svg" in figure.picture
    assert "read off a figure" in figure.caption
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert table.rows[0][0] == "2"
    assert table.rows[0][3:] == ["0.05570", "34% (33% to 34%)", "–"]
    assert table.rows[1][5] == "< 0.001"
    numbered(blocks)  # every citation is known


def test_the_caption_says_in_what_the_settings_differ() -> None:
    records = make_full_records(controlled_study=MADE)
    study = Study.of(records)
    (figure,) = (b for b in controlled_study.blocks(study) if isinstance(b, Figure))
    assert "Setting 1 and setting 3 have other hidden layers." in figure.caption
    assert (
        "have another recipe, assignment (100,000 iterations), so their errors and exponents "
        "are not those of the study." in figure.caption
    )


def test_published_errors_are_those_of_mnist_alone() -> None:
    (figure,) = (
        block
        for block in controlled_study.blocks(study_of(replace(MADE, data_digest="other")))
        if isinstance(block, Figure)
    )
    assert "Published" not in figure.caption


def test_a_fall_at_every_step() -> None:
    text = observed(*FALLING)["steps of the latent size"].text
    assert "falls at every step from 2 to 16 by more than the seeds explain" in text
    assert "for 3 steps; p < 0.001)" in text
    assert "leave open" not in text


def test_a_step_within_the_noise_is_left_open() -> None:
    text = observed(*FALLING, size(32, 0.01095, 0.0168))["steps of the latent size"].text
    assert "falls at the 3 steps from 2 to 16" in text
    assert text.endswith("Whether it changes from 16 to 32 the seeds leave open.")


def test_nothing_but_noise() -> None:
    text = observed(size(2, 0.037, 0.0557), size(4, 0.03695, 0.0479))[
        "steps of the latent size"
    ].text
    assert text.startswith("Whether the mean error of the controlled study changes from 2 to 4")


def test_a_rise_is_a_rise() -> None:
    text = observed(size(2, 0.027, 0.0557), size(4, 0.037, 0.0479))["steps of the latent size"].text
    assert "rises from 2 to 4" in text
    assert "falls" not in text


def test_single_seeds_support_no_test() -> None:
    single = [SizeErrors(size.latent_size, size.errors[:1], size.pca) for size in FALLING]
    assert observed(*single) == {}


def test_the_gain_over_pca_with_its_interval() -> None:
    text = observed(*FALLING)["controlled gain over PCA"].text
    assert "is lower at latent sizes 2, 4, 8 and 16, least by 34% (33% to 34%) at 2" in text
    assert "most by 59% (58% to 60%) at 16" in text


def test_a_gain_that_just_does_not_hold() -> None:
    noisy = size(2, 0.0550, 0.0557, (-0.001, 0.0, 0.001))
    worse = size(4, 0.0600, 0.0479)
    text = observed(noisy, worse)["controlled gain over PCA"].text
    assert "is higher at latent size 4" in text
    assert "does not differ beyond what the seeds explain at latent size 2" in text
    assert "lower" not in text


def slopes(*sizes: tuple[int, float, float]) -> str:
    return observed(*(size(d, mean, pca) for d, mean, pca in sizes))["exponents"].text


def test_steps_that_agree_have_one_exponent() -> None:
    text = slopes(*((d, 0.05 * d**-0.6, 0.06 * d**-0.4) for d in (1, 2, 4, 8)))
    assert "with about the same a = 0.60 (0.59 to 0.61) everywhere" in text
    assert "PCA’s with a = 0.40." in text
    assert text.endswith("It falls faster than PCA’s at every step from 1 to 8.")


def test_steps_that_disagree_have_their_range() -> None:
    text = slopes((2, 0.04, 0.056), (4, 0.028, 0.048), (8, 0.018, 0.037), (16, 0.014, 0.026))
    assert "a from 0.36 to 0.64, PCA’s with a from 0.22 to 0.51." in text
    assert text.endswith(
        "It falls faster than PCA’s at the 2 steps from 2 to 8 and more slowly from 8 to 16."
    )


def test_a_step_at_which_the_seeds_do_not_tell_which_falls_faster() -> None:
    text = slopes((2, 0.04, 0.04), (4, 0.02, 0.02005), (8, 0.018, 0.01))
    assert text.endswith(
        "It falls more slowly than PCA’s from 4 to 8. Which of the two falls faster from 2 to 4 "
        "the seeds leave open."
    )


def test_two_sizes_are_too_few_for_a_power_law() -> None:
    assert "exponents" in observed(*FALLING[:3])
    assert "exponents" not in observed(*FALLING[:2])


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.43, 0.57), "50% (43% to 57%)"),
        ((0.496, 0.504), "50.0% (49.6% to 50.4%)"),
        ((0.5, 0.5), "50.00% (50.00% to 50.00%)"),
        (None, "50%"),
    ],
)
def test_an_interval_is_printed_with_the_decimals_it_takes(
    interval: tuple[float, float] | None, words: str
) -> None:
    assert controlled_study._percent(Estimate(0.5, interval)) == words


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        (3.0, "still falls at every step from 4 to 16."),
        (13.9, "if they lay on a smooth surface."),
    ],
)
def test_the_intrinsic_dimension_beside_the_steps(dimension: float, words: str) -> None:
    text = observed(*FALLING, dimension=dimension)["intrinsic dimension"].text
    assert f"as about {dimension:.0f} (from 10,000" in text
    assert text.endswith(words)


def test_no_step_beyond_the_intrinsic_dimension_pays() -> None:
    sizes = (*FALLING, size(32, 0.01095, 0.0168))
    text = observed(*sizes, dimension=13.9)["intrinsic dimension"].text
    assert text.endswith("no step lowers the error by more than the seeds explain.")
    assert "intrinsic dimension" not in observed(*sizes)


def test_its_recipe_stands_beside_those_of_the_settings() -> None:
    """What is said of all networks would be wrong of the study's."""
    fast = [make_training(name, recipe=RECIPES["fast"]) for name in "123"]
    records = make_records(*fast, controlled_study=replace(MADE, recipe=RECIPES["quick"]))
    rows = model.table(model.recipes_used(Study.of(records))).rows
    assert [row[0] for row in rows] == [
        "fast (setting 1, setting 2 and setting 3)", "quick (the controlled study)", "assignment"
    ]  # fmt: skip
    limits = " ".join(limitations.caveats(Study.of(records)))
    assert "Setting 1, setting 2 and setting 3 were trained with the recipe fast" in limits
    alone = " ".join(limitations.caveats(Study.of(make_records(*fast))))
    assert "All networks were trained with the recipe fast" in alone
