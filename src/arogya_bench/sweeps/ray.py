"""A Ray cluster, as far as Hydra's launcher does not manage it: connect, probe, disconnect."""

import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arogya_bench.errors import ConfigError

CONNECT_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 300.0  # a node may read the dataset for the first time


def connect(init: Mapping[str, object]) -> None:
    """Connect to the cluster with the arguments of ``ray.init``; the launcher reuses the connection.

    Raises:
        ConfigError: If nothing answers at the address; Ray itself would retry for ever.
    """
    import ray

    host, colon, port = str(init.get("address")).rpartition(":")
    if colon and "/" not in host:
        try:
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"No Ray cluster responds at {host}:{port}: {error}.",
                fix="start one (ray start --head), or correct RAY_ADDRESS.",
            ) from error
    if not ray.is_initialized():
        ray.init(**init)


def check_resources(remote_options: Mapping[str, object]) -> None:
    """Check that some node is large enough for a job with these arguments of ``ray.remote``.

    Raises:
        ConfigError: If none is; Ray itself would wait for ever.
    """
    import ray

    required = {"CPU": remote_options.get("num_cpus") or 1, "GPU": remote_options.get("num_gpus") or 0}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(name, 0) >= float(str(amount)) for name, amount in required.items()) for node in nodes):
        sizes = {f"{node.get('CPU', 0):g} CPU and {node.get('GPU', 0):g} GPU" for node in nodes}
        raise ConfigError(
            f"A job needs {required['CPU']} CPU and {required['GPU']} GPU, but no node has them; "
            f"there are nodes of {', '.join(sorted(sizes))}.",
            fix="lower hydra.launcher.ray.remote.num_cpus (threads) or num_gpus.",
        )


def call_on_each_node(function: Callable[[Any], Any]) -> list[Any]:
    """Call a function with an empty config on every live node, and return the results."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    calls = [
        ray.remote(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        )(_call).remote(function)
        for node in ray.nodes()
        if node["Alive"]
    ]
    results: list[Any] = ray.get(calls, timeout=PROBE_TIMEOUT_S)
    return results


def wait_or_cancel(error: BaseException, *, cancel: bool) -> None:
    """Return when no job of a failed launch runs any more.

    The launcher raises at the first lost job while others still run; their handles are local variables of its frame.
    Without handles, or to cancel, the driver is shut down, and Ray ends its jobs.
    """
    import ray

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    launch_frames = [frame for frame in frames if frame.f_code.co_name == "launch"]
    handles: Sequence[Any] = [run for frame in launch_frames for run in frame.f_locals.get("runs", ())]
    if cancel or not handles:
        ray.shutdown()
        return
    ray.wait(handles, num_returns=len(handles))


def disconnect() -> None:
    """Disconnect, so that the next sweep of this process may use another cluster."""
    import ray

    ray.shutdown()


def _call(function: Callable[[Any], Any]) -> Any:
    return function({})
