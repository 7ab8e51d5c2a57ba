"""Ctrl-C while something waits."""

from __future__ import annotations

import signal
import threading

import pytest

from otel_analytics.local.interrupts import interrupt_calls


def test_an_interrupt_is_raised_only_once_what_is_inside_has_ended() -> None:
    happened = []

    def wait() -> None:
        with interrupt_calls(lambda: happened.append("cancelled")):
            signal.raise_signal(signal.SIGINT)
            happened.append("ended")

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert happened == ["cancelled", "ended"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_raised_whatever_else_the_inside_ends_with() -> None:
    def fail() -> None:
        with interrupt_calls(lambda: None):
            signal.raise_signal(signal.SIGINT)
            raise ValueError

    with pytest.raises(KeyboardInterrupt):
        fail()


def test_whoever_has_chosen_what_an_interrupt_does_keeps_it() -> None:
    happened = []
    before = signal.signal(signal.SIGINT, lambda *_: happened.append("theirs"))
    try:
        with interrupt_calls(lambda: happened.append("ours")):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert happened == ["theirs"]


def test_another_thread_than_the_main_one_leaves_interrupts_alone() -> None:
    found = []

    def look() -> None:
        with interrupt_calls(lambda: None):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
