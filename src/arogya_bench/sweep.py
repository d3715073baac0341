"""A sweep: everything checked first, one parent run, jobs that fail alone, a summary."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import hydra
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig
from rich.markup import escape

from arogya_bench import compose, evaluation, plugins, schema, stores, summary, tracking, views
from arogya_bench.addresses import concealed
from arogya_bench.errors import ConfigError, Fixable
from arogya_bench.gate.findings import Report
from arogya_bench.items import TableView, Tags
from arogya_bench.jobs import Job, Prepared, prepare
from arogya_bench.progress import counted, say, working
from arogya_bench.provenance import tags as provenance_tags
from arogya_bench.types import Dataset


def run(request: compose.Request) -> int:
    """Check everything, run every job, say what happened.

    Returns:
        The exit code of the command: 0, or 3 if a job failed.

    Raises:
        Fixable: Before any work starts and before anything is written.
    """
    stores.follow_mlflow_run()
    with working("checking configs and data"):
        jobs = compose.jobs(request)
        store_uri, experiment = _destination(jobs)
        stores.require(store_uri)  # before minutes go into drawing or reading data
        prepared = _prepared(jobs)
        store = stores.open_store(store_uri, experiment, create=True)
        todo = _owed(prepared, store)
    found = len({cell for each in prepared for cell in each.cells.values()} - todo)
    say(_plan(prepared, len(todo), found))
    reports = {each.gate.split_digest: each.gate for each in prepared}
    for report in reports.values():
        say(escape(report.summary()))
    parent = _open_parent(store, request, prepared)
    status = "KILLED"  # unless the end is reached
    try:
        tracking.write(store, parent, _gate_tables(reports))
        status = _launch(request, parent)
    finally:
        children = _close(store, parent, status)
    lost = todo - {run.tags.get("arogya.cell") for run in children}
    if lost:  # unless another sweep made them meanwhile
        lost &= _owed(prepared, store)
    outcome = summary.outcome(children, found=found, lost=len(lost))
    summary.show(store, outcome)
    return outcome.exit_code


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
        say(f"[red]✗ {job.row_name}[/] · {escape(str(error))}")
    else:
        seconds = time.perf_counter() - began
        done = f"{counted(len(made), 'cell')} in {seconds:.1f} s" if made else "already in MLflow"
        say(f"[green]✓ {job.row_name}[/] · seed {job.seed} · {done}")


def _gate_tables(reports: Mapping[str, Report]) -> Iterator[TableView]:
    """What the gate found in each dataset as it was divided, where ``mlflow ui`` shows it."""
    for key, report in reports.items():
        yield TableView(file=f"gate/{report.dataset}-{key[:6]}.json", rows=report.table())


def _destination(jobs: Sequence[Job]) -> tuple[str | None, str]:
    places = {(job.tracking_uri, job.experiment) for job in jobs}
    if len(places) > 1:
        raise ConfigError(
            "A sweep over tracking would scatter one study over several stores.",
            fix="run one sweep for each tracking.uri or tracking.experiment.",
        )
    return places.pop()


def _prepared(jobs: Sequence[Job]) -> list[Prepared]:
    """Prepare every job; jobs of the same source share one dataset in memory."""
    loaded: dict[str, Dataset] = {}
    prepared = []
    for job in jobs:
        source = repr(job.source)
        prepared.append(prepare(job, loaded.get(source)))
        loaded[source] = prepared[-1].dataset
    return prepared


def _owed(prepared: Sequence[Prepared], store: stores.Store) -> set[str]:
    """Keys of the cells that have no finished run in MLflow."""
    return {each.cells[it.name] for each in prepared for it in evaluation.missing(each, store)}


def _plan(prepared: Sequence[Prepared], todo: int, found: int) -> str:
    fits = len({each.fit_key for each in prepared})
    jobs, fitted = counted(len(prepared), "job"), counted(fits, "fit")
    return f"{jobs}, {fitted}, {counted(todo, 'cell')} to do, {found} found in MLflow."


def _open_parent(
    store: stores.Store, request: compose.Request, prepared: Sequence[Prepared]
) -> str:
    """Start the sweep run, or adopt the run that ``mlflow run`` made for us.

    A run of another experiment stays what it is: children do not nest across experiments. The
    variable is taken away, because every later process would resume that run otherwise.
    """
    names = sorted({each.job.row_name for each in prepared})
    datasets = sorted({each.dataset.name for each in prepared})
    tags = {
        "arogya.kind": "sweep",
        "arogya.overrides": concealed(" ".join(request.overrides), store.uri),
        "arogya.model": ", ".join(names),
        "arogya.dataset": ", ".join(datasets),
        **provenance_tags(),
    }
    adopted = os.environ.pop("MLFLOW_RUN_ID", None)
    if adopted and tracking.get(store.uri, adopted).experiment_id == store.experiment_id:
        tracking.write(store, adopted, [Tags(values=tags)])
        return adopted
    return tracking.start(store, f"sweep · {', '.join(datasets)}", tags)


class _Announced(SearchPathPlugin):  # type: ignore[misc]
    """What ``compose`` searches beside ours, for Hydra's main."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append it."""
        for name in (compose.CONFIGS, *(p.name for p in plugins.announced() if not p.fault)):
            search_path.append("arogya-bench", f"pkg://{name}")


def _launch(request: compose.Request, parent: str) -> str:
    """Hand the jobs to Hydra's launcher.

    Returns:
        The status of the sweep: FAILED if the launcher itself broke.
    """
    before, sys.argv = sys.argv, ["arogya-bench", *_words(request, parent)]
    configs = f"pkg://{compose.CONFIGS}"
    Plugins.instance().register(_Announced)
    with tempfile.TemporaryDirectory() as folder:
        # Hydra's own notes repeat the command line, which may hold a password; ours are in MLflow.
        os.environ["AROGYA_OUTPUTS"] = folder
        try:
            hydra.main(version_base="1.3", config_path=configs, config_name="config")(task)()
        except (Exception, SystemExit) as end:  # noqa: BLE001  (jobs never raise: a launcher broke)
            say(f"[red]Hydra's launcher broke:[/] {escape(repr(end))}")
            return "FAILED"
        finally:
            sys.argv = before
            del os.environ["AROGYA_OUTPUTS"]
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
        tags = {"arogya.kind": "evaluation", "arogya.model": job.row_name, **cause}
        tracking.finish(store, tracking.start(store, job.row_name, tags, parent=parent), "FAILED")
        return
    recorded = {run.tags.get("arogya.cell") for run in _children(store, parent)}
    for condition in evaluation.missing(prepared, store):
        if prepared.cells[condition.name] not in recorded:
            tags = {**evaluation.cell_tags(prepared, condition), **cause}
            name = f"{job.row_name} · {condition.name}"
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
