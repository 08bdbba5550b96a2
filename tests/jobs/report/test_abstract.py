"""The abstract and the table of results."""

from dataclasses import replace

import numpy as np

from aemodel.settings import RECIPES
from jobs.report.analysis.study import Study
from jobs.report.records import Records
from jobs.report.sections import overview
from tests.jobs.report.synthetic import make_full_records, make_records, make_training


def abstract(records: Records) -> str:
    return overview.abstract(Study.of(records))


def test_the_abstract_says_what_is_of_one_seed() -> None:
    one = abstract(make_full_records())
    assert "or more in the one seed shown, for" in one
    assert "averaged over the seeds" not in one
    several = make_records(
        *(make_training(name, seed=seed) for name in "123" for seed in (0, 1))
    )  # fmt: skip
    text = abstract(several)
    assert "averaged over the seeds" in text
    assert "In the plane of the codes of setting 1, 38% of" in text
    assert max(len(one.split()), len(text.split())) <= 120


def test_the_abstract_counts_the_pairs_that_are_nearer_than_blends_in_every_seed() -> None:
    half, same = (
        tuple(
            replace(p, nearest_mse=p.blend_nearest_mse * factor)
            for p in make_training("2").interpolations
        )
        for factor in (0.5, 1.0)
    )
    mixed = make_training("2", seed=1, interpolations=(half[0], *same[1:]))
    trainings = [make_training("2", interpolations=half), mixed]
    text = abstract(make_records(*trainings, make_training("3", interpolations=same)))
    wanted = "or more in every seed, for 1 of 3 pairs in setting 2 and no pair in setting 3."
    assert wanted in text


def test_settings_without_a_nearer_pair_are_named_together() -> None:
    same = (replace(p, nearest_mse=p.blend_nearest_mse) for p in make_training("2").interpolations)
    paths = tuple(same)
    text = abstract(make_records(*(make_training(n, interpolations=paths) for n in "23")))
    assert (
        "For no pair in setting 2 or setting 3 are the pictures decoded between mean codes, "
        "averaged over the steps, nearer to test images than pixel blends by 5% or more in the one "
        "seed shown." in text
    )


def test_the_abstract_does_not_pass_over_pairs_that_are_not_compared() -> None:
    path, *others = make_training("2").interpolations
    labels = path.nearest_digit.copy()
    labels[0] = 9
    made = make_training("2", interpolations=(replace(path, nearest_digit=labels), *others))
    text = abstract(make_records(made))
    assert "of 3 pairs in setting 2 (1 of 3 not compared: an end decodes to another digit)." in text


def test_a_setting_of_which_no_pair_can_be_compared_has_no_count() -> None:
    paths = tuple(
        replace(path, nearest_digit=np.full_like(path.nearest_digit, 9))
        for path in make_training("2").interpolations
        if path.digit_b != 9
    )
    text = abstract(make_records(make_training("2", interpolations=paths), make_training("3")))
    assert (
        "Between mean codes of setting 2 no pair can be compared: an end of each decodes to "
        "another digit." in text
    )
    assert "pairs in setting 3." in text
    assert "pairs in setting 2" not in text


def test_the_abstract_says_how_much_of_a_recipe_was_trained() -> None:
    recipe = replace(RECIPES["assignment"], iterations=1_500)
    text = abstract(make_records(make_training("1", recipe=recipe)))
    assert "assignment's recipe, stopped after 1,500 of its 100,000 iterations (Adam)." in text


def test_an_accuracy_of_several_seeds_has_its_deviation() -> None:
    shares = (0.70, 0.74, 0.78)
    seeds = [make_training("1", seed=n, knn_accuracy=a) for n, a in enumerate(shares)]
    rows = overview.table(Study.of(make_records(*seeds, make_training("2"))).groups).rows
    assert [row[-2] for row in rows] == ["74.0 ± 4.0%", "96.2%"]


def test_the_caption_says_on_how_many_threads_and_that_soap_trains_fewer_parameters() -> None:
    def caption(*threads: int, recipe: str = "assignment") -> str:
        trainings = [
            make_training(name, threads=number, recipe=RECIPES[recipe])
            for name, number in zip("12", threads, strict=False)
        ]
        return overview.table(Study.of(make_records(*trainings)).groups).caption

    assert "recorded errors, on 1 thread, excluding" in caption(1, 1)
    assert "errors, on 1 thread (setting 1) or 2 threads (setting 2), excluding" in caption(1, 2)
    assert "recorded errors, excluding" in caption(0, 2)
    assert "SOAP" not in caption(1)
    assert "of which SOAP trains fewer (see Limits)" in caption(1, recipe="fast")
