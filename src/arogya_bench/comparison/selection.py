"""Which evaluations of a store are compared: those of experiments, of a sweep, of a filter, or single runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from arogya_bench.comparison.skipped_cells import SKIPPED_STATUS, load_skipped_cells
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.runtime.console import plural
from arogya_bench.tracking.runs import PARENT_RUN, RunRecord, search_runs
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    DATASET,
    DATASET_DIGEST,
    ERROR_MESSAGE,
    KIND,
    MODEL_CONFIG_DIGEST,
    SPLIT_DIGEST,
    TASK,
)

CHOSEN_VARIANTS, ALL_VARIANTS = "chosen", "all"
VARIANTS = (CHOSEN_VARIANTS, ALL_VARIANTS)

BlockKey = tuple[str, str, str, str]  # dataset, dataset digest, split digest, task


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The evaluations that are compared; every part that is given must hold.

    Attributes:
        experiments: Names of experiments of one store; empty for that of the store.
        where: An MLflow search filter.
        sweep: Run id of the sweep that made them; evaluations that it took over from an earlier sweep are not its own.
        run_ids: Of the evaluations themselves.
        variants: ``chosen`` keeps, of rows that differ in hyperparameters only, the one that is best on the validation
            split; ``all`` keeps all.
        recorded: Whether the runs are those that an earlier comparison selected in this way, to which the store is
            restricted: nothing is selected anew, since tags may have changed.
    """

    experiments: tuple[str, ...] = ()
    where: str = ""
    sweep: str | None = None
    run_ids: tuple[str, ...] = ()
    variants: str = CHOSEN_VARIANTS
    recorded: bool = False

    def __post_init__(self) -> None:
        """Check the name of what is done with variants."""
        if self.variants not in VARIANTS:
            raise ConfigError(
                f"There is no choice of variants {self.variants!r}.", fix=f"choose one of: {', '.join(VARIANTS)}"
            )

    @property
    def is_partial(self) -> bool:
        """Whether some evaluations of the experiments may be left out."""
        return bool(self.where or self.sweep or self.run_ids)

    @property
    def conditions(self) -> list[str]:
        """In MLflow's filter syntax; those of the user come last."""
        if self.recorded:
            return []
        sweep = [f"tags.`{PARENT_RUN}` = '{_quoted(self.sweep)}'"] if self.sweep else []
        runs = [f"attributes.run_id IN ({', '.join(repr(_quoted(run)) for run in self.run_ids)})"]
        return [*sweep, *(runs if self.run_ids else []), *([self.where] if self.where else [])]

    def describe(self) -> str:
        """What selects, in words; empty for all evaluations."""
        sweep = [f"of the sweep {self.sweep}"] if self.sweep else []
        runs = [f"among {plural(len(self.run_ids), 'run id')}"] if self.run_ids else []
        return " ".join([*sweep, *runs, *([f"where {self.where}"] if self.where else [])])


def read_cells(store: Store, selection: Selection) -> list[RunRecord]:
    """Read the evaluations and the cells that sweeps skipped, oldest first.

    Raises:
        TrackingError: If the filter is invalid, or a run id is not that of an evaluation.
    """
    query, fix = search_query(selection)
    runs = search_runs(store, query, fix=fix)
    _check_run_ids(selection, runs)
    skipped = load_skipped_cells(store, sweep=selection.sweep)
    if selection.where or selection.run_ids:
        skipped = _select_skipped(skipped, runs)
    return sorted([*runs, *skipped], key=lambda run: run.start_time)


def search_query(selection: Selection) -> tuple[str, str | None]:
    """The filter of the selected evaluations, and what to do if MLflow refuses it."""
    fix = f"correct the filter {selection.where!r}; see MLflow's documentation of search_runs for examples."
    query = " and ".join([f"tags.`{KIND}` = 'evaluation'", *selection.conditions])
    return query, fix if selection.where else None


def nothing_finished(store: Store, selection: Selection, cells: Sequence[RunRecord]) -> TrackingError:
    """Say that nothing can be compared; where cells were skipped, with the requirement of the newest."""
    skipped = [cell for cell in cells if cell.status == SKIPPED_STATUS]
    counts = f"{plural(len(cells) - len(skipped), 'evaluation')} in total"
    fix = "run a sweep first, for example: arogya-bench run experiment=demo"
    if cells:
        fix = "run the same sweep again: it evaluates what is missing."
    if selection.is_partial and not cells:
        counts = "nothing matches"
        fix = "correct what selects evaluations, or leave it out to compare all; `mlflow ui` shows the ids of sweeps."
    failed = [cell for cell in cells if cell.status == "FAILED" and cell.tags.get(ERROR_MESSAGE)]
    if failed:
        problem, _, remedy = failed[-1].tags[ERROR_MESSAGE].partition(" Fix: ")
        fix = f"{remedy.rstrip('.') or 'mend the cause'}; then run the same command again."
        counts += f"; {len(failed)} failed, the last one so: {problem.rstrip('.')}"
    if skipped:
        requirement, _, remedy = skipped[-1].tags[ERROR_MESSAGE].partition(" Fix: ")
        fix = remedy or fix
        count = f"{len(skipped)} {'cell was' if len(skipped) == 1 else 'cells were'} skipped"
        counts += f"; {count}: {requirement.rstrip('.')}"
    selected = f" {selection.describe()}" if selection.is_partial else ""
    names = selection.experiments or (store.experiment,)
    subject = f"The experiment {names[0]!r} has" if len(names) == 1 else f"The experiments {', '.join(names)} have"
    return TrackingError(f"{subject} no finished evaluation{selected} ({counts}).", fix=fix)


def block_key(run: RunRecord) -> BlockKey:
    """What two evaluations must share; one dataset may serve several tasks."""
    return run.tags[DATASET], run.tags[DATASET_DIGEST], run.tags[SPLIT_DIGEST], run.tags[TASK]


def _check_run_ids(selection: Selection, runs: Sequence[RunRecord]) -> None:
    unknown = [run for run in selection.run_ids if run not in {known.run_id for known in runs}]
    if unknown and not (selection.where or selection.sweep or selection.recorded):
        raise TrackingError(
            f"No evaluation of these experiments has the run id {unknown[0]!r}.",
            fix="look the run ids up in `mlflow ui`: those of evaluations, not of fits or sweeps.",
        )


def _select_skipped(skipped: Sequence[RunRecord], selected: Sequence[RunRecord]) -> list[RunRecord]:
    """The skipped cells of rows and datasets of which a filter selects runs: it cannot select what has no run."""

    def is_located(run: RunRecord) -> bool:
        return SPLIT_DIGEST in run.tags

    rows = {(run.tags[MODEL_CONFIG_DIGEST], block_key(run)) for run in filter(is_located, selected)}
    return [cell for cell in filter(is_located, skipped) if (cell.tags[MODEL_CONFIG_DIGEST], block_key(cell)) in rows]


def _quoted(value: str) -> str:
    """A value of a filter without the quotes that would end it."""
    return value.replace("'", "").replace("\\", "")
