"""The recorded answers of AWS: which of them hold, and that none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from asl_conformance import FOLDER, differences, load_cases

pytestmark = pytest.mark.skipif(
    not (FOLDER / "cases.json").exists(), reason=f"the recorded cases are not at {FOLDER}"
)


def known_differences() -> dict[str, str]:
    lines = (Path(__file__).parent / "known_differences.txt").read_text("utf-8").splitlines()
    return dict(line.split(" — ", 1) for line in lines if line.strip())


def test_exactly_the_listed_cases_differ_from_what_aws_answered() -> None:
    found = {name: differences(case) for name, case in load_cases().items()}

    differing = {name: paths for name, paths in found.items() if paths}

    assert sorted(differing) == sorted(known_differences()), differing


def test_every_listed_difference_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in known_differences().values())


def test_at_least_97_percent_of_the_cases_hold() -> None:
    assert len(known_differences()) <= 0.03 * len(load_cases())
