"""Which addresses and tables are what executions build before publication, and which are not.

Must not know any catalog. What is deleted is decided by these, so in doubt they say no.
"""

from __future__ import annotations

from otel_analytics.errors import InvalidName
from otel_analytics.metrics import load_catalog
from otel_analytics.names import Leaf, S3Address, parse_table_prefix, table_name
from otel_analytics.pipeline.level_leaves import find_level_leaf

__all__ = ["find_leaf", "find_root", "is_staging", "lies_at_root", "owner_of", "with_slash"]


def owner_of(location: str) -> str | None:
    """Return the execution that builds at an address that ends with `/`; None if none does.

    That is a leaf, or where a step of a refresh builds, or a partition there.
    """
    leaf = find_leaf(location) or find_level_leaf(location)
    return leaf.execution if leaf else None


def find_leaf(location: str) -> Leaf | None:
    """Return the leaf at an address that ends with `/`, whatever its base; None if it is none."""
    root, *rest = location.rsplit("/", 3)
    found = find_root(f"{root}/") if len(rest) == 3 else None
    if found is None:
        return None
    s3_base, prefix, query_type = found
    try:
        return Leaf.parse(location, s3_base=s3_base, prefix=prefix, query_type=query_type)
    except InvalidName:
        return None


def find_root(location: str) -> tuple[str, str, str] | None:
    """Return base, prefix and query type of a table's root, which ends with `/`; else None."""
    s3_base, *rest = location.rsplit("/", 2)
    if len(rest) != 2 or rest[1]:
        return None
    for query_type in load_catalog():
        if rest[0].endswith(f"_{query_type}"):
            try:
                prefix = parse_table_prefix(rest[0].removesuffix(f"_{query_type}"))
                has_key = S3Address.parse(s3_base).key != ""
            except InvalidName:
                return None
            return (s3_base, prefix, query_type) if has_key else None
    return None


def is_staging(name: str, location: str) -> bool:
    """Return whether a table is one that an execution has built and not published."""
    location = with_slash(location)
    leaf, level_leaf = find_leaf(location), find_level_leaf(location)
    return (leaf is not None and leaf.staging_table == name) or (
        level_leaf is not None and level_leaf.table == name
    )


def lies_at_root(name: str, location: str) -> bool:
    """Return whether a published table's data lie directly at its root, above its leaves."""
    found = find_root(with_slash(location))
    return found is not None and table_name(*found[1:]) == name


def with_slash(location: str) -> str:
    """Return the address of a folder as `table_location` and leaves write it."""
    return f"{location.rstrip('/')}/"
