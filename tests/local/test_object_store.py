"""S3 as a directory: nothing outside of a prefix, nothing outside of the root."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from otel_analytics.errors import Failed, InvalidName
from otel_analytics.local.s3 import ObjectStore
from otel_analytics.names import S3Address
from otel_analytics.query.handler import Deletion

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    (tmp_path / "s3").mkdir()
    (tmp_path / "tmp").mkdir()
    return ObjectStore(tmp_path / "s3", tmp_path / "tmp")


def put(store: ObjectStore, *addresses: str) -> None:
    for address in addresses:
        store.put(S3Address.parse(address), b"12345")


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [one.address.key for one in store.list(S3Address.parse(prefix))]


def test_what_is_put_is_got_and_listed_with_its_size(store: ObjectStore) -> None:
    address = S3Address.parse("s3://bucket/a/b.txt")
    store.put(address, b"one")
    store.put(address, b"other")
    assert store.get(address) == b"other"
    (listed,) = store.list(S3Address.parse("s3://bucket/"))
    assert (listed.address, listed.size_bytes) == (address, 5)
    assert list(store.tmp.iterdir()) == []


def test_a_list_has_the_keys_that_begin_with_the_prefix(store: ObjectStore) -> None:
    put(store, "s3://bucket/a/1", "s3://bucket/ab", "s3://bucket/b", "s3://other/a/2")
    assert keys(store, "s3://bucket/a") == ["a/1", "ab"]
    assert keys(store, "s3://bucket/a/") == ["a/1"]
    assert keys(store, "s3://nothing/here/") == []


def test_deleting_directly_under_a_prefix_leaves_what_lies_deeper(store: ObjectStore) -> None:
    put(store, "s3://bucket/a/1", "s3://bucket/a/2", "s3://bucket/a/b/3", "s3://bucket/a1")
    assert store.delete_directly_under(S3Address.parse("s3://bucket/a/")) == Deletion(2, 10)
    assert keys(store, "s3://bucket/") == ["a/b/3", "a1"]
    assert store.delete_directly_under(S3Address.parse("s3://bucket/c/")) == Deletion(0, 0)
    for address in ("s3://bucket", "s3://bucket/", "s3://bucket/a"):
        with pytest.raises(InvalidName, match="is not a prefix to delete"):
            store.delete_directly_under(S3Address.parse(address))


def test_no_empty_folder_stays_of_a_deleted_prefix(store: ObjectStore) -> None:
    put(store, "s3://bucket/a/b/c/1", "s3://bucket/a/2")
    store.delete_prefix(S3Address.parse("s3://bucket/a/b/c/"))
    assert not store.path(S3Address.parse("s3://bucket/a/b/")).exists()
    store.delete_prefix(S3Address.parse("s3://bucket/a/"))
    assert list((store.root / "bucket").iterdir()) == []


def test_deleting_a_prefix_never_touches_its_neighbours(store: ObjectStore) -> None:
    put(store, "s3://bucket/shop_dau/1", "s3://bucket/shop_dau/x/2", "s3://bucket/shop_dau2/1")
    put(store, "s3://bucket/shop_da", "s3://other/shop_dau/1")
    assert store.delete_prefix(S3Address.parse("s3://bucket/shop_dau/")) == Deletion(2, 10)
    assert keys(store, "s3://bucket/") == ["shop_da", "shop_dau2/1"]
    assert keys(store, "s3://other/") == ["shop_dau/1"]
    assert store.delete_prefix(S3Address.parse("s3://bucket/shop_dau/")) == Deletion(0, 0)


@pytest.mark.parametrize("prefix", ["s3://bucket", "s3://bucket/", "s3://bucket/shop_dau"])
def test_a_prefix_to_delete_is_a_folder_with_a_closing_slash(
    store: ObjectStore, prefix: str
) -> None:
    put(store, "s3://bucket/shop_dau/1")
    with pytest.raises(InvalidName, match="not a prefix to delete"):
        store.delete_prefix(S3Address.parse(prefix))
    assert keys(store, "s3://bucket/") == ["shop_dau/1"]


@pytest.mark.parametrize(
    "address",
    [
        S3Address("..", "x"),
        S3Address("bucket", "../../x/"),
        S3Address("bucket", "a/../../../x/"),
        S3Address("bucket", "/etc/"),
        S3Address("bucket", "a//b/"),
        S3Address("bucket/..", "x/"),
        S3Address("", "x/"),
    ],
)
def test_no_address_leads_out_of_the_root(store: ObjectStore, address: S3Address) -> None:
    with pytest.raises(InvalidName):
        store.path(address)
    with pytest.raises(InvalidName):
        store.delete_prefix(address)


def test_a_link_is_deleted_as_an_object_and_not_followed(
    store: ObjectStore, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("keep me")
    put(store, "s3://bucket/a/1")
    (store.root / "bucket/a/link").symlink_to(outside)
    store.delete_prefix(S3Address.parse("s3://bucket/a/"))
    assert (outside / "file").read_text() == "keep me"
    assert keys(store, "s3://bucket/") == []


@pytest.mark.parametrize("link", ["bucket", "bucket/a", "bucket/a/b"])
def test_nothing_is_written_or_deleted_behind_a_link(
    store: ObjectStore, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    inner = outside / "a/b".removeprefix(link.removeprefix("bucket").removeprefix("/")).strip("/")
    inner.mkdir(parents=True, exist_ok=True)
    (inner / "file").write_text("keep me")
    (store.root / link).parent.mkdir(parents=True, exist_ok=True)
    (store.root / link).symlink_to(outside)
    address = S3Address.parse("s3://bucket/a/b/file")
    assert store.get(address) == b"keep me"
    put(store, "s3://other/source")
    finished = store.tmp / "finished"
    finished.write_text("new")
    for change in (
        lambda: store.delete_prefix(S3Address.parse("s3://bucket/a/b/")),
        lambda: store.put(address, b"new"),
        lambda: store.put(S3Address.parse("s3://bucket/a/b/c/new"), b"new"),
        lambda: store.copy(S3Address.parse("s3://other/source"), address),
        lambda: store.move_in(finished, address),
    ):
        with pytest.raises(Failed, match=f"{re.escape(str(store.root / link))} is a link"):
            change()
    assert [path.relative_to(inner).as_posix() for path in inner.rglob("*")] == ["file"]
    assert (inner / "file").read_text() == "keep me"
    assert [path.name for path in store.tmp.iterdir()] == ["finished"]


def test_an_object_is_copied_and_a_missing_one_is_named(store: ObjectStore) -> None:
    put(store, "s3://bucket/a")
    store.copy(S3Address.parse("s3://bucket/a"), S3Address.parse("s3://other/b/c"))
    assert store.get(S3Address.parse("s3://other/b/c")) == b"12345"
    missing = S3Address.parse("s3://bucket/missing")
    with pytest.raises(Failed, match="NoSuchKey: s3://bucket/missing"):
        store.copy(missing, S3Address.parse("s3://bucket/d"))
    with pytest.raises(Failed, match="NoSuchKey: s3://bucket/missing"):
        store.get(missing)


def test_an_address_and_its_file_lead_to_each_other(store: ObjectStore) -> None:
    address = S3Address.parse("s3://bucket/a/year=2024/x.parquet")
    assert store.address(store.path(address)) == address
