"""The programs that some tests run and that pip does not install."""

import os
import shutil

import pytest

DEBIAN_PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver", "node": "nodejs"}


def program(name: str) -> str:
    """Return the path of one of `DEBIAN_PACKAGES`.

    Where it is not on the PATH the test that asks is skipped, or fails if the environment variable
    CI is set: there every test has to run.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    message = (
        f"the program {name} is not on the PATH: install it, on Debian from the package "
        f"{DEBIAN_PACKAGES[name]}"
    )
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
