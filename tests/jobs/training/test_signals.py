"""What a command makes of Ctrl-C and its like."""

import os
import signal
import subprocess
import sys
import threading
import time
from unittest.mock import Mock

import pytest

from jobs.training.signals import STOPPING, StopSignals
from tests.support.project import ROOT


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", STOPPING)
def test_the_first_signal_asks_to_stop(number: signal.Signals) -> None:
    stop = Mock()
    with StopSignals(stop) as signals:
        send(number)
        assert signals.requested
    stop.assert_called_once_with()


def test_the_second_ctrl_c_stops_at_once() -> None:
    with StopSignals(Mock()):
        send(signal.SIGTERM)
        send(signal.SIGTERM)  # a service manager repeats itself
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


@pytest.mark.parametrize("number", STOPPING)
def test_without_a_state_to_save_the_first_signal_stops_at_once(number: signal.Signals) -> None:
    stop = Mock()
    with StopSignals(stop) as signals:
        with pytest.raises(KeyboardInterrupt), signals.at_once():
            send(number)
        assert signals.requested
        assert not stop.called


class Interrupted:
    """Whose destructor Ctrl-C comes amid: Python ignores what is raised there."""

    def __del__(self) -> None:
        send(signal.SIGINT)


def drop_and_wait() -> None:
    Interrupted()
    time.sleep(10)


def test_ctrl_c_amid_a_destructor_is_not_lost() -> None:
    with StopSignals(Mock()):
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            drop_and_wait()


def test_nor_on_a_machine_too_busy_to_start_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    start, begun = threading.Timer.start, []

    def slow_at_first(timer: threading.Timer) -> None:
        start(timer)
        begun.append(timer)
        if len(begun) == 1:
            time.sleep(0.1)  # it fires meanwhile

    monkeypatch.setattr(threading.Timer, "start", slow_at_first)
    with StopSignals(Mock()):
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            drop_and_wait()
    assert len(begun) == 2


def test_handlers_are_put_back() -> None:
    before, hook = [signal.getsignal(number) for number in STOPPING], sys.unraisablehook
    with StopSignals(Mock()):
        assert [signal.getsignal(number) for number in STOPPING] != before
    assert [signal.getsignal(number) for number in STOPPING] == before
    assert sys.unraisablehook == hook


BLOCKED = """
import os, signal
from unittest.mock import Mock
from jobs.training.signals import StopSignals, blocked
stop = Mock()
with StopSignals(stop):
    with blocked():
        os.kill(os.getpid(), signal.SIGTERM)
        assert not stop.called
    assert stop.called
"""


def test_blocked_signals_come_later() -> None:
    """In a process of its own: a thread of another test's library would take the signal."""
    command = [sys.executable, "-c", BLOCKED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
