"""The abstract and the table of results."""

from dataclasses import replace

from aemodel.settings import RECIPES
from jobs.report.analysis.study import Study
from jobs.report.records import Records
from jobs.report.sections import overview
from tests.jobs.report.synthetic import make_full_records, make_records, make_training


def abstract(records: Records) -> str:
    return overview.abstract(Study.of(records))


def test_the_abstract_says_what_is_of_one_seed() -> None:
    one = abstract(make_full_records())
    assert "seed" not in one
    several = make_records(
        *(make_training(name, seed=seed) for name in "123" for seed in (0, 1))
    )  # fmt: skip
    text = abstract(several)
    assert "averaged over the seeds" in text
    assert "mean codes of setting 3 (seed 0; from 3 to 8" in text
    assert "In the embedding (seed 0) 38% of" in text
    assert len(one.split()) < len(text.split()) <= 120


def test_the_abstract_says_how_much_of_a_recipe_was_trained() -> None:
    recipe = replace(RECIPES["assignment"], iterations=1_500)
    text = abstract(make_records(make_training("1", recipe=recipe)))
    assert "assignment's recipe, stopped after 1,500 of its 100,000 iterations (Adam)." in text


def test_the_caption_says_on_how_many_threads_and_that_soap_trains_fewer_parameters() -> None:
    def caption(*threads: int, recipe: str = "assignment") -> str:
        trainings = [
            make_training(name, threads=number, recipe=RECIPES[recipe])
            for name, number in zip("12", threads, strict=False)
        ]
        return overview.table(Study.of(make_records(*trainings)).groups).caption

    assert "recorded errors, on 1 thread, without" in caption(1, 1)
    assert "recorded errors, on 1 or 2 threads, without" in caption(1, 2)
    assert "recorded errors, without" in caption(0, 2)
    assert "SOAP" not in caption(1)
    assert "of which SOAP trains fewer (see Limits)" in caption(1, recipe="fast")
