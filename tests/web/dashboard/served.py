"""A dashboard as a reader meets it: the program in a process of its own, and requests to it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.cli.shell import Shell

__all__ = ["Answer", "Dashboard", "serving"]


@dataclass(frozen=True)
class Answer:
    """What the dashboard answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Dashboard:
    """One that runs at this address, over the home of this shell."""

    address: str
    shell: Shell

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask(path, headers, None)

    def post(self, path: str, body: bytes, **headers: str) -> Answer:
        return self._ask(path, headers, body)

    def _ask(self, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(  # noqa: S310 - the dashboard's own address
            self.address + path.removeprefix("/"), body, named
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


@contextmanager
def serving(shell: Shell, *options: object) -> Iterator[Dashboard]:
    """Run the dashboard of a working folder on a free port."""
    process = shell.start("dashboard", "--port", "0", *options)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + process.stderr.read()
        yield Dashboard(found[0], shell)
    finally:
        process.terminate()
        process.communicate(timeout=30)
