"""What keeps `--engine aws` from beginning: an extra that is not installed, no credentials."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import otel_analytics.aws
from tests.cli.shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ON_AWS = ("--engine", "aws", "--region", "eu-central-1")


def test_a_missing_extra_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # it is imported anew here, and afterwards nobody is to find that by its parent
    monkeypatch.setattr(otel_analytics, "aws", otel_analytics.aws)
    for name in [name for name in sys.modules if name.startswith("otel_analytics.aws")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "boto3", None)
    said = Shell(tmp_path).refused("tables", *ON_AWS)
    assert "--engine aws needs boto3: pip install" in said
    assert said.endswith("pip install '.[aws]' in a clone of the project")


def test_without_credentials_nothing_is_begun(tmp_path: Path) -> None:
    shell = Shell(
        tmp_path,
        {
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
        },
    )
    said = shell.refused("tables", *ON_AWS)
    assert said.startswith("no credentials of AWS")
    assert "log in again (aws sso login, or aws configure)" in said
