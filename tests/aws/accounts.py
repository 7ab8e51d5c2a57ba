"""An account in moto, and DuckDB in Athena's place over what its Glue and its S3 hold."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core.exceptions import JsonRESTError
from moto.glue.responses import GlueResponse

from otel_analytics.aws.clients import Client, connect
from otel_analytics.aws.engine import Aws, open_aws
from otel_analytics.config import Aws as AwsSettings
from otel_analytics.config import Settings
from otel_analytics.local.athena import Athena
from otel_analytics.local.embedded import open_embedded_aws
from otel_analytics.names import S3Address
from otel_analytics.query.statements import Query, TableName, parse_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.local.query_executions import QueryExecution

__all__ = ["BUCKET", "REGION", "AthenaOverAws", "OnAws", "open_account"]

REGION = "eu-central-1"
BUCKET = "otel-analytics"


_UPDATE_TABLE = GlueResponse.update_table


def _update_table(self: GlueResponse) -> Any:
    """Do as moto does, and refuse another version, as AWS does and moto does not."""
    version = self.parameters.get("VersionId")
    name = self.parameters["TableInput"]["Name"]
    table = self.glue_backend.get_table(self.parameters["DatabaseName"], name)
    if version is not None and table.as_dict()["VersionId"] != version:
        raise JsonRESTError(
            "ConcurrentModificationException",
            "Update table failed due to concurrent modifications.",
        )
    return _UPDATE_TABLE(self)


@dataclass(frozen=True)
class AthenaOverAws(Athena):
    """DuckDB over an account: before each statement the home is made the account's, then back."""

    aws: Aws | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)
    etags: dict[str, str] = field(default_factory=dict)

    def start_query_execution(self, sql: str, **options: Any) -> QueryExecution:
        with self.turn:
            statement = parse_statement(sql)
            made = getattr(statement, "table", None)
            query = statement if isinstance(statement, Query) else getattr(statement, "query", None)
            read = {one.table.name for one in query.tables} if query else set()
            self.fetch(read | ({made.name} if made else set()), with_objects=bool(read))
            execution = super().start_query_execution(sql, **options)
            self._bring(made.name if made else None)
        return execution

    def fetch(self, names: set[str], *, with_objects: bool) -> None:
        """Have in the home what the account has of some tables, and the objects."""
        assert self.aws is not None
        for name in names:
            table = self.aws.catalog.find(_name(name))
            if self.catalog.find(_name(name)) is not None:
                self.catalog.drop_table(_name(name))
            if table is not None:
                self.catalog.create_table(replace(table, version=""))
        if not with_objects:
            return
        listed = {one["Key"]: one["ETag"] for one in _objects(self.aws)}
        for key in self.etags.keys() - listed.keys():
            self.store.path(S3Address(BUCKET, key)).unlink(missing_ok=True)
            del self.etags[key]
        for key, etag in listed.items():
            if self.etags.get(key) != etag:
                self.store.put(S3Address(BUCKET, key), self.aws.store.get(S3Address(BUCKET, key)))
                self.etags[key] = etag

    def _bring(self, name: str | None) -> None:
        """Have in the account the objects that the home has more, and a table made or dropped."""
        assert self.aws is not None
        for one in self.store.list(S3Address(BUCKET, "")):
            if one.address.key not in self.etags:
                body = self.store.get(one.address)
                place = {"Bucket": BUCKET, "Key": one.address.key}
                reply = self.aws.store.s3.call("put_object", **place, Body=body)
                self.etags[one.address.key] = reply["ETag"]
        if name is None:
            return
        here, there = self.catalog.find(_name(name)), self.aws.catalog.find(_name(name))
        if here is not None and there is None:
            self.aws.catalog.put_table(here, over=None)
        if here is None and there is not None:
            self.aws.catalog.drop_table(_name(name))


def _name(table: str) -> TableName:
    return TableName(table, "log_db")


def _objects(aws: Aws) -> Iterator[Any]:
    for page in aws.store.s3.pages("list_objects_v2", Bucket=BUCKET):
        yield from page.get("Contents", ())


@dataclass(frozen=True)
class OnAws:
    """An account, and a home whose Athena works on the account's tables."""

    aws: Aws
    home: EmbeddedAws
    client: Callable[[str], Client]

    @property
    def athena(self) -> AthenaOverAws:
        athena = self.home.athena
        assert isinstance(athena, AthenaOverAws)
        return athena

    def keys(self, prefix: str = "") -> list[str]:
        return [one["Key"] for one in _objects(self.aws) if one["Key"].startswith(prefix)]


@contextmanager
def open_account(folder: Path, settings: Settings | None = None) -> Iterator[OnAws]:
    """Open an account with a bucket and a database, and nothing in them."""
    settings = replace(settings or Settings(), home=str(folder), aws=AwsSettings(region=REGION))
    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
    with (
        patch.dict("os.environ", credentials),
        patch.object(GlueResponse, "update_table", _update_table),
        mock_aws(),
    ):
        boto3.client("s3", region_name=REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        boto3.client("glue", region_name=REGION).create_database(DatabaseInput={"Name": "log_db"})
        client = connect(settings.aws)
        with open_embedded_aws(settings) as home, open_aws(settings, client=client) as aws:
            inner = home.athena
            athena = AthenaOverAws(
                inner.catalog, inner.store, inner.engine, inner.executions, aws=aws
            )
            yield OnAws(aws, replace(home, athena=athena), client)
