"""One job where a launcher put it: done, or recorded as failed, whatever happens to it.

A worker of a pool does not need what its jobs need, so nothing here imports MLflow or the models.
"""

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.markup import escape

from arogya_bench.errors import MESSAGE_TAG, JobKilled
from arogya_bench.runtime.child_process import run_isolated
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.locks import machine_lock
from arogya_bench.runtime.process import Process
from arogya_bench.sweeps.messages import JobResult, Order

OUTPUT_PREFIX = (
    "arogya-"  # starts the name of the folder that a sweep has for what its launcher writes
)
PRELOAD = ("arogya_bench.sweeps.preload",)  # what every job needs, imported once per worker
MAX_CRASHES = 2  # a job that ends its own process so often stays KILLED


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a launcher calls with the config of each job, in whatever process: it never raises.

    A job that raises would end other jobs with some launchers and hide its cause with all.

    Attributes:
        store_uri: Address of the store.
        parent: Run id of the sweep.
        owner: The process of the sweep.
        isolated: Whether each job gets a process of its own, so that its death is not ours.
        timeout: Seconds for a job; None for as long as it takes.
        folder: Where the sweep was started; relative paths of data start there.
        environment: Variables of the sweep that this launcher does not hand on itself.
    """

    store_uri: str
    parent: str
    owner: Process
    isolated: bool
    timeout: float | None
    folder: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, config: DictConfig) -> JobResult:
        """Do one job."""
        self.enter_sweep_environment()
        order = Order(
            config=config,
            choices=dict(HydraConfig.get().runtime.choices),
            store_uri=self.store_uri,
            parent=self.parent,
        )
        with machine_lock(exclusive=config.sweep.exclusive):
            report = self._in_child_process(order) if self.isolated else execute(order)
        print_result(report)
        if not self.owner.is_local:  # who tidies up there does not see this machine
            remove_outputs(Path(HydraConfig.get().runtime.output_dir))
        return report

    def enter_sweep_environment(self) -> None:
        """Take over the folder and the variables of the sweep, as far as they are lacking here."""
        os.environ.update(self.environment)
        os.environ.pop("MLFLOW_RUN_ID", None)  # every new run would resume that one
        if Path(self.folder).is_dir():
            os.chdir(self.folder)

    def _in_child_process(self, order: Order) -> JobResult:
        owner = self.owner if self.owner.is_local else None
        began, strikes = time.perf_counter(), 0
        while True:
            ending = run_isolated(
                execute, order, timeout=self.timeout, owner=owner, preload=PRELOAD
            )
            if ending.error is None:
                done: JobResult = ending.result
                return done
            from arogya_bench.sweeps import job as performing  # heavy, and rarely needed here

            report = performing.record_crash(order, ending, time.perf_counter() - began)
            strikes += 1
            if strikes == MAX_CRASHES or not isinstance(ending.error, JobKilled):
                return report


def execute(order: Order) -> JobResult:
    """Do a job in this process; all that is heavy is imported where a job really runs."""
    from arogya_bench.sweeps import job as performing

    return performing.execute(order)


def remove_outputs(folder: Path) -> None:
    """Remove what Hydra wrote for one job, if it lies in the folder of a sweep."""
    if folder.parent.name.startswith(OUTPUT_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another job of the sweep is still here
            folder.parent.rmdir()


def print_result(result: JobResult) -> None:
    """Say what a job came to."""
    name = escape(result.name)
    if result.cause:
        message = escape(result.cause[MESSAGE_TAG])
        echo(f"[red]✗ {name}[/] · seed {result.seed} · {message}")
        return
    cells = plural(result.evaluated, "cell")
    done = f"{cells} in {result.seconds:.1f} s" if result.evaluated else "already in MLflow"
    echo(f"[green]✓ {name}[/] · seed {result.seed} · {done}")
