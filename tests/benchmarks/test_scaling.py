"""What is counted on the way to a tracking server."""

from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import pytest

from benchmarks.scaling import CountingLine, endpoint
from tests.support.databases import served


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/2.0/mlflow/runs/log-batch", "runs/log-batch"),
        ("/api/2.0/mlflow/runs/get?run_id=abc", "runs/get"),
        ("/api/2.0/mlflow-artifacts/artifacts/1/abc/artifacts/curve/a.csv", "artifacts"),
        ("/health", "/health"),
    ],
)
def test_requests_are_counted_by_what_they_ask_for(path: str, name: str) -> None:
    assert endpoint(path) == name


def test_requests_and_bytes_are_counted(tmp_path: Path) -> None:
    with served(tmp_path, "sqlite") as server:
        line = CountingLine(server)
        for _ in range(3):
            with urlopen(f"{line.address}/health", timeout=30) as answer:
                assert answer.read() == b"OK"
        counts = line.taken()
        assert counts.requests == Counter({"/health": 3})
        assert counts.to_server > 100
        assert counts.from_server > 100
        assert line.taken().requests == Counter()
        line.close()
