"""The command line: `python -m jobs train ...` and `python -m jobs report ...`.

MLproject's entry points call these commands; names and defaults are the same in both. An option is
text where an empty value means "as the recipe has it": so MLflow passes what was not given.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs.environment import prepare_environment
from jobs.terminal import mend_streams

app = typer.Typer(
    help="Train MNIST autoencoders, track them in MLflow, and write the submission document.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # messages stay on one line, for whoever searches a log
)

DATA_ERROR = 1


@app.command()
def train(
    setting: Annotated[
        str, typer.Option(help="all, 1, 2, 3, custom widths D1-D2-D3, or a comma list of these.")
    ] = "all",
    recipe: Annotated[
        str,
        typer.Option(
            help="fast: the assignment's error in less than a tenth of its time. quick: a quarter "
            "of that, for a first look. assignment: its own exact recipe, 100,000 iterations."
        ),
    ] = "fast",
    iterations: Annotated[str, typer.Option(help="Updates, instead of the recipe's.")] = "",
    learning_rate: Annotated[str, typer.Option(help="The step size (its peak).")] = "",
    batch_size: Annotated[str, typer.Option(help="Images in a mini-batch.")] = "",
    eval_every: Annotated[str, typer.Option(help="Iterations between test errors.")] = "",
    seeds: Annotated[str, typer.Option(help="One seed, or a comma list.")] = "0",
    pairs: Annotated[
        str, typer.Option(help="Pairs of digits to interpolate between.")
    ] = "3-8,4-9,1-7",
    precision: Annotated[
        str,
        typer.Option(
            help="float32; bfloat16 (matrix products only); or auto: bfloat16 where the processor "
            "has it."
        ),
    ] = "float32",
    workers: Annotated[
        str, typer.Option(help="Processes; 0 chooses from cores and trainings.")
    ] = "0",
    threads: Annotated[
        str,
        typer.Option(
            help="Threads of each training; 0 chooses. The same number gives the same bits, "
            "whatever else is trained."
        ),
    ] = "0",
    data: Annotated[
        Path, typer.Option(help="Folder with IDX files, gzipped or not, or the assignment's CSV.")
    ] = Path("data/mnist"),
    resume: Annotated[
        str, typer.Option(help="true: continue trainings of this plan that were interrupted.")
    ] = "true",
    author: Annotated[str, typer.Option(help="Name on the submission document.")] = "",
    notes: Annotated[str, typer.Option(help="Markdown file with your own words for it.")] = "",
) -> None:
    """Train one network for each setting and seed; with all three settings, write the report."""
    from jobs import parameters
    from jobs.tracking import StoreError

    overrides = {
        "iterations": iterations,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "eval_every": eval_every,
    }
    try:
        chosen = parameters.parse_recipe(recipe, overrides)
        trainings = parameters.parse_specs(setting, chosen, seeds, pairs, precision)
        processes = parameters.parse_count("workers", workers)
        threads_each = parameters.parse_count("threads", threads)
        resuming = parameters.parse_bool("resume", resume)
        parameters.check_notes(notes)
    except parameters.ParameterError as error:
        raise _bad_parameter(error) from None

    from aemodel.data import DataError
    from jobs.filesystem import NotWritable, resolve_path
    from jobs.training.command import train as run
    from jobs.training.runs import TrainOptions

    options = TrainOptions(
        data=resolve_path(str(data)),
        workers=processes,
        threads=threads_each,
        resume=resuming,
        author=author,
        notes=notes,
    )
    try:
        status = run(trainings, options)
    except parameters.ParameterError as error:
        raise _bad_parameter(error) from None
    except (DataError, NotWritable, StoreError) as error:
        _fail(str(error))
    raise typer.Exit(status)


@app.command()
def report(
    experiment: Annotated[
        str,
        typer.Option(help="MLflow experiment; empty: mnist-autoencoders, or as mlflow run says."),
    ] = "",
    runs: Annotated[
        str,
        typer.Option(
            help="Comma list of run ids; empty: the newest finished training of each setting."
        ),
    ] = "",
    author: Annotated[str, typer.Option(help="Name on the submission document.")] = "",
    notes: Annotated[str, typer.Option(help="Markdown file with your own words for it.")] = "",
    output: Annotated[Path, typer.Option(help="Folder to write the document to.")] = Path(
        "submission"
    ),
) -> None:
    """Write the submission document (PDF, HTML, Markdown) from the runs of an experiment."""
    from jobs import parameters

    try:
        run_ids = parameters.parse_run_ids(runs)
        parameters.check_notes(notes, output)
        parameters.check_output(output)
    except parameters.ParameterError as error:
        raise _bad_parameter(error) from None

    from jobs.filesystem import NotWritable, check_checkpoints_folder, checkpoints_folder
    from jobs.report import command
    from jobs.tracking import Store, StoreError

    try:
        store = Store.open(experiment, create=False)
        check_checkpoints_folder(checkpoints_folder())
        request = command.report_request(run_ids, author, notes, output)
        submission = command.build(command.collect_records(store, request))
        command.log_submission(store, submission)
        command.write_submission(submission, output)
    except (NotWritable, StoreError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"the document is kept in MLflow, but cannot be written to {output}: {error}")


def _bad_parameter(error: Exception) -> typer.BadParameter:
    """Return the usage error, exit status 2, that names the option."""
    parameter = str(getattr(error, "parameter", "")).replace("_", "-")
    return typer.BadParameter(str(error), param_hint=f"--{parameter}")


def _fail(message: str) -> None:
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(DATA_ERROR)


@app.command()
def store(
    experiment: Annotated[
        str, typer.Argument(help="MLflow experiment; empty: mnist-autoencoders.")
    ] = "",
) -> None:
    """Make the tracking store and an experiment, if they are missing.

    Unlike `mlflow run`, this is safe to interrupt, and to run several times at once.
    """
    from jobs.tracking import Store, StoreError

    try:
        Store.open(experiment)
    except StoreError as error:
        _fail(str(error))


if __name__ == "__main__":
    mend_streams()
    prepare_environment()
    app()
