"""A store of objects under `s3://` addresses: what is asked of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_analytics.names import S3Address
    from otel_analytics.pipeline.refresh import RawFile
    from otel_analytics.query.handler import Deletion

__all__ = ["S3Object", "Store"]


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object: where, how large, and when it was last written (seconds since 1970)."""

    address: S3Address
    size_bytes: int
    modified: float


class Store(Protocol):
    """Objects, as far as executions list and delete them."""

    def list(self, prefix: S3Address) -> Iterable[S3Object]:
        """Return the objects whose key begins with that of `prefix`, in order of their keys."""

    def raw_files(self, folders: Mapping[str, S3Address]) -> dict[str, Sequence[RawFile]]:
        """Return the files of each folder that has any, at any depth, hidden ones left out."""

    def make_durable(self, addresses: Iterable[S3Address]) -> None:
        """Have objects, and the way to them, where a power cut does not reach them."""

    def get(self, address: S3Address) -> bytes:
        """Return an object's bytes.

        Raises: Failed if there is none
        """

    def delete_prefix(self, prefix: S3Address) -> Deletion:
        """Delete the objects under `prefix`, which ends with `/`; return how many they were."""

    def delete_directly_under(self, prefix: S3Address) -> Deletion:
        """Delete the objects under `prefix` that have no further `/`; return how many they were."""
