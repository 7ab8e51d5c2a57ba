"""The dashboard's HTTP server: where it listens, and that it does so only where it may."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from importlib import import_module
from threading import Thread, Timer
from typing import TYPE_CHECKING, Final, Self

import uvicorn

from otel_analytics.errors import Refused
from otel_analytics.web.app import build_app
from otel_analytics.web.gate import MIN_TOKEN_CHARACTERS, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from otel_analytics.web.assets import Assets
    from otel_analytics.web.reader import Reader

__all__ = ["Listener", "serve"]

_DRAWINGS: Final = "otel_analytics.web.panels.drawings"
_AFTER_FIRST_PAGE_S: Final = 0.05


class Listener:
    """A socket that listens on an address that it may.

    Raises: Refused if other machines could reach it and there is no token, if the token is short,
        or if the address cannot be had
    """

    def __init__(self, host: str, port: int, *, token: str | None) -> None:
        if token is None and not is_loopback(host):
            raise Refused(
                f"--host {host}: other machines may reach this address, so a token is needed: set "
                "OTEL_ANALYTICS_DASHBOARD_TOKEN, or give --token"
            )
        if token is not None and len(token) < MIN_TOKEN_CHARACTERS:
            raise Refused(
                f"--token: take {MIN_TOKEN_CHARACTERS} characters or more, as those of "
                "`openssl rand -hex 16`"
            )
        self.token = token
        self.socket = _listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self.socket.getsockname()[1]}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        raise Refused(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another with --port "
            "or --host"
        ) from error
    return listening


def serve(
    listener: Listener,
    reader: Reader,
    assets: Assets,
    *,
    now: Callable[[], datetime],
    allows_query: bool,
) -> None:
    """Answer requests until the process is told to end, by an interrupt or by SIGTERM."""
    # uvicorn passes a signal on that it was ended by; this one would kill before homes are closed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # the first page needs it, and it may take seconds to make
    Thread(target=assets.vega, name="vega", daemon=True).start()
    # the first panels need these, once the page around them is out
    drawings = Timer(_AFTER_FIRST_PAGE_S, import_module, args=[_DRAWINGS])
    drawings.daemon = True
    drawings.start()
    app = build_app(reader, assets, now=now, token=listener.token, allows_query=allows_query)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # a log of addresses would hold the token
        server_header=False,
        timeout_graceful_shutdown=1,
        lifespan="off",
        # of what it could load more, nothing is needed
        loop="asyncio",
        http="h11",
        ws="none",
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener.socket])
