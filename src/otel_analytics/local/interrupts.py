"""Interrupts, which Python raises wherever its main thread happens to be."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["interrupt_calls"]


@contextmanager
def interrupt_calls(cancel: Callable[[], None]) -> Iterator[None]:
    """Have Ctrl-C call `cancel`, and be raised only once what is inside has ended.

    Raised at once, it may come between a lock that is taken and the block that would give it back,
    and whoever needs that lock waits for ever.

    Raises: KeyboardInterrupt in the end, if there was one
    Source: https://docs.python.org/3/library/signal.html#note-on-signal-handlers-and-exceptions
    """
    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or before is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def take(_number: int, _frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        cancel()

    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt
