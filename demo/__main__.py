"""The whole job on demonstration data, as `make demo` runs it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from demo.clickstream import APP, WEB
from demo.export_logs import export_logs
from demo.fetch import fetch

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "demo"
EXECUTION_DATE = "2024-06-30"  # the day after the data end
COMMAND = [os.path.relpath(Path(sys.executable).with_name("otel-analytics"), ROOT)]
COMMAND += ["--config", "demo/otel-analytics.toml"]

LOOKS = (
    ("Monthly active users", "theshop_web_mau_summary", "*", "year_month DESC"),
    ("Daily active users", "theshop_web_dau_summary", "*", '"date" DESC'),
    ("Retention", "theshop_app_retention_summary", "*", "return_date DESC, base_users DESC"),
    (
        "Conversion",
        "theshop_web_conversion_summary",
        "calculation_date, total_sessions, product_view_sessions, cart_add_sessions, "
        "product_view_rate, cart_conversion_rate, overall_conversion_rate",
        "calculation_date DESC",
    ),
    ("User cohorts", "theshop_app_user_cohort_summary", "*", "cohort_type"),
    ("Session metrics", "theshop_web_session_metrics_summary", "*", "calculation_date DESC"),
    ("Event distribution", "theshop_app_event_distribution_summary", "*", "event_count DESC"),
)


def main() -> None:
    """Fetch, export, ingest, run, look; stop at the first step that fails."""
    started = time.monotonic()
    _say("Demonstration data: the data set ecom of the PyPI package retentioneering 5.2.4")
    print("(Apache-2.0). It is SYNTHETIC, as its authors say: these are no real shoppers.")
    data_set = fetch(BUILD)
    fetched = time.monotonic()
    _say("The OpenTelemetry SDK writes it as the OTLP exports of two services")
    shutil.rmtree(BUILD / "otlp", ignore_errors=True)
    shutil.rmtree(BUILD / "home", ignore_errors=True)
    for service, records in export_logs(data_set, BUILD / "otlp").items():
        files = sorted((BUILD / "otlp" / service).iterdir())
        print(f"{service}: {records:,} log records in {len(files)} files such as {files[0].name}")
    _say("OTLP logs in")
    _run("ingest", "build/demo/otlp")
    _say("The state machine builds seven tables for each service")
    _run("run", WEB, APP, "--execution-date", EXECUTION_DATE)
    _run("verify")
    for title, table, columns, order in LOOKS:
        _say(title)
        _run("query", f"SELECT {columns} FROM {table} ORDER BY {order} LIMIT 4")  # noqa: S608
    _say("The same as charts, in one file")
    _run("report", "-o", "build/demo/report.html", "--service", WEB)
    _say(f"Done in {time.monotonic() - fetched:.0f} s after the download")
    print(f"(The download took {fetched - started:.0f} s.) Try next:\n")
    for arguments in (
        ["tables"],
        ["query", "SELECT event_name, COUNT(*) AS n FROM logall GROUP BY 1 ORDER BY 2 DESC"],
        ["inspect", "build/demo/otlp"],
        ["sql", "retention", "--service", WEB, "--execution-date", EXECUTION_DATE],
        ["executions"],
        ["--help"],
    ):
        print(f"  {shlex.join([*COMMAND, *arguments])}")
    print("\nLook at it: open build/demo/report.html in a browser, or start the dashboard:\n")
    print(f"  {shlex.join([*COMMAND, 'dashboard'])}")
    print("\nYour own logs: otel-analytics ingest PATH…, then otel-analytics run SERVICE…")


def _say(title: str) -> None:
    print(f"\n── {title}", flush=True)


def _run(*arguments: str) -> None:
    print(f"$ {shlex.join([*COMMAND, *arguments])}", flush=True)
    done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
