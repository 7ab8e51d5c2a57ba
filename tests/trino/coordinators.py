"""A server that answers as a coordinator does, without a Trino behind it."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

__all__ = ["STATS", "Coordinator", "coordinator"]

STATS = {"physicalInputBytes": 7, "queuedTimeMillis": 20, "elapsedTimeMillis": 520}


class Coordinator:
    """A server that answers with the pages that it is given, one after the other.

    A page is a document, a text, or what gives one of these; or a pair of an HTTP status and such.
    """

    def __init__(self, pages: list[Any], tls: ssl.SSLContext | None) -> None:
        self.pages = pages
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.statements: list[str] = []
        self.scheme = "https" if tls else "http"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.statements.append(body.decode())
                self._answer()

            def do_GET(self) -> None:
                self._answer()

            def do_DELETE(self) -> None:
                outer.asked.append(("DELETE", self.path, dict(self.headers)))
                self.send_response(204)
                self.end_headers()

            def _answer(self) -> None:
                outer.asked.append((self.command, self.path, dict(self.headers)))
                page = outer.pages.pop(0)
                status, body = page if isinstance(page, tuple) else (200, page)
                body = body() if callable(body) else body
                text = body if isinstance(body, str) else json.dumps(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self.server = _Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self.server.server_port)

    def page(self, **more: Any) -> dict[str, Any]:
        return {"id": "20260101_000000_00001_abcde", "infoUri": "x", "stats": STATS, **more}

    def next_uri(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/next"


class _Server(HTTPServer):
    def handle_error(self, *_arguments: Any) -> None:
        """Say nothing of a client that hangs up."""


@contextmanager
def coordinator(*pages: Any, tls: ssl.SSLContext | None = None) -> Iterator[Coordinator]:
    """Open a server on loopback, and close it."""
    opened = Coordinator(list(pages), tls)
    thread = threading.Thread(target=opened.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield opened
    finally:
        opened.server.shutdown()
        thread.join()
        opened.server.server_close()
