"""Runs one job where a launcher put it, and reports its result whatever happens.

A worker process does not need what its jobs need, so this module imports neither MLflow nor models.
"""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.markup import escape

from arogya_bench.errors import JobKilled, UserError
from arogya_bench.runtime.child_process import run_isolated
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.locks import machine_lock
from arogya_bench.runtime.owner_watch import work_for
from arogya_bench.runtime.process import Process
from arogya_bench.runtime.progress import show_activity
from arogya_bench.sweeps.job_result import JobResult, job_key
from arogya_bench.sweeps.ledger import Ledger
from arogya_bench.tracking.tags import ERROR_MESSAGE

OUTPUT_PREFIX = "arogya-"  # of the temporary folder that a sweep gives its launcher
MAX_CRASHES = 2  # a job whose process was killed this often is not tried again
PRELOADED_MODULES = ("arogya_bench.sweeps.preload",)


@dataclass(frozen=True, kw_only=True)
class RunJob:
    """The task function of a sweep: a launcher calls it with the config of each job.

    It never raises. With some launchers an exception would end other jobs, with all of them it
    would hide its own cause.

    Attributes:
        parent: Run id of the sweep.
        owner: The process of the sweep.
        in_child_process: Whether each job gets its own process, so that a crash does not end the worker.
        timeout: Seconds that a job may take; None means no limit.
        ledger: What the sweep costs, if it runs on this machine.
        folder: Where the sweep was started; relative paths of data are resolved there.
        environment: Variables of the sweep that the launcher does not forward itself.
    """

    store_uri: str
    parent: str
    owner: Process
    in_child_process: bool
    timeout: float | None
    folder: str
    ledger: Ledger | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, config: DictConfig) -> JobResult:
        """Run one job and print its result, as long as the sweep lives."""
        with work_for(self.owner):
            return self._run_and_print(config)

    def _run_and_print(self, config: DictConfig) -> JobResult:
        self.enter_sweep_environment()
        choices = dict(HydraConfig.get().runtime.choices)
        key = job_key(HydraConfig.get().overrides.task)
        with machine_lock(exclusive=config.sweep.exclusive):
            refusal = self.ledger.begin(key) if self.ledger else None
            if refusal:
                result, facts = self._refused(config, key, refusal), []
            else:
                with show_activity(self.ledger.progress(key) if self.ledger else ""):
                    result = self._run(config, choices)
                facts = self._note_end(key, result)
        print_result(result, facts=facts)
        if not self.owner.is_local:  # the sweep cannot clean up on this machine
            remove_outputs(Path(HydraConfig.get().runtime.output_dir))
        return result

    def enter_sweep_environment(self) -> None:
        """Adopt the working folder and the environment variables of the sweep."""
        os.environ.update(self.environment)
        os.environ.pop("MLFLOW_RUN_ID", None)  # MLflow would resume that run for every new one
        if Path(self.folder).is_dir():
            os.chdir(self.folder)

    def _run(self, config: DictConfig, choices: Mapping[str, str]) -> JobResult:
        run = self._in_child_process if self.in_child_process else execute
        return run(config, choices, self.store_uri, self.parent)

    def _note_end(self, key: str, result: JobResult) -> list[str]:
        """Note that a job has ended; return what it and the rest of the sweep cost, and how far the sweep is."""
        if self.ledger is None:
            return []
        cost = self.ledger.end(key, result.seconds, api_usd=result.api_usd, failed=bool(result.cause))
        return [cost, self.ledger.progress(key)]

    def _refused(self, config: DictConfig, key: str, refusal: UserError) -> JobResult:
        from arogya_bench.tracking.runs import error_tags  # slow to import, and rarely needed

        row = self.ledger.plan.jobs[key].row if self.ledger and key in self.ledger.plan.jobs else key
        cause = error_tags(refusal, self.store_uri)
        return JobResult(name=row, seed=config.seed, evaluated=0, seconds=0.0, cause=cause)

    def _in_child_process(self, *job: Any) -> JobResult:
        """Call ``execute`` in a child process, once more if that is killed."""
        owner, start = self.owner if self.owner.is_local else None, time.perf_counter()
        stop = self.ledger.stop_reason if self.ledger and self.ledger.plan.budget is not None else None
        result: JobResult | None = None
        for _ in range(MAX_CRASHES):
            ended = run_isolated(execute, *job, timeout=self.timeout, owner=owner, stop=stop, preload=PRELOADED_MODULES)
            if ended.error is None:
                finished: JobResult = ended.result
                return finished.after(result)
            from arogya_bench.sweeps.job import record_crash  # slow to import, and rarely needed

            config, choices, store_uri = job[:3]
            crashed = record_crash(config, choices, store_uri, ended, time.perf_counter() - start)
            result = crashed.after(result)
            if not isinstance(ended.error, JobKilled):
                break
        return cast("JobResult", result)


def execute(config: DictConfig, choices: Mapping[str, str], store_uri: str, parent: str) -> JobResult:
    """Run a job in this process, importing MLflow and the models only now."""
    from arogya_bench.sweeps import job

    return job.execute(config, choices, store_uri, parent)


def remove_outputs(folder: Path) -> None:
    """Remove what Hydra wrote for one job, unless the user named the output folder."""
    if folder.parent.name.startswith(OUTPUT_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # not empty: another job of the sweep still runs here
            folder.parent.rmdir()


def print_result(result: JobResult, *, facts: Sequence[str] = ()) -> None:
    """Print one line on how a job ended, its score, and those facts on its sweep that are not empty."""
    cost = "".join(f" · {escape(fact)}" for fact in facts if fact)
    name = escape(result.name)
    if result.cause:
        problem, line_break, fix = result.cause[ERROR_MESSAGE].partition("\n")
        echo(f"[red]✗ {name}[/] · seed {result.seed} · {escape(problem)}{cost}{line_break}{escape(fix)}")
        return
    cells = plural(result.evaluated, "cell")
    done = f"{cells} in {result.seconds:.1f} s" if result.evaluated else "already in MLflow"
    score = f" · {escape(result.score)}" if result.score else ""
    echo(f"[green]✓ {name}[/] · seed {result.seed}{score} · {done}{cost}")
