"""Where commands leave word of trainings that the same command shall continue.

On one machine it is the folder of their states. On a cluster it is the store itself: a tag of their
runs, which a command in any folder, on any machine, finds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.tracking import Run, RunInfo, Store
from jobs.tracking.lease import outlasts
from jobs.tracking.ownership import is_at_work
from jobs.tracking.store import OWNER
from jobs.training.checkpoint import Checkpoint, saved_iteration, unfinished

UNFINISHED = "unfinished"
"""Tag of a run: `true` until the command that it is of has done all its work."""


IsWanted = Callable[[RunInfo], bool]


class Register(Protocol):
    """Trainings that are to be continued, finished or not."""

    def abandoned(self, is_wanted: IsWanted) -> Iterator[RunInfo]:
        """Yield those of the wanted runs that no command is at work on, newest first."""

    def add(self, run_id: str) -> None:
        """Note a training that begins."""

    def remove(self, run_id: str) -> None:
        """Forget a training, and delete its state."""

    def iteration(self, info: RunInfo) -> int:
        """Return how many updates the saved state of a run has behind it; 0 without one."""


@dataclass(frozen=True)
class FolderRegister:
    """The register of a folder of states."""

    store: Store
    folder: Path

    def abandoned(self, is_wanted: IsWanted) -> Iterator[RunInfo]:
        for run_id in unfinished(self.folder):
            run = Run(self.store.client, run_id)
            if not run.status() or is_at_work((info := run.info()).tags.get(OWNER, "")):
                continue
            if is_wanted(info):
                yield info

    def add(self, run_id: str) -> None:
        Checkpoint(run_id, self.folder).create()

    def remove(self, run_id: str) -> None:
        Checkpoint(run_id, self.folder).remove()

    def iteration(self, info: RunInfo) -> int:
        return Checkpoint(info.run_id, self.folder).iteration()


@dataclass(frozen=True)
class StoreRegister:
    """The register of an experiment, whose runs have the tag `UNFINISHED`."""

    store: Store

    def abandoned(self, is_wanted: IsWanted) -> Iterator[RunInfo]:
        at_work: dict[str, bool] = {}
        known = list(self.store.search(f"tags.{UNFINISHED} = 'true'"))
        for info in filter(is_wanted, known):
            owner = info.tags.get(OWNER, "")
            if owner not in at_work:
                at_work[owner] = is_at_work(owner) or outlasts(self.store, owner)
            if not at_work[owner]:
                yield info

    def add(self, run_id: str) -> None:
        Run(self.store.client, run_id).set_tags({UNFINISHED: "true"})

    def remove(self, run_id: str) -> None:
        Run(self.store.client, run_id).set_tags({UNFINISHED: "false"})

    def iteration(self, info: RunInfo) -> int:
        return saved_iteration(info)
