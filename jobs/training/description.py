"""What users read of trainings: descriptions of runs, Markdown, and lines for the terminal."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from jobs.report.records import SizeErrors
from jobs.spec import TrainingSpec
from jobs.training.outcome import Outcome

ALL = (
    "See `curve/`, `embedding/`, `interpolation/`, `reconstructions.png` and `explorer.html` among "
    "the artifacts.\n"
)
CURVE_ONLY = "Its error curve is among the artifacts, in `curve/`; the network is not kept.\n"
"""What is said of the artifacts of a training, and of one of a study."""


def describe(
    spec: TrainingSpec, metrics: Mapping[str, float] | None = None, *, curve_only: bool = False
) -> str:
    """Return a training's description, Markdown: what it is and, at the end, what came out."""
    setting, recipe = spec.setting, spec.recipe
    widths = " → ".join(map(str, setting.layer_widths))
    text = (
        f"MNIST autoencoder, setting {setting.name}: {widths}, "
        f"{setting.parameter_count:,} parameters. Recipe `{recipe.name}`, "
        f"{recipe.iterations:,} iterations at batch {recipe.batch_size}, seed {spec.seed}, "
        f"{spec.precision}{', on a GPU' * (spec.device == 'gpu')}.\n"
    )
    if metrics is None:
        return text
    return text + (
        f"\n| | test MSE per pixel |\n| --- | --- |\n"
        f"| final | **{metrics['final_test_mse']:.5f}** |\n"
        f"| best, at iteration {metrics['best_iteration']:,.0f} "
        f"| {metrics['best_test_mse']:.5f} |\n"
        f"| PCA with {setting.latent_size} components | {metrics['pca_test_mse']:.5f} |\n\n"
        + (CURVE_ONLY if curve_only else ALL)
    )


def describe_sweep(
    specs: Sequence[TrainingSpec], outcomes: Sequence[Outcome] = (), report_link: str = ""
) -> str:
    """Return the description of the run above the trainings, Markdown."""
    recipe = specs[0].recipe
    what = (
        f"{len(specs)} MNIST autoencoders trained in parallel"
        if len(specs) > 1
        else "An interrupted training, continued"
    )
    text = (
        f"{what}: recipe `{recipe.name}`, {recipe.iterations:,} iterations at batch "
        f"{recipe.batch_size}. Curves, models and pictures are in the runs below this one.\n"
    )
    if outcomes:
        text += "\n" + _table(outcomes) + _over_seeds(specs, outcomes)
    if report_link:
        text += f"\nThe submission document: [report run]({report_link})\n"
    return text


def _over_seeds(specs: Sequence[TrainingSpec], outcomes: Sequence[Outcome]) -> str:
    """Return mean and standard deviation of the final errors of settings with several seeds."""
    finals: dict[str, list[float]] = {}
    for spec, outcome in zip(specs, outcomes, strict=True):
        if outcome.metrics:
            finals.setdefault(spec.setting.name, []).append(outcome.metrics["final_test_mse"])
    lines = [
        f"- setting {name}: {mean(errors):.5f} ± {stdev(errors):.5f} over {len(errors)} seeds\n"
        for name, errors in finals.items()
        if len(errors) > 1
    ]
    if not lines:
        return ""
    return "\nFinal test MSE, mean ± standard deviation:\n\n" + "".join(lines)


def describe_study(
    specs: Sequence[TrainingSpec], outcomes: Sequence[Outcome], sizes: Sequence[SizeErrors]
) -> str:
    """Return the description of the run of a study, Markdown."""
    setting, recipe = specs[0].setting, specs[0].recipe
    hidden = "-".join(map(str, setting.hidden_widths))
    finished = sum(len(size.errors) for size in sizes)
    text = (
        f"Error against latent size, hidden layers {hidden}, recipe `{recipe.name}`, "
        f"{recipe.iterations:,} iterations: {finished} of {len(outcomes)} trainings finished. "
        "Each is in a run below this one, with its error curve.\n"
    )
    if not sizes:
        return text
    lines = [
        "| latent size | final test MSE, mean | seeds | PCA |",
        "| --: | --: | --: | --: |",
        *(
            f"| {s.latent_size} | {mean(s.errors):.5f} | {len(s.errors)} | {s.pca:.5f} |"
            for s in sizes
        ),
    ]
    return text + "\n" + "\n".join(lines) + "\n"


def _table(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "| training | final test MSE | best | PCA | minutes |",
        "| --- | --: | --: | --: | --: |",
    ]
    for outcome in outcomes:
        if m := outcome.metrics:
            numbers = [f"{m[f'{kind}_test_mse']:.5f}" for kind in ("final", "best", "pca")]
            cells = [outcome.name, *numbers, f"{m['train_seconds'] / 60:.1f}"]
        else:
            cells = [outcome.name, outcome.status, "", "", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as lines for a terminal: the errors, and the ids to go on with."""
    return "\n".join(map(_summary, outcomes))


def _summary(outcome: Outcome) -> str:
    line, m = f"{outcome.name}: {outcome.status}", outcome.metrics
    if m:
        line += (
            f", test MSE {m['final_test_mse']:.5f} (best {m['best_test_mse']:.5f}, "
            f"PCA {m['pca_test_mse']:.5f})"
        )
    line += f"\n  run {outcome.run_id}"
    return line + (f", model models:/{outcome.model_id}" if outcome.model_id else "")
