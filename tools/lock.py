"""Lock the dependencies: pyproject.toml -> requirements.lock -> conda.yaml.

`pyproject.toml` declares what the project needs, once. uv resolves it, with the development tools,
into `requirements.lock`, one version a package for every supported Python. `conda.yaml` repeats
the part that running needs, with inline pins: conda and uv name an environment by the text of that
file, so a version that changed elsewhere would go unnoticed.

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


def main() -> None:
    """Write both files."""
    lock = ROOT / "requirements.lock"
    compile_lock(lock, "--group", "dev", "--generate-hashes", *sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / "runtime.txt"
        compile_lock(runtime, "--constraint", str(lock), "--no-annotate")
        pins = re.findall(r"^[^\s#].*==.*$", runtime.read_text(), re.MULTILINE)
    text = "\n".join(f'      - "{pin.strip()}"' for pin in pins)
    (ROOT / "conda.yaml").write_text(CONDA.format(python=PYTHON, pins=text))


if __name__ == "__main__":
    main()
