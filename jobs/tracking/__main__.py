"""The command line: `python -m jobs.tracking` makes the store before `mlflow run` would."""

from typing import Annotated

import typer

from jobs.terminal import mend_streams
from jobs.tracking import EXPERIMENT, Store, StoreError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def make(
    experiment: Annotated[str, typer.Argument(help="MLflow experiment.")] = EXPERIMENT,
) -> None:
    """Make the tracking store and an experiment, where they are missing.

    Other than `mlflow run`, which does it too, this may be cut off, and may run several times at
    once.
    """
    try:
        Store.open(experiment)
    except StoreError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    mend_streams()
    app()
