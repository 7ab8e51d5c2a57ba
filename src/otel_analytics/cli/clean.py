"""`clean`: what executions and publications left, and its deletion."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from otel_analytics.cli.options import json_option, settings_of, settings_options
from otel_analytics.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from otel_analytics.pipeline.cleaning import Leftover

__all__ = ["clean_command"]


@click.command("clean", short_help="Delete what executions and publications left.")
@click.option("--yes", is_flag=True, help="Delete it; without this it is only listed.")
@json_option
@settings_options
@click.pass_context
def clean_command(ctx: click.Context, /, *, yes: bool, as_json: bool, **flags: Any) -> None:
    """List the tables and data that nobody needs any more; with --yes, delete them.

    These are what executions that are over built and did not publish, and versions of tables that
    were superseded, but for the last publish.keep_versions. Nothing of an execution that is
    running, of a published table or of a history is among them.
    """
    from otel_analytics.cli.engines import open_engine
    from otel_analytics.local.cleaning import Cleaner

    settings = settings_of(ctx, flags)
    problems: tuple[str, ...] = ()
    with open_engine(settings, to_read=not yes) as aws:
        cleaner = Cleaner(settings, aws.catalog, aws.store, aws.executions)
        if yes:
            leftovers, cleaned = cleaner.delete()
            problems = cleaned.problems
        else:
            leftovers = cleaner.find()
    objects = sum(one.size.objects for one in leftovers)
    size_bytes = sum(one.size.size_bytes for one in leftovers)
    if as_json:
        print_json(
            {
                "leftovers": [_document(one) for one in leftovers],
                "objects": objects,
                "bytes": size_bytes,
                "deleted": yes and not problems,
                "not_deleted": problems,
            }
        )
    elif leftovers:
        print_table(
            ("kind", "location", "tables", "objects", "bytes"),
            [
                (
                    one.kind,
                    one.location,
                    ", ".join(table.name for table in one.tables),
                    one.size.objects,
                    one.size.size_bytes,
                )
                for one in leftovers
            ],
        )
    what = f"{objects} objects, {size_bytes / 1_000_000:.2f} MB"
    if not leftovers:
        say("nothing is left to delete")
    elif not yes:
        say(f"{what}: delete them with otel-analytics clean --yes")
    elif not problems:
        say(f"{what} deleted")
    if problems:
        for problem in problems:
            say(f"otel-analytics: {problem}")
        sys.exit(1)


def _document(leftover: Leftover) -> dict[str, Any]:
    return {
        "kind": leftover.kind,
        "location": leftover.location,
        "execution": leftover.execution,
        "tables": [f"{table.database}.{table.name}" for table in leftover.tables],
        "objects": leftover.size.objects,
        "bytes": leftover.size.size_bytes,
    }
