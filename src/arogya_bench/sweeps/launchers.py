"""Jobs handed to one of Hydra's launchers, which are taken as they are."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from joblib import cpu_count
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from arogya_bench.configuration.compose import Study
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.runtime.redaction import is_secret
from arogya_bench.sweeps import ray as ray_nodes
from arogya_bench.sweeps import slurm
from arogya_bench.sweeps.messages import JobResult
from arogya_bench.sweeps.plan import Wish
from arogya_bench.sweeps.worker import OUTPUT_PREFIX, Task, print_result

LauncherSettings = Mapping[str, object]
# What a worker that does not inherit the variables of the sweep needs of them.
FORWARDED_PREFIXES = ("AROGYA_", "MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "GEMINI_", "HF_", "YOLO_")


@dataclass(frozen=True, kw_only=True)
class LauncherSpec:
    """What a launcher is like.

    Attributes:
        name: As its extra is called.
        isolated: Whether its jobs get processes of their own.
        remote: Whether its workers may be on other machines, where the terminal is not.
        inherits_environment: Whether they have the variables of the sweep.
    """

    name: str
    isolated: bool = True
    remote: bool = False
    inherits_environment: bool = True


LAUNCHER_SPECS = {
    "BasicLauncher": LauncherSpec(name="basic", isolated=False),
    "JoblibLauncher": LauncherSpec(name="joblib"),
    "LocalLauncher": LauncherSpec(name="slurm"),
    "SlurmLauncher": LauncherSpec(name="slurm", remote=True),
    "RayLauncher": LauncherSpec(name="ray", remote=True, inherits_environment=False),
}


def launcher_spec(config: DictConfig) -> LauncherSpec:
    """What the launcher of a sweep is like; one that we do not know is taken to be remote."""
    name = str(config.hydra.launcher.get("_target_")).rpartition(".")[2]
    return LAUNCHER_SPECS.get(
        name, LauncherSpec(name=name, remote=True, inherits_environment=False)
    )


def threads_per_worker(config: DictConfig) -> int | None:
    """The threads of each worker, so that all together are as many as there are processors.

    None where one worker has the machine, or nobody says how much of it a worker has.
    """
    launcher, name = config.hydra.launcher, launcher_spec(config).name
    if name == "joblib":
        return max(1, int(cpu_count()) // worker_count(config))
    if name == "slurm":
        asked = launcher.get("cpus_per_task")
        return None if asked is None else int(asked)
    if name == "ray":
        asked = OmegaConf.select(launcher, "ray.remote.num_cpus")
        return 1 if asked is None else max(1, int(asked))  # Ray itself counts a job as one
    return None


def worker_count(config: DictConfig) -> int:
    """How many jobs run at once on this machine; a cluster counts as one, as nobody knows it."""
    if launcher_spec(config).name != "joblib":
        return 1
    workers = int(config.hydra.launcher.n_jobs)
    return max(1, int(cpu_count()) + 1 + workers) if workers < 0 else workers


@contextmanager
def output_folder(config: DictConfig) -> Iterator[None]:
    """Give the launcher a folder of this sweep alone, where the user named none.

    What Hydra and submitit leave there repeats the config, which may hold a password; what
    matters is in MLflow. So nobody else may read it, and it is removed.
    """
    if config.hydra.sweep.dir != "auto":
        yield
        return
    if launcher_spec(config).name == "slurm":  # its machines share the folder of the sweep
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
            ray_nodes.disconnect()


def forwarded_environment(launcher: LauncherSpec) -> dict[str, str]:
    """The variables that a job needs and its launcher does not hand on.

    They travel with the task and not in Ray's ``runtime_env``, which Ray writes into its logs.
    """
    if launcher.inherits_environment:
        return {}
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(FORWARDED_PREFIXES) or is_secret(name)
    }


def validate_launcher(study: Study) -> None:
    """Check what a sweep says of its launcher.

    Raises:
        ConfigError: If nobody would work, if jobs should be timed or given resources where nobody
            can do so, or resources are named that the launcher, or for a model that the sweep
            does not have.
    """
    config, sweep = study.config, study.config.sweep
    if sweep.job_timeout is not None and not launcher_spec(config).isolated:
        raise ConfigError(
            f"sweep.job_timeout={sweep.job_timeout:g} needs jobs in processes of their own, and "
            "hydra/launcher=basic runs them in the process of the sweep.",
            fix="add hydra/launcher=pool, or leave sweep.job_timeout out.",
        )
    _check_workers(config)
    models = {each.job.model_name for each in study.compositions}
    for name, settings in sweep.resources.items():
        if name not in models:
            raise ConfigError(
                f"sweep.resources names {name!r}, which is no model of this sweep."
                f"{did_you_mean(str(name), models)}",
                fix=f"name one of: {', '.join(sorted(models))}",
            )
        _check_workers(_with_launcher_settings(config, settings))


def _check_workers(config: DictConfig) -> None:
    try:
        workers = worker_count(config)
        problem = f"A pool of {workers} workers does no job."
    except OmegaConfBaseException as error:  # of the variable that the setting takes it from
        workers = 0
        problem = f"hydra.launcher.n_jobs is no number: {str(error).partition(chr(10))[0]}."
    if workers < 1:
        raise ConfigError(
            problem,
            fix="set AROGYA_WORKERS or hydra.launcher.n_jobs to how many jobs run at once; -1 is "
            "one for each processor.",
        )


def launch(study: Study, task: Task, wishes: Sequence[Wish]) -> list[JobResult]:
    """Run jobs, and come back when all have ended, with what each came to.

    Jobs of equal resources are launched together, on Slurm as one array; jobs that need a quiet
    machine come last, one at a time.

    Raises:
        Exception: Whatever the launcher raises when it breaks.
    """
    groups: dict[str, list[Wish]] = {}
    for wish in sorted(wishes, key=lambda each: each.composition.job.exclusive):
        groups.setdefault(
            json.dumps(_launcher_settings(study.config, wish), sort_keys=True), []
        ).append(wish)
    parts = [
        partial(_launch_group, study, task, group, json.loads(settings))
        for settings, group in groups.items()
    ]
    slurm_queues = launcher_spec(study.config).name == "slurm" and len(parts) > 1
    ended = _in_parallel(study.config, parts) if slurm_queues else [part() for part in parts]
    reports = [report for part in ended for report in part]
    order = [wish.composition.overrides for group in groups.values() for wish in group]
    found = dict(zip(order, reports, strict=True))
    return [found[wish.composition.overrides] for wish in wishes]


def ray_resource_requests(study: Study, wishes: Sequence[Wish]) -> list[dict[str, object]]:
    """What the jobs of a sweep ask of a node of Ray, each request once."""
    found: dict[str, dict[str, object]] = {}
    for wish in wishes:
        remote = _with_launcher_settings(
            study.config, _launcher_settings(study.config, wish)
        ).hydra.launcher.ray.remote
        asked = cast("dict[str, object]", OmegaConf.to_container(remote, resolve=True))
        found[json.dumps(asked, sort_keys=True)] = asked
    return list(found.values())


def _in_parallel(
    config: DictConfig, parts: Sequence[Callable[[], list[JobResult]]]
) -> list[list[JobResult]]:
    """Let several arrays wait in the queue of Slurm at once."""
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        under_way = [pool.submit(part) for part in parts]
        try:
            return [each.result() for each in under_way]
        except KeyboardInterrupt as error:
            _cancel_rest(config, error, cancel=True)
            raise


def run_launcher(
    study: Study, task_function: Callable[[DictConfig], object], overrides: Sequence[Sequence[str]]
) -> list[Any]:
    """Let the launcher call something once for each list of words.

    Raises:
        Exception: Whatever the launcher raises when it breaks; nothing that it started runs on.
    """
    callbacks = Callbacks(study.config)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=study.loader, callbacks=callbacks),
        task_function=task_function,
        config=study.config,
    )
    callbacks.on_multirun_start(config=study.config)
    try:
        ended = launcher.launch(overrides, initial_job_idx=0)
    except BaseException as error:
        _cancel_rest(study.config, error, cancel=not isinstance(error, Exception))
        raise
    finally:
        callbacks.on_multirun_end(config=study.config)
    return [each.return_value for each in ended]


def _launch_group(
    study: Study, task: Task, wishes: Sequence[Wish], settings: LauncherSettings
) -> list[JobResult]:
    config = _with_launcher_settings(study.config, settings)
    count = threads_per_worker(config)
    threads = [] if count is None else [f"threads={count}"]
    words = [
        [*each.composition.overrides, *(threads if each.composition.job.threads is None else [])]
        for each in wishes
    ]
    reports: list[JobResult] = run_launcher(replace(study, config=config), task, words)
    if launcher_spec(config).remote:
        for report in reports:
            print_result(report)
    return reports


def _launcher_settings(config: DictConfig, wish: Wish) -> dict[str, object]:
    """What the launcher is told for one job, beside its own settings."""
    job = wish.composition.job
    chosen = config.sweep.resources.get(job.model_name) or {}
    settings = cast("dict[str, object]", OmegaConf.to_container(OmegaConf.create(chosen)))
    alone = {"n_jobs": 1} if job.exclusive and launcher_spec(config).name == "joblib" else {}
    return {**settings, **alone}


def _with_launcher_settings(config: DictConfig, settings: LauncherSettings) -> DictConfig:
    """The config of a sweep with other settings of its launcher.

    Raises:
        ConfigError: If the launcher has no such setting.
    """
    changed = config.copy()
    try:
        with read_write(changed):
            changed.hydra.launcher.merge_with(OmegaConf.create(dict(settings)))
    except OmegaConfBaseException as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(
            f"sweep.resources does not fit this launcher: {first}.",
            fix="name settings of hydra.launcher; arogya-bench run --cfg hydra prints them.",
        ) from error
    return changed


def _cancel_rest(config: DictConfig, error: BaseException, *, cancel: bool) -> None:
    """See to it that nothing runs on of a launch that is over.

    What still runs elsewhere is waited for, since it is at fault for nothing, or cancelled on
    Ctrl-C. The workers of a pool have ended with it.
    """
    name = launcher_spec(config).name
    if name == "ray":
        ray_nodes.wait_or_cancel(error, cancel=cancel)
    if name == "slurm":
        slurm.wait_or_cancel(Path(str(config.hydra.launcher.submitit_folder)), cancel=cancel)
