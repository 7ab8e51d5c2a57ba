"""Files that pages load: our style and script, and Vega's out of its installed package."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Final

from otel_analytics.web.vega import vega_bundle

__all__ = ["Assets"]

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_OWN: Final = ("style.css", "dashboard.js", "icon.svg")
_VEGA: Final = "vega.js"


@dataclass(slots=True)
class Assets:
    """The files, each under an address that changes with what is in it.

    To bundle Vega takes seconds, so the bundle is kept in `cache`, if there is one.
    """

    cache: Path | None
    _own: dict[str, bytes] = field(default_factory=dict)
    _vega: bytes | None = None
    _turn: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        folder = resources.files(__package__) / "static"
        self._own = {name: (folder / name).read_bytes() for name in _OWN}

    def address(self, name: str) -> str:
        """Return the address of a file.

        Raises: KeyError if there is no such file
        """
        return f"/static/{self._version(name)}/{name}"

    def find(self, version: str, name: str) -> tuple[bytes, str] | None:
        """Return the content and the type of the file at an address, if there is one."""
        if name not in (*self._own, _VEGA) or version != self._version(name):
            return None
        content = self.vega() if name == _VEGA else self._own[name]
        return content, f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8"

    def vega(self) -> bytes:
        """Return Vega's bundle."""
        with self._turn:
            if self._vega is None:
                self._vega = self._kept() or self._made()
            return self._vega

    def _version(self, name: str) -> str:
        if name == _VEGA:
            return version("vl-convert-python")
        return sha256(self._own[name]).hexdigest()[:12]

    @property
    def _file(self) -> Path | None:
        return self.cache / f"vega-{self._version(_VEGA)}.js" if self.cache else None

    def _kept(self) -> bytes | None:
        if self._file is not None:
            with suppress(OSError):
                return self._file.read_bytes()
        return None

    def _made(self) -> bytes:
        content = vega_bundle().encode()
        if self._file is not None:
            # only speed is lost where nothing may be written
            with suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                descriptor, name = tempfile.mkstemp(dir=self._file.parent)
                with os.fdopen(descriptor, "wb") as unfinished:
                    unfinished.write(content)
                Path(name).replace(self._file)
        return content
