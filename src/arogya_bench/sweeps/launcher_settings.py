"""What Hydra's launchers differ in, and what a config says about the one of a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from joblib import cpu_count
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.evaluation.job import Job

LauncherSettings = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class LauncherSpec:
    """The properties of a launcher.

    Attributes:
        name: Its short name, which is also that of its extra.
        in_child_process: Whether each of its jobs runs in a child process of the worker.
        remote: Whether its workers may be on other machines, which cannot print to the terminal.
        inherits_environment: Whether its workers have the environment variables of the sweep.
    """

    name: str
    in_child_process: bool = True
    remote: bool = False
    inherits_environment: bool = True


LAUNCHER_SPECS = {
    "BasicLauncher": LauncherSpec(name="basic", in_child_process=False),
    "JoblibLauncher": LauncherSpec(name="joblib"),
    "LocalLauncher": LauncherSpec(name="slurm"),
    "SlurmLauncher": LauncherSpec(name="slurm", remote=True),
    "RayLauncher": LauncherSpec(name="ray", remote=True, inherits_environment=False),
}


def launcher_spec(config: DictConfig) -> LauncherSpec:
    """The properties of the launcher of a sweep; an unknown launcher is assumed to be remote."""
    name = str(config.hydra.launcher.get("_target_")).rpartition(".")[2]
    unknown = LauncherSpec(name=name, remote=True, inherits_environment=False)
    return LAUNCHER_SPECS.get(name, unknown)


def runs_in_child_process(config: DictConfig) -> bool:
    """Whether each job of a sweep runs in a child process; with a budget always, so that it can be ended."""
    return launcher_spec(config).in_child_process or config.sweep.budget is not None


def threads_per_worker(config: DictConfig) -> int | None:
    """Number of threads of each worker, so that all workers together use every processor once.

    None where one worker has the whole machine, or its share is not configured.
    """
    launcher, name = config.hydra.launcher, launcher_spec(config).name
    if name == "joblib":
        return max(1, int(cpu_count()) // worker_count(config))
    if name == "slurm":
        cpus = launcher.get("cpus_per_task")
        return None if cpus is None else int(cpus)
    if name == "ray":
        cpus = OmegaConf.select(launcher, "ray.remote.num_cpus")
        return 1 if cpus is None else max(1, int(cpus))  # Ray reserves one CPU by default
    return None


def worker_count(config: DictConfig) -> int:
    """Number of jobs that run at once; 1 for a cluster, whose size is not known."""
    if launcher_spec(config).name != "joblib":
        return 1
    workers = int(config.hydra.launcher.n_jobs)
    return max(1, int(cpu_count()) + 1 + workers) if workers < 0 else workers


def job_launcher_settings(config: DictConfig, job: Job) -> dict[str, object]:
    """Settings of the launcher for one job, in addition to those of the sweep."""
    resources = config.sweep.resources.get(job.model_name) or {}
    settings = cast("dict[str, object]", OmegaConf.to_container(OmegaConf.create(resources)))
    if job.exclusive and launcher_spec(config).name == "joblib":
        settings["n_jobs"] = 1
    return settings


def with_launcher_settings(config: DictConfig, settings: LauncherSettings) -> DictConfig:
    """Copy the config of a sweep with other settings of its launcher; ConfigError if it has no such setting."""
    changed = config.copy()
    try:
        with read_write(changed):
            changed.hydra.launcher.merge_with(OmegaConf.create(dict(settings)))
    except OmegaConfBaseException as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"sweep.resources does not fit this launcher: {reason}.",
            fix="name settings of hydra.launcher; arogya-bench run --cfg hydra prints them.",
        ) from error
    return changed


def with_fewer_workers(config: DictConfig, jobs: int) -> DictConfig:
    """Copy the config of a sweep with no more workers than jobs: one without work would not know its sweep."""
    if worker_count(config) <= jobs:
        return config
    return with_launcher_settings(config, {"n_jobs": jobs})


def validate_launcher(sweep: ComposedSweep) -> None:
    """Check the settings of a sweep that concern its launcher.

    Raises:
        ConfigError: If there are no workers, a time limit without child processes to end, or
            resources for an unknown model or with an unknown setting.
    """
    config = sweep.config
    timeout, resources = config.sweep.job_timeout, config.sweep.resources
    if timeout is not None and not runs_in_child_process(config):
        raise ConfigError(
            f"sweep.job_timeout={timeout:g} needs jobs in child processes, but "
            "hydra/launcher=basic runs them in the process of the sweep.",
            fix="add hydra/launcher=pool, or remove sweep.job_timeout.",
        )
    _check_max_failures(config)
    _check_workers(config)
    models = {job.model_name for job in sweep.jobs}
    for name, settings in resources.items():
        if name not in models:
            raise ConfigError(
                f"sweep.resources names {name!r}, which is not a model of this sweep.{did_you_mean(str(name), models)}",
                fix=f"name one of: {', '.join(sorted(models))}",
            )
        _check_workers(with_launcher_settings(config, settings))


def _check_max_failures(config: DictConfig) -> None:
    limit = config.sweep.max_failures
    if limit is None:
        return
    if limit < 1:
        raise ConfigError(
            f"sweep.max_failures={limit} lets no job start.", fix="set it to 1 or more, or to null for no limit."
        )
    launcher = launcher_spec(config)
    if launcher.remote:
        raise ConfigError(
            f"sweep.max_failures={limit} counts the jobs of this machine, but {launcher.name} runs them on others.",
            fix="leave sweep.max_failures out, or add hydra/launcher=pool.",
        )


def _check_workers(config: DictConfig) -> None:
    try:
        workers = worker_count(config)
        problem = f"hydra.launcher.n_jobs={workers}: with {workers} workers no job can run."
    except OmegaConfBaseException as error:  # about the variable that the setting refers to
        workers = 0
        problem = f"hydra.launcher.n_jobs is not a number: {str(error).partition(chr(10))[0]}."
    if workers < 1:
        raise ConfigError(
            problem,
            fix="set AROGYA_WORKERS or hydra.launcher.n_jobs to the number of jobs that run at "
            "once; -1 is one for each processor.",
        )
