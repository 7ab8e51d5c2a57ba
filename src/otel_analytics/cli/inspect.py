"""`inspect`: what is in logs that exist already, and the settings that fit them."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.engines import check_is_local
from otel_analytics.cli.files import write_file
from otel_analytics.cli.options import json_option, settings_file_of, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say
from otel_analytics.cli.payload import check_source
from otel_analytics.names import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_analytics.config import Settings
    from otel_analytics.local.embedded import EmbeddedAws
    from otel_analytics.operations.catalog import Table
    from otel_analytics.query.inspect import Inspection

__all__ = ["inspect_command"]

_BUCKET = "inspected"
# Folders of others are linked apart from the home's own bucket, where the lake lies.
_EXTERNAL_BUCKET = "external"
_KEYS = {"user_key": "keys.user", "session_id": "keys.session"}


@click.command("inspect", short_help="Show what is in logs that exist already.")
@click.argument("what", nargs=-1, metavar="[TABLE|PATH…]")
@click.option("--write", is_flag=True, help="Write the proposed settings into the settings file.")
@json_option
@settings_options
@click.pass_context
def inspect_command(
    ctx: click.Context,
    /,
    *,
    what: tuple[str, ...],
    write: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Show what is in logs, and propose the settings that fit them.

    Takes OTLP files or folders, one folder of Parquet files, or the name of a table (default:
    the source table). Lists services, days, event names, and the attributes that look like a user
    or a session with the share of records that have one. Nothing is changed but, with --write,
    the settings file.
    """
    from otel_analytics.query.inspect import inspect_table, missing_roles, propose_settings

    settings = settings_of(ctx, flags)
    check_is_local(settings, "inspect", "copy some files here, or look with otel-analytics query")
    with _table_of(what, settings) as (aws, table, source_table):
        inspection = inspect_table(
            f'"{table.database}"."{table.name}"',
            (*table.columns, *table.partition_keys),
            aws.rows,
        )
    proposed = propose_settings(inspection, settings, source_table=source_table)
    if source_table is not None:
        proposed |= _proposed_partitions(table, settings)
    if as_json:
        print_json({**dataclasses.asdict(inspection), "proposed_settings": proposed})
    else:
        _print(inspection, proposed)
        if source_table is not None and what and Path(what[0]).exists():
            _print_how_to_register(
                Path(what[0]), table, settings, flags=_settings_flags(ctx, flags)
            )
    for role in missing_roles(inspection):
        own = source_table is None and role in _KEYS
        say(f"warning: nothing looks like {role}: set {_KEYS[role] if own else f'source.{role}'}")
    if write:
        _write(settings_file_of(ctx, flags), proposed)


@contextmanager
def _table_of(
    what: Sequence[str], settings: Settings
) -> Iterator[tuple[EmbeddedAws, Table, str | None]]:
    """Give a home with the table to inspect, and the table's name unless it is yet to be ingested.

    Raises: Refused if there is no such path or table
    """
    from otel_analytics.cli.engines import open_local
    from otel_analytics.local.parquet_folder import find_parquet
    from otel_analytics.query.statements import TableName

    paths = [Path(item) for item in what]
    if not any(path.exists() for path in paths) and len(what) <= 1:
        name = what[0] if what else settings.source.table
        with open_local(settings, to_read=True) as aws:
            if not what:
                check_source(aws)
            yield aws, _existing(aws, TableName(name.lower(), settings.athena.database)), name
        return
    with (
        tempfile.TemporaryDirectory(prefix="otel-analytics-") as scratch,
        # no cluster sees a folder of this machine
        open_local(dataclasses.replace(settings, home=scratch, engine="duckdb")) as aws,
    ):
        files = find_parquet(paths[0]) if len(paths) == 1 else []
        if files:
            table = _register_folder(aws, paths[0], files)
            yield aws, table, table.name
        else:
            yield aws, _ingest(aws, paths, outside=Path(settings.home)), None


def _existing(aws: EmbeddedAws, name: Any) -> Table:
    from otel_analytics.errors import Refused
    from otel_analytics.operations.catalog import EntityNotFound

    try:
        return aws.catalog.table(name)
    except EntityNotFound as error:
        raise Refused(
            f"there is neither a path nor a table '{name.name}': give OTLP files, a folder of "
            "Parquet, or a table that otel-analytics tables lists"
        ) from error


def _register_folder(aws: EmbeddedAws, path: Path, files: Sequence[Path]) -> Table:
    from otel_analytics.local.parquet_folder import describe_parquet
    from otel_analytics.operations.catalog import Table

    folder = path if path.is_dir() else path.parent
    columns, keys = describe_parquet(folder, files)
    name = re.sub(r"[^a-z0-9_]+", "_", path.resolve().stem.lower()).strip("_") or "logs"
    name = f"t_{name}" if name[0].isdigit() else name
    target = aws.home.s3 / _BUCKET / name
    target.mkdir(parents=True)
    for file in files:
        link = target / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())
    table = Table(
        database=aws.settings.athena.database,
        name=name,
        columns=columns,
        partition_keys=keys,
        location=f"s3://{_BUCKET}/{name}/",
    )
    aws.catalog.create_table(table)
    return table


def _ingest(aws: EmbeddedAws, paths: Sequence[Path], *, outside: Path) -> Table:
    from otel_analytics.errors import IngestFailed
    from otel_analytics.lake.ingest import ingest
    from otel_analytics.lake.schema import LOGALL_TABLE
    from otel_analytics.lake.sources import find_files
    from otel_analytics.query.statements import TableName

    files = find_files(paths, outside=outside)
    report = ingest(files, lake=aws.lake_folder(), keys=aws.settings.keys)
    for failed in report.failed:
        say(f"warning: {failed.path}: {failed.error}")
    if report.quarantined:
        say(f"warning: {report.quarantined:,} more cannot be read: ingest keeps each, and says why")
    if not report.written:
        raise IngestFailed("there is no readable log record in these files")
    aws.register_logall()
    return aws.catalog.table(TableName(LOGALL_TABLE, aws.settings.athena.database))


def _proposed_partitions(table: Table, settings: Settings) -> dict[str, Any]:
    source = settings.source
    keys = tuple(key.name for key in table.partition_keys)[-3:]
    if keys != ("year", "month", "day"):
        return {"source.partitions": ()} if source.partitions else {}
    is_ours = any(column.name == "source_id" for column in table.columns)
    # Whether those of others are of the event or of its arrival cannot be seen: a day more is read.
    slack_days = 0 if is_ours else max(1, source.partition_slack_days)
    if (source.partitions, source.partition_slack_days, source.partition_is_event_date) == (
        keys,
        slack_days,
        is_ours,
    ):
        return {}
    return {
        "source.partitions": keys,
        "source.partition_slack_days": slack_days,
        "source.partition_is_event_date": is_ours,
    }


def _print(inspection: Inspection, proposed: dict[str, Any]) -> None:
    days = f" on {inspection.days:,} days, {inspection.first_day} to {inspection.last_day} (UTC)"
    click.echo(f"{inspection.records:,} records{days if inspection.days else ''}\n")
    print_table(
        ("service", "records", "with user", "with session"),
        [
            (
                "(none)" if service.name is None else service.name,
                service.records,
                _share(service.with_user, service.records),
                _share(service.with_session, service.records),
            )
            for service in inspection.services
        ],
    )
    click.echo()
    print_table(
        ("event name", "records"),
        [("(none)" if name is None else name, count) for name, count in inspection.event_names],
    )
    click.echo()
    print_table(
        ("could be", "column or attribute", "records that have one", "distinct", "chosen"),
        [
            (
                candidate.role,
                candidate.name,
                _share(candidate.records, inspection.records),
                candidate.distinct,
                "*" if inspection.chosen.get(candidate.role) == candidate else "",
            )
            for candidate in inspection.candidates
        ],
    )
    click.echo()
    if proposed:
        click.echo("proposed settings (--write puts them into the settings file):\n")
        click.echo(harmless(_as_toml(proposed), "\n"))
    else:
        click.echo("the settings fit: nothing to change")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _as_toml(proposed: dict[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps(_merged(tomlkit.document(), proposed))


def _merged(document: Any, proposed: dict[str, Any]) -> Any:
    import tomlkit

    for name, value in proposed.items():
        group, _, inner = name.rpartition(".")
        table = document
        if group:
            if group not in document:
                document[group] = tomlkit.table()
            table = document[group]
        table[inner] = list(value) if isinstance(value, tuple) else value
    return document


def _write(file: Path, proposed: dict[str, Any]) -> None:
    import tomlkit

    if not proposed:
        say("nothing to write")
        return
    document = tomlkit.parse(file.read_text("utf-8")) if file.exists() else tomlkit.document()
    write_file(file, tomlkit.dumps(_merged(document, proposed)).encode())
    say(f"wrote {', '.join(proposed)} into {file}")


def _settings_flags(ctx: click.Context, flags: dict[str, Any]) -> str:
    """Return the flags that this command's settings came from, as they are typed."""
    outer = ctx.obj or {}
    given = [
        part
        for name in ("home", "config")
        if (value := flags.get(name) or outer.get(name))
        for part in (f"--{name}", value)
    ]
    for text in (*outer.get("assignments", ()), *flags.get("assignments", ())):
        given += ["--set", text]
    return f"{join(given)} " if given else ""


def _print_how_to_register(path: Path, table: Table, settings: Settings, *, flags: str) -> None:
    from otel_analytics.local.parquet_folder import build_create_external_table

    folder = Path(settings.home) / "s3" / _EXTERNAL_BUCKET / table.name
    statement = build_create_external_table(
        table.name,
        table.columns,
        table.partition_keys,
        location=f"s3://{_EXTERNAL_BUCKET}/{table.name}/",
    )
    lines = (
        "\nto make the folder a table here:\n\n"
        f"mkdir -p {quote(str(folder.parent if path.is_dir() else folder))}\n"
        f"ln -s {quote(str(path.resolve()))} {quote(str(folder))}\n"
        f"otel-analytics query {flags}- <<'SQL'\n{statement}\nSQL"
    )
    click.echo(harmless(lines, "\n"))
