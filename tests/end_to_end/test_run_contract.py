"""What users' scripts rely on in a run of each kind: names may be added, none may go or change."""

import re
from pathlib import Path

import pytest
import yaml
from mlflow.entities import Run

from tests.support.project import ROOT
from tests.support.workspace import Ended, Workspace

RECIPE = {
    *("recipe", "optimizer", "iterations", "batch_size", "eval_every", "learning_rate"),
    *("schedule", "warmup_iterations", "beta_1", "beta_2", "epsilon", "nesterov"),
}
PARAMS = RECIPE | {
    *("setting", "widths", "latent_size", "d1", "d2", "d3"),
    *("seed", "precision", "device", "threads", "data_digest", "pairs"),
}
"""Of a training; `d1` to `d3` if it has three widths."""

TYPED = {
    *("setting", "recipe", "iterations", "learning_rate", "batch_size", "eval_every", "seeds"),
    *(
        "pairs",
        "precision",
        "device",
        "workers",
        "threads",
        "backend",
        "scheduler",
        "data",
        "resume",
    ),
    *("author", "notes"),
}
"""What `mlflow run` logs in the run it makes, as it was typed."""

RESOLVED = {f"resolved.{name}" for name in ("learning_rate", "batch_size", "eval_every")}
"""What was used where nothing was typed."""

CURVES = {"test_mse", "train_mse", "learning_rate", "iterations_per_second", "seconds"}
METRICS = CURVES | {
    *("final_test_mse", "best_test_mse", "best_iteration", "train_seconds"),
    *("pca_test_mse", "knn_accuracy", "real_nearest_mse"),
    *(f"mse_digit_{digit}" for digit in range(10)),
}

LIBRARIES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib", "mlflow", "joblib")
TAGS = {
    *("kind", "version.python", *(f"version.{library}" for library in LIBRARIES)),
    *("mlflow.runName", "mlflow.user", "mlflow.source.name", "mlflow.note.content"),
}
MACHINE = {"host", "processor"}
"""Of a training."""

FRACTIONS = [f"{tenth / 10}" for tenth in range(11)]
ARTIFACTS = {
    *("curve/recreation_err.csv", "curve/reconstruction_error.png"),
    *("embedding/low_dimension_embedding.csv", "embedding/mnist_test_labels.csv"),
    "embedding/test_index.csv",
    *("embedding/neighbour_shares.csv", "embedding/embedding_2d.png", "embedding/test_mse.csv"),
    "embedding/pca_test_mse.csv",
    *("reconstructions.csv", "reconstructions.png", "samples.png", "explorer.html"),
    *("generated/gaussian.csv", "generated/gaussian.png", "generated/mixture.csv"),
    *("generated/mixture.png", "generated/mixture.npz"),
    *(f"images/reconstructions.{ending}" for ending in ("png", "webp")),
}
"""Of a training, in the form of `shortened`, but for those of the pairs."""

PAIR = {
    *("nearest.csv", "strip.png"),
    *(f"recreation_{fraction}.csv" for fraction in FRACTIONS),
    *(f"img_{fraction}.png" for fraction in FRACTIONS),
}
"""In the folder of each pair, such as `interpolation/3-to-8`."""

OF_TWO_DIMENSIONS = {"manifold.png"}

SUBMISSION = {
    *("submission.pdf", "submission.html", "submission.md", "submission-source.zip"),
    *("figures/reconstructions.svg", "figures/curves.svg", "figures/latent-size.svg"),
    *(f"figures/pair-{pair}.svg" for pair in ("3-8", "4-9", "1-7")),
    *("figures/embedding.png", "figures/manifold.png"),
}


@pytest.fixture(scope="module")
def place(assignment: Ended) -> Workspace:
    return assignment.place


@pytest.fixture(scope="module")
def sweep(place: Workspace) -> Run:
    (found,) = place.runs(kind="sweep")
    return found


@pytest.fixture(scope="module")
def children(place: Workspace, sweep: Run) -> dict[str, Run]:
    """The runs that the command made below the sweep, by name."""
    below = place.runs(**{"mlflow.parentRunId": sweep.info.run_id})
    return {str(run.info.run_name): run for run in below}


def shortened(path: str) -> str:
    """Return the path of an artifact, without what differs among the pictures of a series."""
    return re.sub(r"[+]step[+].*[.]", ".", path)


def artifacts(place: Workspace, run: Run, below: str = "") -> set[str]:
    folder = place.artifacts(run) / below
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {shortened(str(path.relative_to(folder))) for path in paths}


def missing(wanted: set[str], present: set[str]) -> list[str]:
    return sorted(wanted - present)


def test_the_settings_have_colours_of_their_own_in_the_ui(children: dict[str, Run]) -> None:
    trainings = [run for run in children.values() if run.data.tags["kind"] == "training"]
    assert len({run.data.tags["mlflow.runColor"] for run in trainings}) == len(trainings) == 3


@pytest.mark.parametrize("setting", ["1", "2", "3"])
def test_a_training(place: Workspace, children: dict[str, Run], setting: str) -> None:
    run = children[f"setting-{setting} assignment seed-0"]
    assert run.data.tags["kind"] == "training"
    assert missing(PARAMS, set(run.data.params)) == []
    assert missing(METRICS, set(run.data.metrics)) == []
    tags = TAGS | MACHINE | {"mlflow.parentRunId", "mlflow.loggedImages"}
    assert missing(tags, set(run.data.tags)) == []
    wanted = ARTIFACTS | {f"interpolation/{p}/{n}" for p in ("3-to-8", "4-to-9", "1-to-7")
                          for n in PAIR}  # fmt: skip
    wanted |= OF_TWO_DIMENSIONS if setting == "1" else set()
    assert missing(wanted, artifacts(place, run)) == []
    assert run.inputs is not None
    sets = {(i.dataset.name, i.tags[0].key, i.tags[0].value) for i in run.inputs.dataset_inputs}
    assert sets == {
        (f"mnist {context} set", "mlflow.data.context", context)
        for context in ("training", "testing")
    }
    assert place.model_uri(run)


@pytest.mark.parametrize("metric", sorted(CURVES))
def test_curves_have_a_point_for_each_evaluation(
    place: Workspace, children: dict[str, Run], metric: str
) -> None:
    steps = [step for step, _ in place.curve(children["setting-2 assignment seed-0"], metric)]
    assert steps == [0, 20, 40, 60, 80]


def test_a_training_that_mlflow_run_started(launched: Ended) -> None:
    (run,) = launched.place.runs(kind="training")
    assert missing(TYPED | PARAMS | RESOLVED, set(run.data.params)) == []
    assert missing(METRICS, set(run.data.metrics)) == []
    assert missing(TAGS | {"mlflow.project.entryPoint"}, set(run.data.tags)) == []
    assert missing(ARTIFACTS | OF_TWO_DIMENSIONS, artifacts(launched.place, run)) == []


def test_what_mlflow_run_takes() -> None:
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    assert missing(TYPED, set(entry_points["main"]["parameters"])) == []
    wanted = {"experiment", "runs", "author", "notes", "output"}
    assert missing(wanted, set(entry_points["report"]["parameters"])) == []


def test_a_sweep(sweep: Run) -> None:
    assert missing({"data_digest"}, set(sweep.data.params)) == []
    assert missing(TAGS, set(sweep.data.tags)) == []


def test_a_report(place: Workspace, children: dict[str, Run]) -> None:
    run = children["report"]
    assert run.data.tags["kind"] == "report"
    assert missing(TAGS | {"mlflow.parentRunId"}, set(run.data.tags)) == []
    assert missing(SUBMISSION, artifacts(place, run, "submission")) == []


def test_the_output_folder(place: Workspace, children: dict[str, Run]) -> None:
    folder = place.folder / "submission"
    written = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert missing(SUBMISSION, written) == []
    assert missing(artifacts(place, children["report"], "submission"), written) == []


# --- The README lists them -------------------------------------------------------------------

README = (ROOT / "README.md").read_text()


def named(text: str) -> set[str]:
    """Return what is set as code in a text."""
    return set(re.findall(r"`([^`\n]+)`", text))


def test_the_readme_lists_the_artifacts_of_a_training(
    place: Workspace, children: dict[str, Run]
) -> None:
    start = README.index("| artifact |")
    rows = README[start : README.index("\n\n", start)]
    for path in artifacts(place, children["setting-1 assignment seed-0"]):
        folder, _, name = path.rpartition("/")
        if folder.startswith("interpolation/"):
            folder, name = "interpolation/3-to-8", re.sub(r"[0-9][.][0-9]", "0.0", name)
        row = rows if not folder else next(r for r in rows.splitlines() if f"`{folder}/`" in r)
        assert name in named(row) or folder == "images", path


def test_the_readme_lists_the_files_of_the_document(
    place: Workspace, children: dict[str, Run]
) -> None:
    start = README.index("`submission/` then holds")
    listed = named(README[start : README.index("\n\n", start)])
    for path in artifacts(place, children["report"], "submission"):
        top = Path(path).parts[0]
        assert (top if top == path else f"{top}/") in listed, path
