"""The command line: `python -m benchmarks` and its smaller studies."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.work import PROJECT

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

Python = Annotated[Path, typer.Option(help="Python that has benchmarks/requirements.txt.")]
PEERS_PYTHON = PROJECT / ".venv-bench" / "bin" / "python"
RESULTS = PROJECT / "benchmarks" / "results.md"


@app.callback(invoke_without_command=True)
def peers(
    context: typer.Context,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; in each, every engine once.")] = 3,
    iterations: Annotated[
        int, typer.Option(min=100, help="Iterations timed, a multiple of 100.")
    ] = 300,
    peers_python: Python = PEERS_PYTHON,
    results: Annotated[Path, typer.Option(help="Where the table goes.")] = RESULTS,
) -> None:
    """Time our engine beside its peers, on the same work; write the table."""
    if context.invoked_subcommand:
        return
    from benchmarks import peers_run

    if iterations % 100:
        raise typer.BadParameter(f"iterations={iterations} is not a multiple of 100")
    with tempfile.TemporaryDirectory() as folder:
        raise typer.Exit(peers_run.run(rounds, iterations, Path(folder), peers_python, results))


@app.command()
def overhead(
    settings: Annotated[list[str] | None, typer.Argument(help="1, 2, 3 or all.")] = None,
    iterations: int = 100,
) -> None:
    """Show where the train command spends its time when it hardly trains."""
    from benchmarks.overhead import show

    for setting in settings or ["1", "all"]:
        show(setting, iterations)


@app.command()
def scaling(rounds: int = 2, seeds: int = 6, iterations: int = 1000) -> None:
    """Show what trainings cost a cluster and its server, and what many workers would."""
    from benchmarks.scaling import show

    show(rounds, seeds, iterations)


@app.command()
def startup_memory() -> None:
    """Show the start-up time and the memory of one training process."""
    from benchmarks.startup import show

    show()


@app.command()
def sharing(
    iterations: Annotated[int, typer.Option(min=100, help="Iterations timed.")] = 300,
) -> None:
    """Simulate plans of sharing the cores among trainings, from measured single-training costs."""
    from benchmarks.sharing import show

    with tempfile.TemporaryDirectory() as folder:
        show(iterations, Path(folder))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
