"""What goes into a package, and that it is the same bytes whenever it is made."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from datetime import date
from typing import TYPE_CHECKING

import pytest

from otel_analytics.aws.packaging import (
    LAMBDA,
    PACKAGES,
    Target,
    build_package,
    settings_file,
    this_machine,
)
from otel_analytics.config import SETTINGS_FILE, Settings, load_settings
from otel_analytics.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = {
    "timezone": "Asia/Seoul",
    "min_data_date": "2025-01-01",
    "keys.user": "customer.id,user.id",
    "events.max_names": "50",
    "source.partition_is_event_date": "false",
    "athena.database": "shop",
    "budget.max_scan": "10GB",
    "prices.athena_usd_per_tb": "4.5",
}


def test_the_packaged_settings_are_those_of_the_deployment(tmp_path: Path) -> None:
    settings = load_settings(environment={}, flags=CHANGED)
    (tmp_path / SETTINGS_FILE).write_text(settings_file(settings))
    assert load_settings(file=tmp_path / SETTINGS_FILE, environment={}) == settings
    assert settings.min_data_date == date(2025, 1, 1)


def test_settings_that_are_the_default_ones_are_not_written() -> None:
    assert settings_file(Settings()) == ""


def test_settings_of_who_deploys_are_not_packaged() -> None:
    of_mine = {"engine": "aws", "home": "~/logs", "aws.profile": "me", "aws.region": "us-east-1"}
    assert settings_file(load_settings(environment={}, flags=of_mine)) == ""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's package for this machine, with a check of one's own in it."""
    folder = tmp_path_factory.mktemp("package")
    checks = folder / "own"
    checks.mkdir()
    (checks / "mine.sql").write_text("-- a check")
    settings = load_settings(environment={}, flags={**CHANGED, "checks.folder": str(checks)})
    return build_package("pipeline.zip", folder, settings=settings, target=this_machine())


def test_the_query_builders_package_is_small(package: Path) -> None:
    assert package.stat().st_size < 10_000_000


def test_the_query_builders_package_for_lambda_is_small_and_for_any_machine(
    tmp_path: Path,
) -> None:
    package = build_package("pipeline.zip", tmp_path, settings=Settings(), target=LAMBDA)
    assert package.stat().st_size < 10_000_000
    with zipfile.ZipFile(package) as archive:
        assert not [name for name in archive.namelist() if ".so" in name]


def test_a_package_has_the_settings_and_the_checks(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extract(SETTINGS_FILE, tmp_path)
        assert archive.read("checks/mine.sql") == b"-- a check"
    settings = load_settings(file=tmp_path / SETTINGS_FILE, environment={})
    assert settings.timezone == "Asia/Seoul"
    assert settings.checks.folder == str(tmp_path / "checks")


def test_the_same_content_is_the_same_bytes(package: Path, tmp_path: Path) -> None:
    settings = load_settings(
        environment={}, flags={**CHANGED, "checks.folder": str(package.parent / "own")}
    )
    again = build_package("pipeline.zip", tmp_path, settings=settings, target=this_machine())
    assert again.read_bytes() == package.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["query_builder", "checks_builder", "table_publisher", "activity_refresher", "log_sweep"],
)
def test_a_function_of_the_pipeline_needs_only_what_is_packaged_and_boto3(
    package: Path, tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    script = f"""
import sys
import boto3
before = set(sys.modules)
sys.path.insert(0, {str(tmp_path)!r})
from otel_analytics.aws.lambdas import {name}
loaded = [sys.modules[one] for one in set(sys.modules) - before]
files = [one.__file__ for one in loaded if getattr(one, "__file__", None)]
import sysconfig
ours, python = {str(tmp_path)!r}, sysconfig.get_path("stdlib")
print(*(one for one in files if not one.startswith((ours, python)) or "site-packages" in one))
"""
    command = [sys.executable, "-X", "frozen_modules=off", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    foreign = [file for file in done.stdout.split() if not _is_boto(file)]
    assert foreign == []


def _is_boto(file: str) -> bool:
    libraries = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
    libraries += ("mypy_extensions",)  # sqlglot does without it
    return any(f"/site-packages/{name}" in file for name in libraries)


def test_a_package_is_compiled_for_its_python(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    compiled = [name for name in names if name.endswith(f".{sys.implementation.cache_tag}.pyc")]
    sources = [name for name in names if name.endswith(".py") and name.startswith("otel_")]
    assert len(compiled) >= len(sources) > 100
    assert not [name for name in names if name.startswith("bin/")]


def test_the_packages_for_lambda_hold_what_is_for_arm64(tmp_path: Path) -> None:
    package = build_package("log-processor.zip", tmp_path, settings=Settings(), target=LAMBDA)
    with zipfile.ZipFile(package) as archive:
        libraries = [name for name in archive.namelist() if ".so" in name]
        unzipped = sum(entry.file_size for entry in archive.infolist())
        arrow = archive.read(next(name for name in libraries if "/libarrow.so" in name))
    # e_machine of an ELF header; 183 is EM_AARCH64.
    assert int.from_bytes(arrow[18:20], "little") == 183
    assert any(name.endswith(".cpython-313-aarch64-linux-gnu.so") for name in libraries)
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert unzipped < 250 * 1024**2


def test_a_library_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    nowhere = Target("3.11", ("no_such_platform",))
    with pytest.raises(Failed, match=r"pip could not get msgspec==.* on no_such_platform"):
        build_package("log-processor.zip", tmp_path, settings=Settings(), target=nowhere)


def test_there_are_two_packages() -> None:
    assert list(PACKAGES) == ["pipeline.zip", "log-processor.zip"]
