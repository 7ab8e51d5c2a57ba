"""What starts a Trino for the tests ends it too, and never ends anything else; without a JVM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts import trino as script

if TYPE_CHECKING:
    from collections.abc import Iterator

# Stands for Java: it answers as a server of one node does, at the port of its properties.
JAVA = f"""#!{sys.executable}
import http.server, json, sys

if "-version" in sys.argv:
    sys.exit('openjdk version "25.0.1"')
if "--list-modules" in sys.argv:
    sys.exit(0)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.dumps({{"data": [[1]]}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

properties = next(one for one in sys.argv if one.startswith("-Dconfig=")).partition("=")[2]
lines = dict(line.strip().split("=", 1) for line in open(properties))
port = int(lines["http-server.http.port"])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
LIMIT_S = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA)
    java.chmod(0o755)
    cache = tmp_path / "cache"
    (cache / "otel-analytics" / f"trino-{script.VERSION}" / "server").mkdir(parents=True)
    return {**os.environ, "JAVA_HOME": str(java.parents[1]), "XDG_CACHE_HOME": str(cache)}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "trino"
    for node in nodes(tmp_path / "trino"):
        script.end(node)


def nodes(folder: Path) -> list[int]:
    """Return the processes of the nodes of a folder, as the system has them."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            said = (one / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"-Dconfig={folder}" in said:
            found.append(int(one.name))
    return found


def do(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script.__file__, *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_what_is_started_is_not_started_twice_and_can_be_stopped(
    environment: dict[str, str], folder: Path
) -> None:
    assert do(environment, "start", "--folder", str(folder)).returncode == 0
    begun = nodes(folder)
    assert len(begun) == 1
    for again in ("start", "run"):
        refused = do(environment, again, "--folder", str(folder), "--", "true")
        assert refused.returncode == 1
        assert f"a Trino is under way by {folder}/cluster.json" in refused.stderr
    assert nodes(folder) == begun
    assert do(environment, "stop", "--folder", str(folder)).returncode == 0
    assert nodes(folder) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_a_run_that_is_terminated_ends_its_nodes(environment: dict[str, str], folder: Path) -> None:
    run = ["run", "--folder", str(folder), "--", "sleep", str(LIMIT_S)]
    process = subprocess.Popen([sys.executable, script.__file__, *run], env=environment)
    deadline = time.monotonic() + LIMIT_S
    while not (folder / "cluster.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(nodes(folder)) == 1
    process.terminate()
    assert process.wait(LIMIT_S) == 128 + signal.SIGTERM
    assert nodes(folder) == []
    assert not (folder / "cluster.json").exists()


def test_a_process_that_is_no_node_is_left_alone(environment: dict[str, str], folder: Path) -> None:
    other = subprocess.Popen(["sleep", str(LIMIT_S)])
    # as after a restart of the machine: the numbers are others' by now
    folder.mkdir()
    state = {"port": 1, "folder": "files", "coordinator": other.pid, "workers": []}
    (folder / "cluster.json").write_text(json.dumps(state))
    assert do(environment, "stop", "--folder", str(folder)).returncode == 0
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_node_that_has_ended_and_is_nobodys_to_bury_is_waited_for_no_longer() -> None:
    # its parent does not look after it: it stays in the system's table
    parent = subprocess.Popen(
        [sys.executable, "-c",
         "import subprocess, sys, time\n"
         "child = subprocess.Popen([sys.executable, '-c', 'pass', 'io.trino.server.TrinoServer'])\n"
         "print(child.pid, flush=True)\n"
         "time.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    script.end(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
