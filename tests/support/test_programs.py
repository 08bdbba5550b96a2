"""A missing program fails the tests in CI and skips them elsewhere; either way it is named."""

from pathlib import Path

import pytest

from tests.support.programs import DEBIAN_PACKAGES, program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_program_on_the_path_is_found(path: Path) -> None:
    file = path / "node"
    file.touch(mode=0o755)
    assert program("node") == str(file)


@pytest.mark.parametrize("name", DEBIAN_PACKAGES)
@pytest.mark.usefixtures("path")
def test_missing_program_skips(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"{name} .* package {DEBIAN_PACKAGES[name]}$"):
        program(name)


@pytest.mark.usefixtures("path")
def test_missing_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"chromedriver .* package chromium-driver$"):
        program("chromedriver")
