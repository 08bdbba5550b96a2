"""Headless Chromium, steered by WebDriver."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.remote.command import Command

from tests.support.programs import program

FLAGS = (
    "headless",
    "no-sandbox",  # which needs rights that a container does not give
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)


@contextmanager
def headless_chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """Run Chromium with the empty folder `profile` for its files; quit it at the end."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options, webdriver.ChromeService(program("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def console_messages(driver: webdriver.Chrome) -> list[str]:
    """Return what the console has said since the last call."""
    log = driver.execute(Command.GET_LOG, {"type": "browser"})["value"]
    return [entry["message"] for entry in log]
