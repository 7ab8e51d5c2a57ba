"""The zip files of the Lambdas: this package, the libraries that a function needs, its settings.

Libraries come as wheels for the platform of the functions, in the versions that are installed
here. A zip with the same content is the same bytes, so that deploying it again changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tomlkit

import otel_analytics
from otel_analytics.config import SETTINGS_FILE, settings_table
from otel_analytics.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_analytics.config import Settings

__all__ = ["LAMBDA", "PACKAGES", "Target", "build_package", "settings_file", "this_machine"]

# A zip that holds no other times than this is the same whenever it is made.
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
_CHECKS_FOLDER: Final = "checks"
# Settings of who deploys: a function has its role, its region, and no other account.
_NOT_PACKAGED: Final = ("home", "engine", "aws.")
_WEB_ROOM: Final = "web"

# name: the libraries in it. boto3 is there: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
# pyarrow is what makes the log processor large: 156 MB of the 250 that a function may have. duckdb
# would be smaller, but `ingest` decodes into Arrow, and there shall be one decoder.
PACKAGES: Final = {
    "pipeline.zip": ("sqlglot", "tzdata"),
    "log-processor.zip": ("msgspec", "opentelemetry-proto", "protobuf", "pyarrow", "tzdata"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a package is to run on: the Python, and the platforms of wheels that it takes."""

    python: str
    platforms: tuple[str, ...]

    @property
    def interpreter(self) -> str | None:
        """An interpreter here of that Python, to compile for it; None if there is none."""
        names = (sys.executable, f"python{self.python}")
        for name in filter(None, map(shutil.which, names)):
            asked = "import sys; print('%d.%d' % sys.version_info[:2])"
            found = subprocess.run([name, "-c", asked], capture_output=True, text=True, check=False)
            if found.stdout.strip() == self.python:
                return name
        return None


# Amazon Linux 2023 has glibc 2.34.
LAMBDA: Final = Target(
    "3.13", ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
)


def this_machine() -> Target:
    """Return the Python and the machine that this runs on, for an emulator of Lambda."""
    machine = platform.machine()
    wheels = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
    python = ".".join(platform.python_version_tuple()[:2])
    return Target(python, tuple(f"{one}_{machine}" for one in wheels))


def build_package(name: str, folder: Path, *, settings: Settings, target: Target) -> Path:
    """Return the zip file `name` of the package of that name, written into `folder`.

    Without an interpreter of the target's Python here, the code in it is not compiled.

    Raises: Failed if a library cannot be had
    """
    with tempfile.TemporaryDirectory() as scratch:
        content = Path(scratch)
        _install(PACKAGES[name], content, target)
        _copy_package(content)
        _write_settings(content, settings)
        if interpreter := target.interpreter:
            _compile(content, interpreter)
        return _zip(content, folder / name)


def _install(libraries: tuple[str, ...], folder: Path, target: Target) -> None:
    """Put the libraries' wheels into a folder, nothing that they depend on."""
    platforms = [text for name in target.platforms for text in ("--platform", name)]
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in libraries]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", target.python, *platforms, "--target", str(folder), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(
            f"pip could not get {', '.join(wanted)} for Python {target.python} on "
            f"{target.platforms[0]}: {done.stderr.strip()[-500:]}"
        )
    shutil.rmtree(folder / "bin", ignore_errors=True)  # scripts, with paths of this machine


def _copy_package(folder: Path) -> None:
    source = Path(otel_analytics.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", _WEB_ROOM)
    shutil.copytree(source, folder / source.name, ignore=ignored)


def _write_settings(folder: Path, settings: Settings) -> None:
    (folder / SETTINGS_FILE).write_text(settings_file(settings), "utf-8")
    if settings.checks.folder:
        shutil.copytree(settings.checks.folder, folder / _CHECKS_FOLDER)


def settings_file(settings: Settings) -> str:
    """Return the settings that are not the default ones as a settings file of a package."""
    document = tomlkit.document()
    for name, value in _changed(settings):
        group, _, inner = name.rpartition(".")
        table = document.setdefault(group, tomlkit.table()) if group else document
        table[inner] = list(value) if isinstance(value, tuple) else value
    return tomlkit.dumps(document)


def _changed(settings: Settings) -> Iterator[tuple[str, object]]:
    for setting in settings_table():
        value: object = settings
        for part in setting.name.split("."):
            value = getattr(value, part)
        if setting.name == "checks.folder" and value:
            value = _CHECKS_FOLDER
        if value != setting.default and not setting.name.startswith(_NOT_PACKAGED):
            yield setting.name, value


def _compile(folder: Path, interpreter: str) -> None:
    """Compile what is in a folder, since a function cannot write and would do it at each start."""
    # By hash, since what is written into a zip has no time.
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder)]
    # A library may have a file for another Python; that one stays as it is.
    subprocess.run([interpreter, "-m", "compileall", *options, str(folder)], check=False)


def _zip(content: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(content).as_posix(), _NO_TIME)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return file
