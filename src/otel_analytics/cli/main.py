"""The entry point: finds the command, and turns errors into one message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from otel_analytics import __version__
from otel_analytics.cli.options import settings_options
from otel_analytics.cli.output import say
from otel_analytics.errors import OtelAnalyticsError, Refused

__all__ = ["COMMANDS", "cli", "main"]

# Trees of SQL are many objects and hardly ever garbage; at the usual 700, the collector halts every
# task of an execution again and again to go through them.
_GC_THRESHOLD: Final = 500_000

# name: (module of this package, help); a command's module is imported when it is called.
COMMANDS: Final = {
    "ingest": ("ingest", "Put OTLP log files into the lake table logall."),
    "inspect": ("inspect", "Show what is in logs that exist already, and propose settings."),
    "run": ("run", "Build the seven tables of services by the state machine."),
    "executions": ("executions", "List executions, newest first."),
    "describe": ("executions", "Show one execution."),
    "history": ("executions", "Show the events of one execution."),
    "tables": ("query", "List the tables."),
    "query": ("query", "Run one SQL statement in Athena's dialect."),
    "verify": ("verify", "Check the published tables of services."),
    "cost": ("cost", "Show what an execution scanned and would cost on AWS."),
    "dashboard": ("dashboard", "Show the tables and the pipeline in a browser."),
    "report": ("report", "Write the tables as one file of charts."),
    "grafana": ("grafana", "Print a dashboard for Grafana's Athena data source."),
    "clean": ("clean", "Delete what executions and publications left."),
    "sql": ("sql", "Print the query that builds a table."),
    "definition": ("sql", "Print the state machine document."),
    "deploy": ("deploy", "Put everything into an AWS account."),
    "asl": ("asl", "Run or check any document in the Amazon States Language."),
}


class _Commands(click.Group):
    """The commands, imported one at a time so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = import_module(f"otel_analytics.cli.{COMMANDS[name][0]}")
        command = getattr(module, f"{name}_command")
        assert isinstance(command, click.Command)  # noqa: S101 - a slip of this package
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="otel-analytics")
@settings_options
@click.pass_context
def cli(ctx: click.Context, /, **flags: Any) -> None:
    """Product-analytics tables from the OpenTelemetry logs that a team already ships.

    Settings come from otel-analytics.toml, then OTEL_ANALYTICS_… variables, then flags.
    """
    ctx.obj = flags


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 2 refused before any work began, 1 failed later."""
    gc.set_threshold(_GC_THRESHOLD)
    try:
        _check_arguments(sys.argv)
        cli(prog_name="otel-analytics", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _end(_explained(error), error.exit_code)
    except OtelAnalyticsError as error:
        _end(str(error), error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt) as interrupt:
        # click makes its own exception of an interrupt, which says what became of the work
        _end(str(interrupt.__cause__ or interrupt) or "interrupted", 130)
    except RuntimeError as error:
        # What DuckDB makes of an interrupt that comes while it works.
        if str(error) != "Query interrupted":
            raise
        _end("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has left; Python must not complain while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}", 1)
    sys.exit(0)


def _check_arguments(arguments: list[str]) -> None:
    # Python hands over a byte that is not UTF-8 as half of a surrogate pair, which nothing takes.
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise Refused(f"the argument {argument[:80]} is not UTF-8: write it in UTF-8")


def _explained(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}: see {context.command_path} --help" if context else message


def _end(message: str, exit_code: int) -> NoReturn:
    say(f"otel-analytics: {message}")
    sys.exit(exit_code)
