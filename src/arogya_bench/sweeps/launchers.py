"""Runs the jobs of a sweep with one of Hydra's launchers, all of which are used unmodified."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast
from uuid import uuid4

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.configuration.hydra_internals import Callbacks
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.runtime.redaction import is_secret
from arogya_bench.sweeps import ray, slurm
from arogya_bench.sweeps.job_result import JobResult
from arogya_bench.sweeps.launcher_settings import (
    LauncherSettings,
    LauncherSpec,
    job_launcher_settings,
    launcher_spec,
    threads_per_worker,
    with_fewer_workers,
    with_launcher_settings,
)
from arogya_bench.sweeps.worker import OUTPUT_PREFIX, RunJob, print_result

# Environment variables that jobs need where a launcher does not forward the environment.
FORWARDED_PREFIXES = ("AROGYA_", "MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "GEMINI_", "OPENAI_", "HF_", "YOLO_")


class LaunchGroup(NamedTuple):
    """Jobs that are launched together, since their launcher has the same settings."""

    jobs: tuple[PlannedJob, ...]
    settings: LauncherSettings


@contextmanager
def output_folder(config: DictConfig) -> Iterator[None]:
    """Give the launcher a private folder that is removed afterwards, unless the user named one.

    Hydra and submitit write the config there, which may hold a password, and nothing that is not in MLflow too.
    """
    if config.hydra.sweep.dir != "auto":
        yield
        return
    if launcher_spec(config).name == "slurm":  # its machines need a folder that they share
        folder = Path.cwd() / "outputs" / f"sweep-{uuid4().hex[:12]}"
        folder.mkdir(parents=True, mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix=OUTPUT_PREFIX))
    with read_write(config), open_dict(config):
        config.hydra.sweep.dir = str(folder)
        quoted = str(folder).replace("'", "\\'")
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{quoted}'")
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if launcher_spec(config).name == "ray":
            ray.disconnect()


def forwarded_environment(launcher: LauncherSpec) -> dict[str, str]:
    """The environment variables that jobs need and their launcher does not forward.

    They are sent with the task function, since Ray writes its ``runtime_env`` into its logs.
    """
    if launcher.inherits_environment:
        return {}
    return {name: value for name, value in os.environ.items() if name.startswith(FORWARDED_PREFIXES) or is_secret(name)}


def launch(sweep: ComposedSweep, run_job: RunJob, jobs: Sequence[PlannedJob]) -> list[JobResult]:
    """Run jobs, and return their results when all have ended.

    Jobs with the same resources are launched together, on Slurm as one array. Jobs that need a
    machine to themselves come last, one at a time.

    Raises:
        Exception: Whatever the launcher raises when it fails.
    """
    groups = group_by_settings(sweep.config, jobs)
    launch_group = partial(_launch_group, sweep, run_job)
    if launcher_spec(sweep.config).name == "slurm" and len(groups) > 1:
        results = _in_parallel(sweep.config, launch_group, groups)
    else:
        results = [launch_group(group) for group in groups]
    launched = chain.from_iterable(group.jobs for group in groups)
    by_overrides = {
        planned.job.overrides: result for planned, result in zip(launched, chain.from_iterable(results), strict=True)
    }
    return [by_overrides[planned.job.overrides] for planned in jobs]


def group_by_settings(config: DictConfig, jobs: Sequence[PlannedJob]) -> list[LaunchGroup]:
    """Group jobs by the settings of their launcher, exclusive jobs last."""
    groups: dict[str, list[PlannedJob]] = {}
    for planned in sorted(jobs, key=lambda planned: planned.job.exclusive):
        settings = json.dumps(job_launcher_settings(config, planned.job), sort_keys=True)
        groups.setdefault(settings, []).append(planned)
    return [LaunchGroup(tuple(group), json.loads(settings)) for settings, group in groups.items()]


def ray_resource_requests(sweep: ComposedSweep, jobs: Sequence[PlannedJob]) -> list[dict[str, object]]:
    """The distinct resources that the jobs of a sweep request from a Ray node."""
    requests: list[dict[str, object]] = []
    for group in group_by_settings(sweep.config, jobs):
        remote = with_launcher_settings(sweep.config, group.settings).hydra.launcher.ray.remote
        request = cast("dict[str, object]", OmegaConf.to_container(remote, resolve=True))
        if request not in requests:
            requests.append(request)
    return requests


def run_launcher(
    sweep: ComposedSweep, task_function: Callable[[DictConfig], object], overrides: Sequence[Sequence[str]]
) -> list[Any]:
    """Let the launcher call a function, which must survive pickling, with the config of each list of overrides.

    Raises:
        Exception: Whatever the launcher raises when it fails; nothing that it started still runs.
    """
    callbacks = Callbacks(sweep.config)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=sweep.loader, callbacks=callbacks),
        task_function=task_function,
        config=sweep.config,
    )
    callbacks.on_multirun_start(config=sweep.config)
    try:
        returns = launcher.launch(overrides, initial_job_idx=0)
    except BaseException as error:
        _wait_or_cancel(sweep.config, error, cancel=not isinstance(error, Exception))
        raise
    finally:
        callbacks.on_multirun_end(config=sweep.config)
    return [job_return.return_value for job_return in returns]


def _launch_group(sweep: ComposedSweep, run_job: RunJob, group: LaunchGroup) -> list[JobResult]:
    config = with_launcher_settings(sweep.config, group.settings)
    threads = threads_per_worker(config)
    overrides = []
    for planned in group.jobs:
        set_threads = threads is not None and planned.job.threads is None
        overrides.append([*planned.job.overrides, *([f"threads={threads}"] if set_threads else [])])
    config = with_fewer_workers(config, len(overrides))
    results: list[JobResult] = run_launcher(replace(sweep, config=config), run_job, overrides)
    for result in results if launcher_spec(config).remote else ():
        print_result(result)
    return results


def _in_parallel(
    config: DictConfig, launch_group: Callable[[LaunchGroup], list[JobResult]], groups: Sequence[LaunchGroup]
) -> list[list[JobResult]]:
    """Launch all groups at once, so that Slurm has every array in its queue."""
    with ThreadPoolExecutor(max_workers=len(groups)) as pool:
        futures = [pool.submit(launch_group, group) for group in groups]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt as error:
            _wait_or_cancel(config, error, cancel=True)
            raise


def _wait_or_cancel(config: DictConfig, error: BaseException, *, cancel: bool) -> None:
    """Ensure that no job of a failed launch still runs.

    Jobs on other machines are waited for, since they are not at fault, or cancelled on Ctrl-C. The
    workers of a local pool have ended with it.
    """
    name = launcher_spec(config).name
    if name == "ray":
        ray.wait_or_cancel(error, cancel=cancel)
    if name == "slurm":
        slurm.wait_or_cancel(Path(str(config.hydra.launcher.submitit_folder)), cancel=cancel)
