"""A Ray cluster of two nodes on this machine, in processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# A node on a busy machine answers late; one that was killed refuses at once, which this does not delay.
RAY_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_health_check_timeout_ms": "60000",
}
OURS = ("AROGYA_", "MLFLOW_", "PYTHONPATH", "RAY_")
NODE = (
    *("--block", "--num-cpus=1", "--num-gpus=1", "--object-store-memory=80000000"),
    # Ports that the system chooses, so that several clusters can live on one machine.
    *("--node-ip-address=127.0.0.1", "--min-worker-port=0", "--max-worker-port=0"),
    "--dashboard-agent-listen-port=0",
)


@dataclass(frozen=True, kw_only=True)
class Node:
    """One machine of a cluster: ``ray start`` and every process of its session."""

    process: subprocess.Popen
    log: Path

    @property
    def alive(self):
        return self.process.poll() is None

    @property
    def pids(self):
        """Of ``ray start``, the raylet, its agents, its workers and their children."""
        return [int(it.name) for it in Path("/proc").glob("[0-9]*") if session(it.name) == self.id]

    @property
    def id(self):
        return self.process.pid

    def wait(self, seconds=60):
        """Come back when Ray says that the node runs."""
        limit = time.monotonic() + seconds
        while "Ray runtime started" not in (said := self.log.read_text(encoding="utf-8")):
            assert self.alive, said
            assert time.monotonic() < limit, said
            time.sleep(0.1)

    def kill(self, seconds=30):
        """End all its processes at once, as when a machine loses its power."""
        limit = time.monotonic() + seconds
        while pids := self.pids:
            assert time.monotonic() < limit, pids
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        self.process.wait(seconds)


def session(pid):
    """Of a living process; dead ones may wait for ever for a parent that asks for them."""
    try:
        stat = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, _, _, of = stat.rpartition(")")[2].split()[:4]
    return None if state == "Z" else int(of)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Nodes of one processor and, so they say, one GPU each.

    Attributes:
        address: Of the head, for ``ray.init`` and ``RAY_ADDRESS``.
        folder: Where the nodes stand, with their logs.
        nodes: The first is the head, without which there is no cluster.
    """

    address: str
    folder: Path
    nodes: list[Node] = field(default_factory=list)

    @property
    def living(self):
        return [node for node in self.nodes if node.alive]

    def start(self, *words):
        """Start a node that knows nothing of the environment of a sweep."""
        kept = {name: it for name, it in os.environ.items() if not name.startswith(OURS)}
        log = self.folder / f"node-{len(self.nodes)}.log"
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", *words, *NODE],
                cwd=self.folder,
                env={**kept, **RAY_SETTINGS},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.nodes.append(Node(process=process, log=log))

    def complete(self):
        """Bring the cluster to two living nodes, whatever a test did to the second."""
        for _ in range(2 - len(self.living)):
            self.start(f"--address={self.address}")
        for node in self.living:
            node.wait()

    def kill(self):
        for node in reversed(self.nodes):
            node.kill()


@pytest.fixture(scope="session")
def lasting_cluster():
    pytest.importorskip("ray")
    with ExitStack() as stack:
        # Not tmp_path: the path of a socket has room for 107 letters, and Ray takes 65 of them.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp")))
        port, client_port = free_ports(2)
        cluster = Cluster(address=f"127.0.0.1:{port}", folder=folder)
        stack.callback(cluster.kill)
        cluster.start(
            *("--head", f"--port={port}", f"--ray-client-server-port={client_port}"),
            *("--include-dashboard=false", f"--temp-dir={folder}/r"),
        )
        yield cluster


@pytest.fixture
def ray_cluster(lasting_cluster):
    """Two living nodes; a test may kill the second."""
    import ray

    lasting_cluster.complete()
    yield lasting_cluster
    ray.shutdown()


def free_ports(number):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
