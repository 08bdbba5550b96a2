"""Lock the dependencies: pyproject.toml -> requirements.lock -> requirements-gpu.lock, conda.yaml.

`pyproject.toml` declares what the project needs, once. uv resolves it, with the development tools,
into `requirements.lock`, one version a package for every supported Python. `conda.yaml` repeats
the part that running needs, with inline pins: conda and uv name an environment by the text of that
file, so a version that changed elsewhere would go unnoticed. `requirements-gpu.lock` has what a GPU
needs besides, 4 GB that nobody else has to load.

`make lock` keeps the versions that are locked already; `make upgrade` (`--upgrade`) takes the
newest that the bounds of pyproject.toml admit.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = "3.11"

PIN = re.compile(r"^([A-Za-z0-9_.-]+)==", re.MULTILINE)
"""The name of a package that a lock has."""

CONDA = """\
# Written by `make lock` from pyproject.toml and requirements.lock. Do not edit.
name: mnist-autoencoders
channels:
  - conda-forge
dependencies:
  - python={python}
  - pip
  - pip:
{pins}
"""


def compile_lock(output: Path, *arguments: str) -> None:
    """Resolve pyproject.toml into `output`; uv keeps the versions there unless told to upgrade."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--fork-strategy", "fewest"]
    command += ["--python-version", PYTHON, "--no-header", *arguments]
    subprocess.run([*command, "pyproject.toml", "-o", str(output)], cwd=ROOT, check=True)


def lock_gpu(lock: Path, *arguments: str) -> None:
    """Write into `requirements-gpu.lock` what the extra `gpu` adds to `lock`."""
    target = ROOT / "requirements-gpu.lock"
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "gpu.lock"
        if target.exists():
            whole.write_text(target.read_text())  # uv keeps these versions
        options = ("--extra", "gpu", "--constraint", str(lock), "--no-annotate")
        compile_lock(whole, *options, "--generate-hashes", *arguments)
        locked = set(PIN.findall(lock.read_text()))
        blocks = re.split(r"^(?=\S)", whole.read_text(), flags=re.MULTILINE)
    added = (block for block in blocks if block and not locked.issuperset(PIN.findall(block)))
    target.write_text("".join(added))


def main() -> None:
    """Write all three files."""
    lock = ROOT / "requirements.lock"
    compile_lock(lock, "--group", "dev", "--generate-hashes", *sys.argv[1:])
    lock_gpu(lock, *sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / "runtime.txt"
        compile_lock(runtime, "--constraint", str(lock), "--no-annotate")
        pins = re.findall(r"^[^\s#].*==.*$", runtime.read_text(), re.MULTILINE)
    text = "\n".join(f'      - "{pin.strip()}"' for pin in pins)
    (ROOT / "conda.yaml").write_text(CONDA.format(python=PYTHON, pins=text))


if __name__ == "__main__":
    main()
