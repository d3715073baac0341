"""Jobs handed to one of Hydra's launchers, which are taken as they are."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from joblib import cpu_count
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from arogya_bench.compose import Study
from arogya_bench.plan import Wish
from arogya_bench.worker import Report, Task

SETTINGS = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What a launcher is like.

    Attributes:
        name: As its extra is called.
        apart: Whether its jobs get processes of their own.
        shared: Whether its workers need a folder that all machines see.
    """

    name: str
    apart: bool = True
    shared: bool = False


ENGINES = {
    "BasicLauncher": Engine(name="basic", apart=False),
    "JoblibLauncher": Engine(name="joblib"),
    "LocalLauncher": Engine(name="slurm"),
    "SlurmLauncher": Engine(name="slurm", shared=True),
    "RayLauncher": Engine(name="ray"),
}


def engine_of(config: DictConfig) -> Engine:
    """What the launcher of a sweep is like; one that we do not know is taken to be remote."""
    name = str(config.hydra.launcher.get("_target_")).rpartition(".")[2]
    return ENGINES.get(name, Engine(name=name))


def threads_of(config: DictConfig) -> int | None:
    """The threads of each worker, so that all together are as many as there are processors.

    None where one worker has the machine, or nobody says how much of it a worker has.
    """
    launcher, name = config.hydra.launcher, engine_of(config).name
    if name == "joblib":
        return max(1, int(cpu_count()) // workers_of(config))
    if name == "slurm":
        asked = launcher.get("cpus_per_task")
        return None if asked is None else int(asked)
    if name == "ray":
        asked = OmegaConf.select(launcher, "ray.remote.num_cpus")
        return None if asked is None else max(1, int(asked))
    return None


def workers_of(config: DictConfig) -> int:
    """How many jobs run at once on this machine; a cluster counts as one, as nobody knows it."""
    if engine_of(config).name != "joblib":
        return 1
    workers = int(config.hydra.launcher.n_jobs)
    return max(1, int(cpu_count()) + 1 + workers) if workers < 0 else workers


@contextmanager
def outputs(config: DictConfig) -> Iterator[None]:
    """Give the launcher a folder of this sweep alone, where the user named none.

    What Hydra and submitit leave there repeats the config, which may hold a password; what
    matters is in MLflow. So nobody else may read it, and it is removed.
    """
    if config.hydra.sweep.dir != "auto":
        yield
        return
    if engine_of(config).shared:
        folder = Path.cwd() / "outputs" / f"sweep-{uuid4().hex[:12]}"
        folder.mkdir(parents=True, mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix="arogya-"))
    with read_write(config), open_dict(config):
        config.hydra.sweep.dir = str(folder)
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{folder}'")
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def launch(
    study: Study, task: Task, wishes: Sequence[Wish], *, settings: SETTINGS | None = None
) -> list[Report]:
    """Run jobs, and come back when all have ended, with what each came to.

    Args:
        study: With the config of the launcher.
        task: What it calls.
        wishes: The jobs.
        settings: Of the launcher, beside its own.

    Raises:
        Exception: Whatever the launcher raises when it breaks.
    """
    config = study.config.copy()
    if settings:
        with read_write(config), open_dict(config):
            config.hydra.launcher.merge_with(OmegaConf.create(dict(settings)))
    count = threads_of(config)
    threads = [] if count is None else [f"threads={count}"]
    words = [
        [*each.composition.words, *(threads if each.composition.job.threads is None else [])]
        for each in wishes
    ]
    callbacks = Callbacks(config)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=study.loader, callbacks=callbacks),
        task_function=task,
        config=config,
    )
    callbacks.on_multirun_start(config=config)
    try:
        ended = launcher.launch(words, initial_job_idx=0)
    finally:
        callbacks.on_multirun_end(config=config)
    return [each.return_value for each in ended]
