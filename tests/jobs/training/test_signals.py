"""What a command makes of Ctrl-C and its like."""

import os
import signal
from unittest.mock import Mock

import pytest

from jobs.training.signals import STOPPING, StopSignals, blocked


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


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in STOPPING]
    with StopSignals(Mock()):
        assert [signal.getsignal(number) for number in STOPPING] != before
    assert [signal.getsignal(number) for number in STOPPING] == before


def test_blocked_signals_come_later() -> None:
    stop = Mock()
    with StopSignals(stop):
        with blocked():
            send(signal.SIGTERM)
            assert not stop.called
        assert stop.called
