"""After the trainings: the report, the run above them, what the user is told, the exit status."""

import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from jobs import assignment
from jobs.parameters import OUTPUT
from jobs.tracking import Run, StoreAway, patiently
from jobs.training.channel import Board
from jobs.training.runs import Options, Plan, describe_sweep
from jobs.training.worker import Outcome

T = TypeVar("T")

FAILED, INTERRUPTED = 1, 130
"""Exit statuses; 130 after Ctrl-C is what shells use."""


class Insist(Protocol):
    """Calls an action, again and again while the store is away."""

    def __call__(self, action: Callable[[], T], /) -> T: ...


def conclude(plan: Plan, outcomes: Sequence[Outcome], options: Options, board: Board) -> int:
    """Report, describe the run above, say what happened; return the exit status."""
    stopped = board.stop_requested
    failed = [outcome for outcome in outcomes if outcome.status in ("FAILED", "UNSENT")]
    away = any(outcome.status == "UNSENT" for outcome in outcomes)
    status = INTERRUPTED if stopped else FAILED if failed else 0

    def insist(action: Callable[[], T], /) -> T:
        return patiently(
            action,
            plan.store.tracking_uri,
            notice=lambda text: print(text, file=sys.stderr, flush=True),
            give_up=lambda: away or board.stop_requested,
        )

    print(_summary(outcomes))
    report_run = ""
    if not (stopped or away) and assignment.covers(task.job.setting for task in plan.tasks):
        report_run = _report(plan, outcomes, options, insist)
        status = status if report_run else FAILED
    if plan.parent:
        ending = partial(_end_parent, plan.parent, plan, outcomes, status, report_run)
        try:
            insist(ending)
        except StoreAway as error:
            status = status or FAILED
            print(f"The run above the trainings could not be ended: {error}", file=sys.stderr)
    if status == 0:
        for checkpoint in plan.checkpoints:
            checkpoint.remove()
    print(f"In the MLflow UI, after make ui: {plan.store.link()}")
    for outcome in failed:
        print(
            f"{outcome.status} {outcome.name}, run {outcome.run_id}: {outcome.reason}",
            file=sys.stderr,
        )
    if stopped:
        print("Interrupted: the same command continues from here.", file=sys.stderr)
    return status


def _end_parent(
    parent: Run, plan: Plan, outcomes: Sequence[Outcome], status: int, report_run: str
) -> None:
    text = describe_sweep([task.job for task in plan.tasks]) + "\n" + _table(outcomes)
    if report_run:
        text += f"\nThe submission document: [report run]({plan.store.link(report_run)})\n"
    parent.describe(text)
    reasons = [f"{o.name}: {o.reason}" for o in outcomes if o.status != "FINISHED"]
    ended = {0: "FINISHED", FAILED: "FAILED", INTERRUPTED: "KILLED"}[status]
    parent.end(ended, "; ".join(reasons))


def _report(
    plan: Plan,
    outcomes: Sequence[Outcome],
    options: Options,
    insist: Insist,
) -> str:
    """Build the submission document; return the id of its run, or nothing where that failed."""
    from jobs.report import command

    run_ids = tuple(outcome.run_id for outcome in outcomes)
    try:
        request = command.report_request(run_ids, options.author, options.notes, OUTPUT)
        records = insist(lambda: command.collect_records(plan.store, request))
        submission = command.build(records)
        report_id = insist(lambda: command.log_submission(plan.store, submission, plan.parent))
        command.write_submission(submission, OUTPUT)
        return report_id
    except (StoreAway, OSError) as error:
        print(error, file=sys.stderr)
    except Exception:
        traceback.print_exc()
    print(
        "The trainings are kept, but the submission document could not be built; once the "
        "cause above is mended, `make report` builds it.",
        file=sys.stderr,
    )
    return ""


def _table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
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


def _summary(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as lines for a terminal."""
    return "\n".join(
        f"{o.name}: {o.status}"
        + (
            f", test MSE {o.metrics['final_test_mse']:.5f} (best {o.metrics['best_test_mse']:.5f}, "
            f"PCA {o.metrics['pca_test_mse']:.5f})"
            if o.metrics
            else ""
        )
        for o in outcomes
    )
