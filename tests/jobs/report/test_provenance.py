"""The commands that make the document again name all that decides its numbers."""

from dataclasses import replace

from aemodel.data import MNIST_DIGEST
from aemodel.settings import RECIPES, parse_setting
from jobs.report.analysis.study import Study
from jobs.report.blocks import Code, Paragraph
from jobs.report.records import ControlledStudy, Records, SizeErrors
from jobs.report.sections import provenance
from tests.jobs.report.synthetic import make_full_records, make_records, make_training

RUN = "mlflow run . --env-manager local"


def commands(records: Records) -> list[str]:
    (code,) = [b for b in provenance.blocks(Study.of(records)) if isinstance(b, Code)]
    return code.text.splitlines()


def text(records: Records) -> str:
    blocks = provenance.blocks(Study.of(records))
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def by_the_version_that_trained() -> Records:
    """Return records whose document the commit of its trainings made."""
    records = make_full_records()
    commit = records.trainings[0].git_commit
    return replace(records, program=replace(records.program, commit=commit))


def test_one_command_makes_the_whole_assignment_and_its_document() -> None:
    checkout, command = commands(by_the_version_that_trained())
    assert checkout == "git checkout 7c211433f02071597741e6ff5a8ea34789abbf43"
    assert command == (
        f"{RUN} --experiment-name reproduction -P setting=all -P recipe=assignment -P seeds=0 "
        "-P pairs=3-8,4-9,1-7 -P precision=float32 -P threads=2"
    )


def test_another_version_of_the_program_makes_the_document_by_itself() -> None:
    records = make_full_records()
    assert commands(records)[2:] == [
        f"git checkout {records.program.commit}",
        f"{RUN} -e report --experiment-name reproduction",
    ]


def test_trainings_of_other_threads_precision_or_commit_have_commands_of_their_own() -> None:
    records = make_records(
        make_training("1", threads=1),
        make_training("2", precision="bfloat16", git_commit="a" * 40),
        make_training("3", git_commit="a" * 40),
    )
    lines = commands(records)
    assert [line for line in lines if line.startswith("git")] == [
        "git checkout 7c211433f02071597741e6ff5a8ea34789abbf43",
        f"git checkout {'a' * 40}",
        f"git checkout {records.program.commit}",
    ]
    assert sum("threads=1" in line for line in lines) == 1
    assert sum("precision=bfloat16" in line for line in lines) == 1
    assert lines[-1] == f"{RUN} -e report --experiment-name reproduction"


def test_trainings_on_a_gpu_are_made_again_on_one() -> None:
    on_gpu = make_records(*(make_training(name, device="gpu") for name in "123"))
    lines = commands(on_gpu)
    assert sum("-P device=gpu" in line for line in lines) == 1
    assert "on another type of processor or GPU" in text(on_gpu)
    assert "its environment active and the packages of requirements-gpu.lock in it" in text(on_gpu)
    mixed = make_records(make_training("1", device="gpu"), make_training("2"))
    assert sum("-P setting=1" in line and "device=gpu" in line for line in commands(mixed)) == 1
    assert sum("-P setting=2" in line and "device" not in line for line in commands(mixed)) == 1
    assert "on another type of processor, or" in text(make_full_records())


def test_the_study_is_made_first_since_the_trainings_command_writes_the_document() -> None:
    made = ControlledStudy(
        run_id="a" * 32,
        hidden_widths=(64, 32),
        recipe=replace(RECIPES["quick"], iterations=50),
        precision="float32",
        data_digest=MNIST_DIGEST,
        sizes=(SizeErrors(2, (0.05, 0.06), 0.07), SizeErrors(4, (0.03, 0.04), 0.05)),
        seeds=(0, 3),
        threads=1,
        git_commit="7c211433f02071597741e6ff5a8ea34789abbf43",
    )
    lines = commands(replace(by_the_version_that_trained(), controlled_study=made))
    assert lines[0] == f"git checkout {made.git_commit}"
    assert lines[1] == (
        f"{RUN} -e study --experiment-name reproduction -P hidden=64-32 -P latent=2,4 -P seeds=0,3 "
        "-P recipe=quick -P iterations=50 -P precision=float32 -P threads=1"
    )
    assert len(lines) == 3
    assert "setting=all" in lines[2]


def test_the_references_are_made_again_as_well() -> None:
    reference = make_training("2", git_commit="b" * 40, threads=1)
    records = make_records(make_training("2", recipe=RECIPES["fast"]), references=(reference,))
    lines = commands(records)
    assert lines[0] == f"git checkout {'b' * 40}"
    assert "recipe=assignment" in lines[1]
    assert "threads=1" in lines[1]


def test_seeds_settings_and_changed_fields_are_named() -> None:
    recipe = replace(RECIPES["fast"], iterations=500, eval_every=50)
    trainings = [
        make_training("1", setting=parse_setting(name), recipe=recipe, seed=seed)
        for name in ("256-64-2", "256-64-4")
        for seed in (0, 1)
    ]
    records = make_records(*trainings)
    command, report = commands(records)[1], commands(records)[-1]
    for part in ("setting=256-64-2,256-64-4", "seeds=0,1", "iterations=500", "eval_every=50"):
        assert f"-P {part} " in command
    assert report.endswith("-P runs=RUNS")
    assert "RUNS stands for the ids" in text(records)


def test_a_document_of_named_runs_is_made_again_of_named_runs() -> None:
    training = make_training("2")
    assert commands(make_records(training))[-1].endswith("--experiment-name reproduction")
    named = make_records(training, run_ids=(training.run_id,))
    assert commands(named)[-1].endswith("-P runs=RUNS")
    whole = make_full_records(run_ids=("a", "b", "c"))
    assert "RUNS" not in " ".join(commands(whole))


def test_another_data_set_is_named() -> None:
    records = make_records(make_training("1", data_digest="feed", data_name="shapes"))
    assert "-P data=FOLDER" in commands(records)[1]
    assert "FOLDER stands for the folder of the data set “shapes”" in text(records)
    assert "data=" not in " ".join(commands(make_full_records()))


def test_a_run_without_a_commit_is_said_to_have_none() -> None:
    records = make_records(make_training("1", git_commit=""))
    assert "The commit of some runs is not known." in text(records)
    assert commands(records)[0].startswith(RUN)


def test_only_the_terms_that_are_used_are_defined() -> None:
    terms = " ".join(provenance.definitions(Study.of(make_full_records())))
    for term in ("Spike", "Rest", "Level", "Overlap"):
        assert f"{term}" in terms
    calm = Study.of(make_records(make_training("2", codes=None)))
    intervals, hardest = provenance.definitions(calm)
    assert hardest.startswith("Hardest and easiest: classes are named together")
    assert "Only intervals that are said to hold together are corrected" in intervals
    assert "Where an interval is given, a difference is stated only beyond it;" in intervals
    assert "final error of a single training" in intervals
    seeds = Study.of(make_records(*(make_training("2", seed=s, codes=None) for s in (0, 1))))
    assert "final error of a single training" not in " ".join(provenance.definitions(seeds))
    silent = Study.of(make_full_records(observations=False))
    assert list(provenance.definitions(silent)) == []
