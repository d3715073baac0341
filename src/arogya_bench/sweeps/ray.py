"""A Ray cluster beside what its launcher does: reached, asked node by node, and left."""

import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arogya_bench.errors import ConfigError

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 300.0  # for a node that reads the data of a study for the first time


def connect(init: Mapping[str, object]) -> None:
    """Join the cluster, as the launcher would; it finds that done.

    Raises:
        ConfigError: If nothing answers at the address, where Ray itself would try for ever.
    """
    import ray

    host, colon, port = str(init.get("address")).rpartition(":")
    if colon and "/" not in host:
        try:
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"No Ray cluster answers at {host}:{port}: {error}.",
                fix="start one (ray start --head), or correct RAY_ADDRESS.",
            ) from error
    if not ray.is_initialized():
        ray.init(**init)


def check_resources(remote_options: Mapping[str, object]) -> None:
    """Check that some node could take a job.

    Raises:
        ConfigError: If none can, for which Ray itself would wait for ever.
    """
    import ray

    wanted = {
        "CPU": remote_options.get("num_cpus") or 1,
        "GPU": remote_options.get("num_gpus") or 0,
    }
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(has.get(k, 0) >= float(str(v)) for k, v in wanted.items()) for has in nodes):
        most = [f"{has.get('CPU', 0):g} CPU and {has.get('GPU', 0):g} GPU" for has in nodes]
        raise ConfigError(
            f"A job asks for {wanted['CPU']} CPU and {wanted['GPU']} GPU, and no node has them; "
            f"there are nodes of {', '.join(sorted(set(most)))}.",
            fix="lower hydra.launcher.ray.remote.num_cpus (threads) or num_gpus.",
        )


def call_on_each_node(function: Callable[[Any], Any]) -> list[Any]:
    """Call something on every living node, and give the answers."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = [
        ray.remote(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )(_call).remote(function)
        for node in ray.nodes()
        if node["Alive"]
    ]
    answers: list[Any] = ray.get(asked, timeout=ANSWER_TIMEOUT_S)
    return answers


def wait_or_cancel(error: BaseException, *, cancel: bool) -> None:
    """Come back when no job of a launch that broke runs any more.

    The launcher gives up at the first job that is lost, while the others go on; their handles
    are in its frame. Without them, or if they are not wanted, Ray ends them with this driver.
    """
    import ray

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    launches = [each for each in frames if each.f_code.co_name == "launch"]
    handles: Sequence[Any] = [run for each in launches for run in each.f_locals.get("runs", ())]
    if cancel or not handles:
        ray.shutdown()
        return
    ray.wait(handles, num_returns=len(handles))


def disconnect() -> None:
    """Leave the cluster, so that the next sweep of this process may join another."""
    import ray

    ray.shutdown()


def _call(function: Callable[[Any], Any]) -> Any:
    return function({})
