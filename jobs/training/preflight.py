"""What is checked of a cluster before anything is trained on it.

A worker runs its own copy of the project, on its own copy of the data, and writes to the tracking
server itself. `inspect_worker` finds out there how things are, `problems` compares: whatever would
make a result differ, or be lost, is known before a run is made, with the worker's name and the
remedy.
"""

import hashlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from aemodel.data import DataError, load_dataset
from aemodel.device import NO_GPU, hardware
from jobs.environment import prepare_environment, short_timeouts
from jobs.filesystem import is_writable
from jobs.tracking import Store, StoreError, git_commit, versions
from jobs.tracking.experiment import try_to_write
from jobs.tracking.lease import CLOCK_SECONDS

PROJECT = Path(__file__).parents[2]
SOURCES = ("aemodel", "jobs")
"""Folders of the project whose code decides what a training does."""

RESOURCE = "training"
"""Resource of a worker: the trainings that it takes at a time, one."""

START_WORKER = f"python -m dask worker <scheduler> --nthreads 1 --resources {RESOURCE}=1"

START_SERVER = (
    "start a server that all machines reach, `mlflow server --host 0.0.0.0 --allowed-hosts "
    "'<its name>:5000' --backend-store-uri postgresql://... --serve-artifacts "
    "--artifacts-destination <folder>`, and set MLFLOW_TRACKING_URI to http://<its name>:5000"
)


class ClusterError(Exception):
    """The cluster cannot be trained on; the message says why and what to do."""


@dataclass(frozen=True)
class Request:
    """What a worker is asked to look at: plain values."""

    data: str
    """Absolute path of the data here."""
    project_data: str
    """The same, relative to the project; empty if it is elsewhere."""
    tracking_uri: str
    experiment_id: str
    states: str
    """Folder for states that all machines share; empty for none."""
    device: str = "cpu"
    """Where the trainings are to be computed."""
    probe: str = ""
    """A file in that folder, while the workers are looked at."""

    @classmethod
    def of(cls, store: Store, data: Path, states: Path | None, device: str) -> "Request":
        is_inside = data.resolve().is_relative_to(PROJECT)
        return cls(
            data=str(data),
            project_data=str(data.resolve().relative_to(PROJECT)) if is_inside else "",
            tracking_uri=store.tracking_uri,
            experiment_id=store.experiment_id,
            states=str(states or ""),
            device=device,
        )


def locate(data: str, project_data: str) -> str:
    """Return where the data is on this machine: in the project's copy, or at the same path."""
    own = PROJECT / project_data
    return str(own) if project_data and own.exists() else data


@dataclass(frozen=True, kw_only=True)
class Code:
    """What runs: a training of the same spec has the same result where this is the same."""

    commit: str
    sources: str
    """Digest of all files of code."""
    versions: Mapping[str, str]

    @classmethod
    def here(cls) -> "Code":
        digest = hashlib.sha256()
        for path in sorted(p for name in SOURCES for p in (PROJECT / name).rglob("*.py")):
            digest.update(f"{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
        named = {name.removeprefix("version."): text for name, text in versions().items()}
        for name in ("dask", "distributed"):
            try:
                named[name] = version(name)
            except PackageNotFoundError:
                named[name] = "missing"
        return cls(commit=git_commit(), sources=digest.hexdigest(), versions=named)

    def differences(self, there: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the code on a worker, whose `Code` is given as plain values."""
        found = []
        if there["commit"] != self.commit:
            found.append(
                f"its copy of the project is at commit {there['commit'][:10] or 'none'}, this one "
                f"at {self.commit[:10] or 'none'}: check out the same one there"
            )
        elif there["sources"] != self.sources:
            found.append(
                "its copy of the project has other code than this one, at the same commit: see "
                "`git status` in both"
            )
        for name, wanted in self.versions.items():
            if (has := there["versions"].get(name, "missing")) != wanted:
                found.append(f"it has {name} {has}, this machine {wanted}: install the same there")
        return found


def inspect(request: Request) -> dict[str, Any]:
    """Return how things are on this machine, as plain values; errors as texts."""
    prepare_environment()
    facts: dict[str, Any] = {
        "code": asdict(Code.here()),
        "host": socket.gethostname(),
        "processor": hardware(request.device),
        "digest": "",
        "error": "",
    }
    try:
        facts["digest"] = load_dataset(Path(locate(request.data, request.project_data))).digest
        with short_timeouts():
            try_to_write(request.tracking_uri, request.experiment_id)
    except (DataError, StoreError) as error:
        facts["error"] = str(error)
    if request.probe and not (Path(request.probe).exists() and is_writable(Path(request.states))):
        facts["error"] = (
            f"the folder of states {request.states} is not the same there, or cannot be written: "
            "let CHECKPOINTS name a folder that all machines share, or unset it"
        )
    if request.device == "gpu" and not facts["processor"]:
        no_gpu = f"{NO_GPU}: leave it out of the cluster, or leave device out"
        facts["error"] = "; ".join(filter(None, (facts["error"], no_gpu)))
    return facts | {"clock": time.time()}


async def inspect_worker(request: Request, dask_worker: Any) -> dict[str, Any]:
    """Return `inspect` of a worker, and how it was started; called on the worker by Dask."""
    import asyncio

    started = {
        "threads": dask_worker.state.nthreads,
        "resource": dask_worker.state.total_resources.get(RESOURCE, 0),
    }
    return started | await asyncio.to_thread(inspect, request)


def problems(code: Code, digest: str, there: Mapping[str, Any], now: float) -> list[str]:
    """Return what is wrong with a worker.

    Args:
        code: of the command.
        digest: of the data that the command trains on.
        there: what `inspect_worker` returned.
        now: time on this machine, in seconds since 1970.
    """
    found = code.differences(there["code"])
    if there["threads"] != 1 or there["resource"] != 1:
        found.append(f"it takes several trainings at a time: start it with `{START_WORKER}`")
    if there["error"]:
        found.append(there["error"])
    elif there["digest"] != digest:
        found.append(
            f"its data has the digest {there['digest']}, this machine's {digest}: copy the data"
        )
    if abs(there["clock"] - now) > CLOCK_SECONDS:
        found.append(f"its clock is {there['clock'] - now:+.0f} s off: synchronize the clocks")
    return found


def require_shared(store: Store) -> None:
    """Refuse a store, or a place of artifacts, that is of one machine alone.

    Raises:
        ClusterError: with what to do instead.
    """
    if store.tracking_uri.startswith(("sqlite:", "file:", "/")) or "://" not in store.tracking_uri:
        raise ClusterError(
            f"the tracking store {store.address} is a file of this machine, which a cluster's "
            f"workers do not reach: {START_SERVER}"
        )
    location = store.client.get_experiment(store.experiment_id).artifact_location
    if urlparse(location).scheme in ("", "file"):
        raise ClusterError(
            f"experiment {store.experiment!r} keeps its artifacts in {location}, a folder of one "
            f"machine: give another experiment (--experiment-name) of a server that serves "
            f"artifacts; {START_SERVER}"
        )


def summarized(found: Mapping[str, Sequence[str]]) -> str:
    """Return the problems of workers as one text, each with the names of those who have it."""
    workers: dict[str, list[str]] = {}
    for worker, texts in found.items():
        for text in texts:
            workers.setdefault(text, []).append(worker)
    return "\n".join(f"worker {', '.join(names)}: {text}" for text, names in workers.items())
