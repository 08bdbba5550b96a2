"""The command line: `python -m jobs train ...`, `study ...`, `report ...` and `store ...`.

MLproject's entry points call these commands; names and defaults are the same in both. MLflow passes
on what was not given as an empty text: an option that may be empty has its default then.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

import typer

from jobs.environment import prepare_environment
from jobs.terminal import mend_streams

T = TypeVar("T", int, float)

DATA_ERROR = 1
"""Exit status of what the user typed rightly and yet cannot be done."""

app = typer.Typer(
    help="Train MNIST autoencoders, track them in MLflow, and write the submission document.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # messages stay on one line, for whoever searches a log
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _number_or_empty(kind: type[T], article: str) -> Callable[[str], T | None]:
    """Return a parser of a number, or of an empty text that gives None."""

    def parse(text: str) -> T | None:
        try:
            if "_" in text or not text.isascii():  # such as 1_000, which Python would read
                raise ValueError
            return kind(text) if text.strip() else None
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not {article} number") from None

    return parse


def _show_version(value: bool) -> None:
    if value:
        from jobs.version import version

        typer.echo(version())
        raise typer.Exit


WholeNumber = _number_or_empty(int, "a whole")
Number = _number_or_empty(float, "a")
TrueOrFalse = Literal["true", "false"]

RecipeName = Annotated[
    Literal["fast", "quick", "assignment"],
    typer.Option(
        help="fast: the assignment's error in less than a tenth of its time. quick: a quarter "
        "of that, for a first look. assignment: its own exact recipe, 100,000 iterations."
    ),
]
Iterations = Annotated[
    int | None,
    typer.Option(parser=WholeNumber, metavar="INTEGER", help="Updates, instead of the recipe's."),
]
Seeds = Annotated[str, typer.Option(help="A seed, a range such as 0-4, or a comma list of these.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option(
        help="float32; bfloat16 (matrix products only); or auto: bfloat16 if the device has "
        "instructions for it, but float32 for the assignment's recipe."
    ),
]
Device = Annotated[
    Literal["cpu", "gpu"],
    typer.Option(help="cpu: the processor. gpu: an NVIDIA GPU, which all trainings share."),
]
Workers = Annotated[
    int,
    typer.Option(
        min=0,
        max=1024,
        help="Processes; 0 chooses from cores and trainings. On a cluster: trainings at a time; "
        "0: as many as it takes.",
    ),
]
Backend = Annotated[
    Literal["local", "dask"],
    typer.Option(help="local: this machine. dask: the cluster of a Dask scheduler."),
]
Scheduler = Annotated[
    str,
    typer.Option(
        help="Address of the Dask scheduler, such as tcp://host:8786; empty: "
        "DASK_SCHEDULER_ADDRESS."
    ),
]
Data = Annotated[
    Path, typer.Option(help="Folder with IDX files, gzipped or not, or the assignment's CSV.")
]
Resume = Annotated[
    TrueOrFalse,
    typer.Option(
        case_sensitive=False,
        help="true: continue the same trainings if they were interrupted. false: begin anew.",
    ),
]
Author = Annotated[str, typer.Option(help="Name on the submission document.")]
Notes = Annotated[str, typer.Option(help="Markdown file with your own words for it.")]
Observations = Annotated[
    TrueOrFalse,
    typer.Option(
        case_sensitive=False,
        help="false: the document asks for your own observations instead of stating the program's.",
    ),
]


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Train MNIST autoencoders, track them in MLflow, and write the submission document."""


@app.command(short_help="Train networks; with all three settings, write the report.")
def train(
    setting: Annotated[
        str,
        typer.Option(
            help="all, 1, 2, 3, custom widths such as 256-64-8 (the last is the latent size), or a "
            "comma list of these; what is named twice counts once."
        ),
    ] = "all",
    recipe: RecipeName = "fast",
    iterations: Iterations = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(parser=Number, metavar="FLOAT", help="The step size (its peak)."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(parser=WholeNumber, metavar="INTEGER", help="Images in a mini-batch."),
    ] = None,
    eval_every: Annotated[
        int | None,
        typer.Option(
            parser=WholeNumber, metavar="INTEGER", help="Iterations between two test errors."
        ),
    ] = None,
    seeds: Seeds = "0",
    pairs: Annotated[
        str, typer.Option(help="Pairs of classes to interpolate between.")
    ] = "3-8,4-9,1-7",
    precision: Precision = "auto",
    device: Device = "cpu",
    workers: Workers = 0,
    threads: Annotated[
        int,
        typer.Option(
            min=0,
            max=1024,
            help="Threads of each training; 0 chooses. The same number gives the same bits, "
            "whatever else is trained.",
        ),
    ] = 0,
    backend: Backend = "local",
    scheduler: Scheduler = "",
    data: Data = Path("data/mnist"),
    resume: Resume = "true",
    author: Author = "",
    notes: Notes = "",
    observations: Observations = "true",
) -> None:
    """Train one network for each setting and seed; with all three settings, write the report."""
    from jobs import parameters
    from jobs.filesystem import output_folder

    overrides = {
        "iterations": iterations,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "eval_every": eval_every,
    }
    try:
        chosen = parameters.parse_recipe(recipe, overrides)
        specs = parameters.parse_specs(setting, chosen, seeds, pairs, precision, device)
        parameters.check_notes(notes, output_folder())
        cluster = parameters.parse_scheduler(backend, scheduler)
        parameters.check_device(device, cluster)
    except parameters.ParameterError as error:
        raise _bad_parameter(error) from None

    from jobs.filesystem import resolve_path
    from jobs.training.command import train as run
    from jobs.training.runs import TrainOptions

    options = TrainOptions(
        data=resolve_path(str(data)),
        workers=workers,
        threads=threads or (1 if cluster else 0),
        scheduler=cluster,
        resume=resume == "true",
        author=author,
        notes=notes,
        observations=observations == "true",
    )
    _exit_after(lambda: run(specs, options))


@app.command(short_help="Train networks that differ in latent size and seed alone.")
def study(
    hidden: Annotated[
        str, typer.Option(help="Widths of the encoder's hidden layers, outermost first.")
    ] = "512-128",
    latent: Annotated[str, typer.Option(help="Comma list of latent sizes.")] = "1,2,4,8,16,32,64",
    seeds: Seeds = "0,1,2",
    recipe: RecipeName = "quick",
    iterations: Iterations = None,
    precision: Precision = "auto",
    device: Device = "cpu",
    workers: Workers = 0,
    threads: Annotated[
        int, typer.Option(min=0, max=1024, help="Threads of each training; 0 means one.")
    ] = 0,
    backend: Backend = "local",
    scheduler: Scheduler = "",
    data: Data = Path("data/mnist"),
    resume: Resume = "true",
) -> None:
    """Train one network for each latent size and seed, alike in all else, for the error alone.

    The trainings take turns, and their runs keep their curves alone; a table and a figure of error
    against latent size are in the run above them.
    """
    from jobs import parameters

    try:
        chosen = parameters.parse_recipe(recipe, {"iterations": iterations})
        specs = parameters.parse_study(hidden, latent, chosen, seeds, precision, device)
        cluster = parameters.parse_scheduler(backend, scheduler)
        parameters.check_device(device, cluster)
    except parameters.ParameterError as error:
        raise _bad_parameter(error) from None

    from jobs.filesystem import resolve_path
    from jobs.training.runs import TrainOptions
    from jobs.training.study import study as run

    options = TrainOptions(
        data=resolve_path(str(data)),
        workers=workers,
        threads=threads or 1,
        scheduler=cluster,
        resume=resume == "true",
        kind="study",
    )
    _exit_after(lambda: run(specs, options))


@app.command(short_help="Write the submission document from the runs of an experiment.")
def report(
    experiment: Annotated[
        str,
        typer.Option(help="MLflow experiment; empty: mnist-autoencoders, or as mlflow run says."),
    ] = "",
    runs: Annotated[
        str,
        typer.Option(
            help="Comma list of run ids, of trainings or of a command that trained several; empty: "
            "the newest finished training of each setting."
        ),
    ] = "",
    author: Author = "",
    notes: Notes = "",
    observations: Observations = "true",
    output: Annotated[Path, typer.Option(help="Folder to write the document to.")] = Path(
        "submission"
    ),
) -> None:
    """Write the submission document (PDF, HTML, Markdown) from the runs of an experiment."""
    from jobs import parameters
    from jobs.filesystem import output_folder

    output = output_folder(output)
    try:
        run_ids = parameters.parse_run_ids(runs)
        parameters.check_notes(notes, output)
        parameters.check_output(output)
    except parameters.ParameterError as error:
        raise _bad_parameter(error) from None

    from dataclasses import replace

    from jobs.filesystem import NotWritable, check_checkpoints_folder, checkpoints_folder
    from jobs.report import command
    from jobs.tracking import Store, StoreError
    from jobs.training.outcome import INTERRUPTED
    from jobs.training.signals import StopSignals

    try:
        with StopSignals(lambda: None) as signals, signals.at_once():
            store = Store.open(experiment, create=False)
            check_checkpoints_folder(checkpoints_folder())
            request = command.report_request(run_ids, author, notes, output)
            request = replace(request, observations=observations == "true")
            submission = command.build(command.collect_records(store, request))
            command.log_submission(store, submission)
            command.write_submission(submission, output)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except (NotWritable, StoreError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"the document is kept in MLflow, but cannot be written to {output}: {error}")


@app.command(short_help="Make the tracking store; clean up.")
def store(
    experiment: Annotated[
        str, typer.Argument(help="MLflow experiment; empty: mnist-autoencoders.")
    ] = "",
    port: Annotated[
        int, typer.Option(help="Say where the experiment is in a UI that serves this port.")
    ] = 0,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete the states of unfinished trainings.")
    ] = False,
) -> None:
    """Make the tracking store and an experiment, if they are missing.

    Unlike `mlflow run`, this is safe to interrupt, and to run several times at once.
    """
    from jobs.filesystem import checkpoints_folder
    from jobs.tracking import Store, StoreError
    from jobs.training.checkpoint import AtWork, remove_unfinished

    try:
        opened = Store.open(experiment)
        if clean:
            removed = remove_unfinished(checkpoints_folder())
            typer.echo(f"States of unfinished trainings that were deleted: {removed}")
    except (AtWork, StoreError) as error:
        _fail(str(error))
    if port:
        typer.echo(f"The experiment is at {opened.link(port=port)}")


def _exit_after(run: Callable[[], int]) -> NoReturn:
    """Train, and exit with the status that `run` returns, or with that of what stopped it."""
    from aemodel.data import DataError
    from jobs.filesystem import NotWritable
    from jobs.parameters import ParameterError
    from jobs.tracking import StoreError
    from jobs.training.preflight import ClusterError

    try:
        status = run()
    except ParameterError as error:
        raise _bad_parameter(error) from None
    except (ClusterError, DataError, NotWritable, StoreError) as error:
        _fail(str(error))
    raise typer.Exit(status)


def _bad_parameter(error: Exception) -> typer.BadParameter:
    """Return the usage error, exit status 2, that names the option."""
    parameter = str(getattr(error, "parameter", "")).replace("_", "-")
    return typer.BadParameter(str(error), param_hint=f"'--{parameter}'")


def _fail(message: str) -> NoReturn:
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(DATA_ERROR)


if __name__ == "__main__":
    mend_streams()
    prepare_environment()
    app()
