"""The command line as a person meets it: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from otel_analytics.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROGRAM", "Ended", "Shell", "ended"]

PROGRAM = Path(sys.executable).with_name("otel-analytics")


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Stdout, which is one JSON document and nothing else."""
        return json.loads(self.stdout)

    @property
    def message(self) -> str:
        """The message of a command that did not do what it was asked."""
        assert "Traceback" not in self.stderr
        assert self.stdout == ""
        assert self.stderr.startswith("otel-analytics: "), self.stderr
        assert self.stderr.count("\notel-analytics: ") == 0, self.stderr
        return self.stderr.removeprefix("otel-analytics: ").rstrip("\n")


@dataclass(frozen=True)
class Shell:
    """Commands in one working folder, its home inside; `environment` is all they see of ours."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / ".otel-analytics"

    @property
    def lake(self) -> Path:
        return self.home / "s3" / "otel-analytics" / "lake"

    def run(self, *arguments: object, stdin: str | bytes = "") -> Ended:
        """Call the program inside this process."""
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
        ours = {k: v for k, v in os.environ.items() if not _concerns_us(k)}
        with (
            chdir(self.folder),
            redirect_stdout(streams[0]),
            redirect_stderr(streams[1]),
            mock.patch.object(
                sys,
                "stdin",
                io.TextIOWrapper(io.BytesIO(stdin if isinstance(stdin, bytes) else stdin.encode())),
            ),
            mock.patch.object(sys, "argv", ["otel-analytics", *map(str, arguments)]),
            mock.patch.dict(os.environ, {**ours, **self.environment}, clear=True),
        ):
            try:
                main()
            except SystemExit as stop:
                exit_code = stop.code
        texts = []
        for stream in streams:
            stream.flush()
            texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
        assert isinstance(exit_code, int)
        return Ended(exit_code, *texts)

    def done(self, *arguments: object, stdin: str = "") -> Ended:
        """Call the program, which must do what it is asked."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.exit_code == 0, ended.stderr
        return ended

    def refused(self, *arguments: object, stdin: str | bytes = "") -> str:
        """Return the message of a command that is refused."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.exit_code == 2, ended
        return ended.message

    def failed(self, *arguments: object, stdin: str = "") -> str:
        """Return the message of a command that fails after it began."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.exit_code == 1, ended
        return ended.message

    def query(self, sql: str, *options: str) -> list[dict[str, Any]]:
        rows = self.done("query", sql, "--json", *options).json
        assert isinstance(rows, list)
        return rows

    def start(self, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start the program as a process of its own."""
        ours = {k: v for k, v in os.environ.items() if not _concerns_us(k)}
        return subprocess.Popen(
            [*prefix, PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            env={**ours, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def with_environment(self, **environment: str) -> Shell:
        return replace(self, environment={**self.environment, **environment})


def _concerns_us(variable: str) -> bool:
    return variable.startswith("OTEL_ANALYTICS_") or variable == "MIN_DATA_DATE"


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process and return what it left."""
    stdout, stderr = process.communicate(timeout=60)
    return Ended(process.returncode, stdout, stderr)
