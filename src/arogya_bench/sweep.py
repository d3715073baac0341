"""A sweep: everything checked first, one parent run, jobs that fail alone, a summary."""

import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.markup import escape
from rich.table import Table

from arogya_bench import compose, evaluation, schema, stores, tracking, views
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.errors import ConfigError, Fixable, nearest
from arogya_bench.items import Tags
from arogya_bench.jobs import Job, Prepared, Source, prepare
from arogya_bench.progress import say, screen, working
from arogya_bench.provenance import tags as provenance_tags
from arogya_bench.types import Model

FAILED_EXIT = 3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a sweep did.

    Attributes:
        made: Cells that were evaluated now.
        found: Cells that were there already.
        failed: Runs that did not finish.
        lost: Cells without any run, because the launcher broke.
    """

    made: int
    found: int
    failed: tuple[tracking.RunRecord, ...]
    lost: int

    @property
    def exit_code(self) -> int:
        """0, or 3 if a job failed."""
        return FAILED_EXIT if self.failed or self.lost else 0


def run(request: compose.Request) -> int:
    """Check everything, run every job, say what happened.

    Returns:
        The exit code of the command: 0, or 3 if a job failed.

    Raises:
        Fixable: Before any work starts and before anything is written.
    """
    with working("checking configs and data"):
        jobs = compose.jobs(request)
        store_uri, experiment = _destination(jobs)
        prepared = _prepared(jobs)
        store = stores.open_store(store_uri, experiment, create=True)
        todo = _owed(prepared, store)
    found = len({cell for each in prepared for cell in each.cells.values()} - todo)
    say(_plan(prepared, len(todo), found))
    parent = _open_parent(store, request, prepared)
    status = "KILLED"  # unless the end is reached
    try:
        status = _launch(request, parent)
    finally:
        children = _close(store, parent, status)
    lost = todo - {run.tags.get("arogya.cell") for run in children}
    if lost:  # unless another sweep made them meanwhile
        lost &= _owed(prepared, store)
    outcome = _outcome(children, found=found, lost=len(lost))
    _summary(store, outcome)
    return outcome.exit_code


def evaluate(
    model: str | Model,
    dataset: str | Source,
    *,
    augmentation: str = "clean",
    seed: int = 42,
    tracking_uri: str | None = None,
    overrides: Sequence[str] = (),
) -> evaluation.Evaluation:
    """Evaluate one cell from a notebook; it is logged like any other.

    Args:
        model: A name of the config group ``model``, or an adapter.
        dataset: A name of the config group ``dataset``, or what one builds.
        augmentation: A name of the config group ``augmentation`` with one severity at most, or
            a condition such as ``gaussian_noise_0.1``.
        seed: Of the fit.
        tracking_uri: The store; default: ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` here.
        overrides: More of Hydra's, such as ``image_size=64``.

    Returns:
        The evaluation; made anew even if MLflow holds the cell, since its predictions are wanted.

    Raises:
        Fixable: If a name, the data or the store is wrong.
    """
    words = [f"augmentation={_augmentation(augmentation)}", f"seed={seed}", *overrides]
    words += [
        f"{key}={value}"
        for key, value in (("model", model), ("dataset", dataset))
        if isinstance(value, str)
    ]
    (job,) = compose.jobs(compose.Request(overrides=(*words, "sweep.resume=false")))
    if not isinstance(model, str):
        config = {**job.config, "model": _described(model)}
        job = replace(job, model=model, model_name=type(model).__name__, config=config)
    if not isinstance(dataset, str):
        config = {**job.config, "dataset": _described(dataset)}
        job = replace(job, source=dataset, config=config)
    job = replace(job, conditions=_chosen(job, augmentation))
    store = stores.open_store(tracking_uri or job.tracking_uri, job.experiment, create=True)
    (made,) = evaluation.run_job(job, store, None)
    return made


def _described(adapter: Model | Source) -> dict[str, Any]:
    """What stands in the config of an adapter that came without one."""
    facts: dict[str, Any] = asdict(cast("Any", adapter)) if is_dataclass(adapter) else {}
    kind = type(adapter)
    plain = json.loads(json.dumps(facts, default=str))
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **plain}


def _augmentation(name: str) -> str:
    """The config that holds a condition: its severity, if any, is the last part of its name."""
    stem, _, severity = name.rpartition("_")
    return stem if stem and severity.replace(".", "").isdigit() else name


def _chosen(job: Job, name: str) -> tuple[Condition, ...]:
    found = [each for each in job.conditions if each.name == name]
    if len(job.conditions) == 1 and _augmentation(name) == name:
        found = list(job.conditions)
    if len(found) != 1:
        names = [each.name for each in job.conditions]
        raise ConfigError(
            f"{name!r} is not one condition.{nearest(name, names)}",
            fix=f"choose one of: {', '.join(names)}",
        )
    return tuple(found)


def task(config: DictConfig) -> None:
    """One job, as Hydra calls it in whatever process: it never raises, it records.

    A job that raises would end other jobs with some launchers and hide its cause with all.
    """
    job = schema.job_of(config, HydraConfig.get().runtime.choices)
    parent = config.sweep.parent_run_id
    store = stores.open_store(job.tracking_uri, job.experiment, create=False)
    began = time.perf_counter()
    try:
        made = evaluation.run_job(job, store, parent)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the one place where a failure becomes a record)
        _record_failure(job, store, parent, error)
        say(f"[red]✗ {job.model_name}[/] · {escape(str(error))}")
    else:
        seconds = time.perf_counter() - began
        done = f"{len(made)} cells in {seconds:.1f} s" if made else "already in MLflow"
        say(f"[green]✓ {job.model_name}[/] · seed {job.seed} · {done}")


def _destination(jobs: Sequence[Job]) -> tuple[str | None, str]:
    places = {(job.tracking_uri, job.experiment) for job in jobs}
    if len(places) > 1:
        raise ConfigError(
            "A sweep over tracking would scatter one study over several stores.",
            fix="run one sweep for each tracking.uri or tracking.experiment.",
        )
    return places.pop()


def _prepared(jobs: Sequence[Job]) -> list[Prepared]:
    return [prepare(job) for job in jobs]


def _owed(prepared: Sequence[Prepared], store: stores.Store) -> set[str]:
    """Keys of the cells that have no finished run in MLflow."""
    return {each.cells[it.name] for each in prepared for it in evaluation.missing(each, store)}


def _plan(prepared: Sequence[Prepared], todo: int, found: int) -> str:
    fits = len({each.fit_key for each in prepared})
    return f"{len(prepared)} jobs, {fits} fits, {todo} cells to do, {found} found in MLflow."


def _open_parent(
    store: stores.Store, request: compose.Request, prepared: Sequence[Prepared]
) -> str:
    """Start the sweep run, or adopt the run that ``mlflow run`` made for us.

    The variable is taken away, because every later process would resume that run otherwise.
    """
    names = sorted({each.job.model_name for each in prepared})
    datasets = sorted({each.dataset.name for each in prepared})
    tags = {
        "arogya.kind": "sweep",
        "arogya.overrides": stores.concealed(" ".join(request.overrides), store.uri),
        "arogya.model": ", ".join(names),
        "arogya.dataset": ", ".join(datasets),
        **provenance_tags(),
    }
    adopted = os.environ.pop("MLFLOW_RUN_ID", None)
    if adopted:
        tracking.get(store.uri, adopted)
        tracking.write(store, adopted, [Tags(values=tags)])
        return adopted
    return tracking.start(store, f"sweep · {', '.join(datasets)}", tags)


def _launch(request: compose.Request, parent: str) -> str:
    """Hand the jobs to Hydra's launcher.

    Returns:
        The status of the sweep: FAILED if the launcher itself broke.
    """
    os.environ["AROGYA_SWEEP"] = parent[:8]  # two sweeps in one second get folders of their own
    before, sys.argv = sys.argv, ["arogya-bench", *_words(request, parent)]
    try:
        hydra.main(
            version_base="1.3", config_path=f"pkg://{compose.CONFIGS}", config_name="config"
        )(task)()
    except SystemExit as end:  # how Hydra ends when a launcher breaks; the rest is recorded
        say(f"[red]Hydra's launcher ended with code {end.code}.[/]")
        return "FAILED"
    finally:
        sys.argv = before
    return "FINISHED"


def _words(request: compose.Request, parent: str) -> list[str]:
    """The command line for Hydra, which repeats what we composed and adds the parent run."""
    words = ["--config-name", request.config_name, *(["--multirun"] if request.multirun else [])]
    if request.config_dir:
        words += ["--config-dir", request.config_dir]
    if request.config_path:  # Hydra would look for a relative one beside this file
        packaged = request.config_path.startswith("pkg://")
        place = request.config_path if packaged else str(Path(request.config_path).resolve())
        words += ["--config-path", place]
    return [*words, *request.overrides, f"++sweep.parent_run_id='{parent}'"]


def _record_failure(
    job: Job, store: stores.Store, parent: str | None, error: BaseException
) -> None:
    """Leave one FAILED run for each cell that the job owes, so that none is just absent."""
    cause = tracking.error_tags(error, store)
    try:
        prepared = prepare(job)
    except Fixable:
        tags = {"arogya.kind": "evaluation", "arogya.model": job.model_name, **cause}
        tracking.finish(store, tracking.start(store, job.model_name, tags, parent=parent), "FAILED")
        return
    recorded = {run.tags.get("arogya.cell") for run in _children(store, parent)}
    for condition in evaluation.missing(prepared, store):
        if prepared.cells[condition.name] not in recorded:
            tags = {**evaluation.cell_tags(prepared, condition), **cause}
            name = f"{job.model_name} · {condition.name}"
            tracking.finish(store, tracking.start(store, name, tags, parent=parent), "FAILED")


def _children(store: stores.Store, parent: str | None) -> list[tracking.RunRecord]:
    return tracking.search(store, f"tags.`mlflow.parentRunId` = '{parent}'") if parent else []


def _close(store: stores.Store, parent: str, status: str) -> list[tracking.RunRecord]:
    """End what still runs, name the sweep's views, and give back every run of the sweep."""
    for run in _children(store, parent):
        if run.status == "RUNNING":
            tracking.finish(store, run.run_id, "KILLED")
    children = _children(store, parent)
    failed = any(run.status != "FINISHED" for run in children)
    now = int(time.time() * 1000)
    note = {"mlflow.note.content": views.note(store.link)}
    tracking.tag_experiment(store, {**views.views(now), **note})
    tracking.finish(store, parent, "FAILED" if failed and status == "FINISHED" else status)
    return children


def _outcome(children: Sequence[tracking.RunRecord], *, found: int, lost: int) -> Outcome:
    failed = tuple(run for run in children if run.status != "FINISHED")
    made = sum(_is_cell(run) and run.status == "FINISHED" for run in children)
    return Outcome(made=made, found=found, failed=failed, lost=lost)


def _is_cell(run: tracking.RunRecord) -> bool:
    return run.tags.get("arogya.kind") == "evaluation"


def _summary(store: stores.Store, outcome: Outcome) -> None:
    failed = sum(_is_cell(run) for run in outcome.failed)
    lost = f", {outcome.lost} not run" if outcome.lost else ""
    say(f"{outcome.made} cells made, {outcome.found} found, {failed} failed{lost}.")
    if outcome.failed:
        screen.print(_failures(outcome.failed))
    database = stores.sqlite_path(store.uri)
    server = "http://127.0.0.1:5000" if database else stores.public(store.uri).rstrip("/")
    if database:
        elsewhere = database.parent != Path.cwd()
        say(f"See it: mlflow ui{f' --backend-store-uri {store.uri}' if elsewhere else ''}")
    say(f"  leaderboard {views.link(store.link, views.LEADERBOARD, server=server)}")
    say(f"  robustness  {views.link(store.link, views.ROBUSTNESS, server=server)}")
    say(f"Compare: arogya-bench compare {escape(shlex.quote(store.experiment))}")


def _failures(failed: Sequence[tracking.RunRecord]) -> Table:
    table = Table("run", "status", "cause", "message", title="Not finished")
    for run in failed:
        message = run.tags.get("arogya.error_message", "ended from outside")
        table.add_row(
            run.name,
            run.status,
            run.tags.get("arogya.error", "unknown"),
            escape(message.splitlines()[0] if message else "unknown"),
        )
    return table
