"""The programs that some tests run and that pip does not install."""

import os
import shutil

import pytest

DEBIAN_PACKAGES = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "node": "nodejs",
    "initdb": "postgresql",
    "pg_ctl": "postgresql",
}


def program(name: str, *folders: str) -> str:
    """Return the path of one of `DEBIAN_PACKAGES`; `folders` are searched after the PATH.

    Where it is in none of them the test that asks is skipped, or fails if the environment variable
    CI is set: there every test has to run.
    """
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *folders]))
    if path is not None:
        return path
    message = (
        f"the program {name} is not on the PATH: install it, on Debian from the package "
        f"{DEBIAN_PACKAGES[name]}"
    )
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
