"""What a function of the pipeline takes to be imported: `python -m bench.start [ROUNDS]`.

Each import is a process of its own, over the package as it is deployed; boto3, which Lambda has, is
told apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from otel_analytics.aws.packaging import build_package, this_machine
from otel_analytics.config import Settings

__all__ = ["main"]

HANDLERS = (
    *("query_builder", "checks_builder", "table_publisher", "activity_refresher", "log_sweep"),
)
_IMPORT = """
import importlib, json, time
times = [time.perf_counter()]
for name in ("boto3", "otel_analytics.aws.lambdas.{handler}"):
    importlib.import_module(name)
    times.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(times, times[1:])]))
"""


def main() -> None:
    """Print the package's size, and the median seconds of each function's import."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        package = build_package("pipeline.zip", folder, settings=Settings(), target=this_machine())
        print(f"pipeline.zip: {package.stat().st_size / 1e6:.1f} MB")
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder / "unpacked")
        for handler in HANDLERS:
            seconds = [_import(handler, folder / "unpacked") for _ in range(rounds + 1)][1:]
            boto3, ours = (median(column) for column in zip(*seconds, strict=True))
            print(f"{handler}: {ours:.2f} s after {boto3:.2f} s of boto3 (median of {rounds})")


def _import(handler: str, package: Path) -> list[float]:
    # the package before what is installed here, and without this project's own folder
    path = os.pathsep.join((str(package), sysconfig.get_path("purelib")))
    done = subprocess.run(
        [sys.executable, "-S", "-c", _IMPORT.format(handler=handler)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=package,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
