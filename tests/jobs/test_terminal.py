"""Standard output and error that can always be written to."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.terminal import mend_streams
from tests.support.project import ROOT

SAY = """
import sys
from jobs.terminal import mend_streams
mend_streams()
for stream in (sys.stdout, sys.stderr):
    for _ in range(3):
        print("é " * 10_000, file=stream, flush=True)
open(sys.argv[1], "w").write("done")
"""


@pytest.mark.parametrize(
    "redirections",
    [">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full", "| true", "2>&1 | true"],
)
def test_a_process_says_what_nobody_reads(redirections: str, tmp_path: Path) -> None:
    """Streams that are closed, on a full disk, or a pipe that nobody reads any more."""
    done = tmp_path / "done"
    script = f'"$0" -c "$1" "$2" {redirections}; exit "${{PIPESTATUS[0]}}"'
    ended = subprocess.run(
        ["bash", "-c", script, sys.executable, SAY, str(done)], cwd=ROOT, timeout=60
    )
    assert ended.returncode == 0
    assert done.read_text() == "done"


def test_a_character_that_the_terminal_lacks_becomes_a_question_mark() -> None:
    code = "from jobs.terminal import mend_streams; mend_streams(); print('naïve → ok')"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONIOENCODING": "ascii"},
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, b"na?ve ? ok\n")


def test_lines_are_written_at_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    mend_streams()
    print("out")
    print("err", file=sys.stderr)
    assert capfd.readouterr() == ("out\n", "err\n")
