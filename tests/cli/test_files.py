"""Files that commands write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_analytics.cli.files import write_file
from otel_analytics.errors import UnreadablePath

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    write_file(file, b"old and long")
    write_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_is_refused_by_its_own_name_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(
        UnreadablePath, match=r"taken: cannot be written .*Is a directory"
    ) as refused:
        write_file(tmp_path / "taken", b"new")
    assert refused.value.where == str(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
