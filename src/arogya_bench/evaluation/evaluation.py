"""One job from start to end: fit the model or find its fit, then evaluate every condition."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from rich.markup import escape as escape_markup

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.datasets.splits import with_dataset
from arogya_bench.errors import TrackingError
from arogya_bench.evaluation.fitting import Fit, find_or_fit
from arogya_bench.evaluation.job import Job, PlannedJob, prepare
from arogya_bench.evaluation.model_output import Outputs
from arogya_bench.evaluation.outputs import load_outputs
from arogya_bench.evaluation.run_items import cell_tags, evaluation_items
from arogya_bench.images.decoded_cache import with_decoded_cache
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.locks import cell_lock
from arogya_bench.runtime.progress import is_shown, show_activity
from arogya_bench.runtime.threads import use_threads
from arogya_bench.scoring.scores import EvaluationScores, compute_scores
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import get_task
from arogya_bench.tracking.items import ModelInput
from arogya_bench.tracking.runs import (
    FINISHED_EVALUATIONS,
    close_on_error,
    finish_run,
    search_runs,
    start_run,
    write_items,
)
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import CELL_KEY, FIT_KEY, FIT_RUN_ID, NOTES, evaluation_name


@dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation:
    """The results of one condition of a job, as its MLflow run holds them."""

    run_id: str
    cell_key: str
    model: str
    dataset: str
    condition: str
    predictions: AnyPredictions
    scores: EvaluationScores

    def __repr__(self) -> str:
        """Who was evaluated on what, the default metric of the task with its interval, and the run."""
        cases, score = plural(self.scores.cases, "case"), self.describe_score()
        return f"Evaluation({self.model} on {self.dataset}, {self.condition}, {cases}: {score}; run_id={self.run_id!r})"

    def describe_score(self) -> str:
        """The default metric of the task with its interval."""
        return self.scores.describe(get_task(self.predictions).default_metric)

    def _repr_html_(self) -> str:
        """The same, and every metric with its bounds, for notebooks."""
        table = self.scores.table().to_html(index=False, border=0, na_rep="", float_format="{:.3f}".format)
        return f"<p>{escape(repr(self))}</p>{table}"


def run_job(job: Job, store: Store, parent: str | None) -> list[Evaluation]:
    """Fit the model or find its fit, then evaluate every condition that MLflow does not hold yet.

    A cell that fails becomes a FAILED run, and the remaining ones are evaluated all the same.

    Args:
        job: A validated composition.
        store: Where to log.
        parent: Run id of the sweep; None for a job of its own.

    Returns:
        The new evaluations, in the order of the conditions.

    Raises:
        Exception: The first failure, after all cells were tried; at once if it comes from the
            machine or the store, which the remaining cells would meet too.
    """
    planned = prepare(job)
    pending = missing_conditions(planned, store, parent)
    if not pending:
        return []
    use_threads(job.threads)
    planned = _with_decoded_images(planned)
    evaluations: list[Evaluation] = []
    failures: list[Exception] = []
    with find_or_fit(planned, store, parent) as fit:
        outputs = load_outputs(planned, fit.weights, fit.validation, store=store.digest)
        for number, condition in enumerate(pending, start=1):
            try:
                with show_activity(f"{condition.name}, {number} of {plural(len(pending), 'cell')}"):
                    done = _evaluate_condition(planned, condition, outputs, fit, store, parent)
                _show_scores(done, of=len(pending))
                evaluations += done
            except (TrackingError, OSError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001  (it is in the run, and is raised below)
                failures.append(error)
    if failures:
        raise failures[0]
    return evaluations


def _show_scores(evaluations: Sequence[Evaluation], *, of: int) -> None:
    """Print the score of a cell on a terminal, where a job has several: that of a single one is on the job's line."""
    for evaluation in evaluations if of > 1 and is_shown() else ():
        echo(escape_markup(f"  {evaluation.model} · {evaluation.condition} · {evaluation.describe_score()}"))


def missing_conditions(planned: PlannedJob, store: Store, parent: str | None = None) -> list[Condition]:
    """Find the conditions of a job without a finished run in MLflow.

    Without ``resume``, only the finished runs of this sweep itself count.
    """
    finished = _finished_cells(planned, store, parent, f"tags.`{FIT_KEY}` = '{planned.fit_key}'")
    return [condition for condition in planned.job.conditions if planned.cell_keys[condition.name] not in finished]


def _with_decoded_images(planned: PlannedJob) -> PlannedJob:
    """Decode every image once for all jobs, unless the job is limited to a few cases."""
    job = planned.job
    if job.limit is not None:
        return planned
    dataset = with_decoded_cache(planned.dataset, limit_gb=job.image_cache_gb)
    return replace(planned, dataset=dataset, split=with_dataset(planned.split, dataset))


def _finished_cells(planned: PlannedJob, store: Store, parent: str | None, condition: str) -> set[str]:
    """The keys of the finished evaluations that meet a filter condition and may be reused."""
    if not planned.job.resume:
        if parent is None:
            return set()
        condition += f" and tags.`mlflow.parentRunId` = '{parent}'"
    return {run.tags[CELL_KEY] for run in search_runs(store, f"{FINISHED_EVALUATIONS} and {condition}")}


def _evaluate_condition(
    planned: PlannedJob, condition: Condition, outputs: Outputs, fit: Fit, store: Store, parent: str | None
) -> list[Evaluation]:
    """Evaluate one cell in a run of its own; empty if another process finished it in the meantime."""
    cell = planned.cell_keys[condition.name]
    with cell_lock(digest_of({"cell": cell, "store": store.digest})):
        if _finished_cells(planned, store, parent, f"tags.`{CELL_KEY}` = '{cell}'"):
            return []
        tags = {**cell_tags(planned, condition), FIT_RUN_ID: fit.run_id}
        tags |= {NOTES: fit.notes} if fit.notes else {}
        run_id = start_run(store, evaluation_name(tags), tags, parent=parent)
        with close_on_error(store, run_id):
            output = outputs.predict(condition)
            scores = compute_scores(
                output.predictions,
                resamples=planned.job.resamples,
                seed=planned.split.digest,
                plugin_metrics=planned.job.metrics,
            )
            if not planned.dataset.ordinal:
                scores = scores.without_grades(planned.dataset.classes)
            items = evaluation_items(planned, condition, output, scores)
            write_items(store, run_id, [ModelInput(model_id=fit.model_id), *items])
            finish_run(store, run_id)
    return [
        Evaluation(
            run_id=run_id,
            cell_key=cell,
            model=planned.job.row_name,
            dataset=planned.dataset.name,
            condition=condition.name,
            predictions=output.predictions,
            scores=scores,
        )
    ]
