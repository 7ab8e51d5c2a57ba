"""Decodes blocks into Arrow batches, here or in a pool of processes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_analytics.lake.blocks import Block, Decoded, Unreadable
from otel_analytics.lake.decode_json import decode_json
from otel_analytics.lake.decode_protobuf import decode_protobuf
from otel_analytics.lake.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.config import Keys

__all__ = ["Decoder", "decode_block", "decoder"]

Decoder: TypeAlias = "Callable[[Block], Future[Decoded]]"

# Sending a smaller block to another process costs about as much as decoding it here.
_WORTH_SENDING_BYTES: Final = 1 << 16


def decode_block(block: Block, keys: Keys) -> Decoded:
    """Return the rows and the unreadable parts of a block."""
    decoded = Decoded()
    rows = Rows(keys)
    for message in block.messages:
        if block.kind == "json":
            decode_json(message, rows, decoded)
        elif block.kind == "protobuf":
            decode_protobuf(message, rows, decoded)
        else:
            decoded.set_aside(Unreadable(message.position, None, block.reason, message.data))
    for day, batch in rows.batches():
        decoded.batches.append((day, batch.serialize().to_pybytes()))
        decoded.written += batch.num_rows
    decoded.without_service = rows.without_service
    decoded.invalid_ids = rows.invalid_ids
    return decoded


@contextmanager
def decoder(keys: Keys, *, processes: int) -> Iterator[Decoder]:
    """Provide a function that decodes a block: at once, or in one of `processes` processes.

    The processes are spawned, not forked: Arrow and whoever calls this may hold threads.
    """
    if processes < 2:
        yield lambda block: _done(block, keys)
        return
    with ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare_process
    ) as pool:
        for _ in range(processes):
            pool.submit(os.getpid)  # the processes start while the first source is being read

        def decode(block: Block) -> Future[Decoded]:
            if block.size < _WORTH_SENDING_BYTES:
                return _done(block, keys)
            return pool.submit(decode_block, block, keys)

        try:
            yield decode
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _done(block: Block, keys: Keys) -> Future[Decoded]:
    future: Future[Decoded] = Future()
    try:
        future.set_result(decode_block(block, keys))
    except Exception as error:  # noqa: BLE001 - raised again by whoever asks for the result
        future.set_exception(error)
    return future


def _prepare_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops this one in order
    gc.disable()  # decoding makes no cycles, and its many small objects make collections dear
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent has died, which its queue alone does not tell it."""
    wait([parent])
    os._exit(1)
