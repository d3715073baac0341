"""Imported cells as runs: scored, logged once, and put beside those that the experiment has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arogya_bench.importing.cells import ImportedCell, cells_of_test, validation_cells
from arogya_bench.importing.identity import EvaluatedOn
from arogya_bench.importing.run_items import (
    ImportSource,
    cell_key,
    evaluation_items,
    evaluation_tags,
    fit_items,
    fit_key,
    shared_tags,
)
from arogya_bench.scoring.scores import EvaluationScores, compute_scores
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.scoring.tasks import get_task
from arogya_bench.tracking.runs import (
    FINISHED_EVALUATIONS,
    FINISHED_FITS,
    RunRecord,
    close_on_error,
    finish_run,
    search_runs,
    start_run,
    write_items,
)
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    CELL_KEY,
    CONDITION,
    DATASET,
    DATASET_DIGEST,
    FIT_KEY,
    FIT_RUN_ID,
    KIND,
    MODEL_CONFIG_DIGEST,
    SEED,
    SPLIT_DIGEST,
)


@dataclass(frozen=True, kw_only=True)
class ImportPlan:
    """What is to be logged, all of it checked.

    Attributes:
        cells: Of the test and the validation split.
        resamples: Number of bootstrap resamples; 0 for no intervals.
    """

    source: ImportSource
    on: EvaluatedOn
    cells: tuple[ImportedCell, ...]
    resamples: int


@dataclass(frozen=True, kw_only=True)
class ImportedRun:
    """One cell after the import.

    Attributes:
        run_id: Of its run.
        is_new: False if the experiment had the same predictions already.
        replaces: Whether it replaces an earlier evaluation of this model, seed and condition with other predictions.
        scores: None if it is not new.
    """

    cell: ImportedCell
    run_id: str
    is_new: bool
    replaces: bool = False
    scores: EvaluationScores | None = None


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """The runs of an import, and what the user should know of them, one sentence each."""

    runs: tuple[ImportedRun, ...]
    notes: tuple[str, ...]


def log_cells(plan: ImportPlan, store: Store, *, progress: Callable[[str], None] = lambda _: None) -> ImportResult:
    """Score and log every cell that the experiment does not hold yet."""
    logged = _logged_on(store, plan.on.name)
    keys = {run.tags[CELL_KEY]: run.run_id for run in logged if CELL_KEY in run.tags}
    fits = _log_fits(plan, store)
    runs = []
    for cell in cells_of_test(plan.cells):
        key = cell_key(cell, plan.on, resamples=plan.resamples)
        if key in keys:
            runs.append(ImportedRun(cell=cell, run_id=keys[key], is_new=False))
            continue
        progress(cell.words)
        tags = evaluation_tags(cell, plan.on, plan.source, key=key)
        fit = fits.get((cell.model, cell.seed))
        run_id = start_run(store, f"{cell.model} · {cell.condition}", {**tags, **({FIT_RUN_ID: fit} if fit else {})})
        with close_on_error(store, run_id):
            scores = score_cell(cell.predictions, resamples=plan.resamples, seed=plan.on.split_digest)
            if not plan.on.ordered:
                scores = scores.without_grades(cell.predictions.classes)
            write_items(store, run_id, evaluation_items(cell, plan.on, plan.source, scores))
            finish_run(store, run_id)
        replaces = any(_is_same_place(run, tags) for run in logged)
        runs.append(ImportedRun(cell=cell, run_id=run_id, is_new=True, replaces=replaces, scores=scores))
    return ImportResult(runs=tuple(runs), notes=(*plan.source.notes, *_comparability_notes(plan.on, logged)))


def score_cell(predictions: AnyPredictions, *, resamples: int, seed: str) -> EvaluationScores:
    """Every metric of a cell; without resamples there are no intervals."""
    if resamples:
        return compute_scores(predictions, resamples=resamples, seed=seed)
    scores = get_task(predictions).score(predictions)
    return EvaluationScores(
        values=scores.values,
        intervals={},
        undefined=scores.undefined,
        flags=scores.flags,
        cases=len(predictions.case_ids),
        groups=len(set(predictions.group_ids)),
        resampling_digests=(),
    )


def _log_fits(plan: ImportPlan, store: Store) -> dict[tuple[str, str], str]:
    """Run ids of the fits that validation predictions stand for, by model and seed; those of earlier imports too."""
    fits = {}
    for cell in validation_cells(plan.cells):
        key = fit_key(cell, plan.on)
        found = search_runs(store, f"{FINISHED_FITS} and tags.`{FIT_KEY}` = '{key}'")
        fits[cell.model, cell.seed] = found[-1].run_id if found else _log_fit(cell, plan, store, key)
    return fits


def _log_fit(cell: ImportedCell, plan: ImportPlan, store: Store, key: str) -> str:
    tags = {**shared_tags(cell, plan.on, plan.source), KIND: "fit", FIT_KEY: key}
    run_id = start_run(store, f"{cell.model} · validation", tags)
    with close_on_error(store, run_id):
        write_items(store, run_id, fit_items(cell, plan.on, plan.source))
        finish_run(store, run_id)
    return run_id


def _is_same_place(run: RunRecord, tags: dict[str, str]) -> bool:
    names = (MODEL_CONFIG_DIGEST, CONDITION, SEED, DATASET_DIGEST, SPLIT_DIGEST)
    return all(run.tags.get(name) == tags[name] for name in names)


def _comparability_notes(on: EvaluatedOn, logged: Sequence[RunRecord]) -> list[str]:
    """Say why rows of the same dataset name will not stand in one table with the imported ones."""
    data = [run for run in logged if run.tags.get(DATASET_DIGEST) != on.digest]
    splits = [run for run in logged if run not in data and run.tags.get(SPLIT_DIGEST) != on.split_digest]
    reasons = [(data, "have other cases, groups, labels or classes"), (splits, "have other test cases")]
    return [
        f"Evaluations on {on.name!r} in this experiment that {reason}: {len(runs)}. They stand in a table of their own."
        for runs, reason in reasons
        if runs
    ]


def _logged_on(store: Store, dataset: str) -> list[RunRecord]:
    """The finished evaluations on a dataset; a name with both kinds of quotes cannot stand in a filter."""
    quote = next((quote for quote in ("'", '"') if quote not in dataset), None)
    condition = "" if quote is None else f" and tags.`{DATASET}` = {quote}{dataset}{quote}"
    runs = search_runs(store, f"{FINISHED_EVALUATIONS}{condition}")
    return [run for run in runs if run.tags.get(DATASET) == dataset]
