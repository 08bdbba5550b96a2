"""The page's JavaScript modules that need no browser, tested in Node (20 or newer)."""

import subprocess
from pathlib import Path

from tests.support.programs import program

UNIT_TESTS = Path(__file__).with_name("modules.test.mjs")


def test_modules_in_node() -> None:
    command = [program("node"), "--test", str(UNIT_TESTS)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
