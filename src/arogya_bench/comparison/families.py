"""Variants of one model: rows that differ in hyperparameters only, of which the validation split chooses one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.missing_cells import CellKey
from arogya_bench.comparison.validation import VALIDATION_PREFIX
from arogya_bench.scoring.task import Task
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import API, FIT_RUN_ID, MODEL, TRAINING, read_model_params

VARIANT_COLUMNS = (
    "dataset", "model", "chosen_model", "chosen", "hyperparameters", "metric", "validation", "seeds", "note",
)  # fmt: skip
IDENTITY = frozenset(
    f"model.{name}" for name in ("adapter", "adapter_version", "fingerprint", "uri", "weights", "id")
)  # params that make another model, and no variant of the same one
ROUNDING_TOLERANCE = 1e-9  # of two values of a metric

Runs = Mapping[CellKey, Sequence[RunRecord]]  # one per fold


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A row with its score on the validation split.

    Attributes:
        validation: Mean over the seeds, and over folds.
        params: What it declares.
    """

    row: str
    validation: float
    seeds: int
    params: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Family:
    """The variants of one model, in the order in which they were first run.

    Attributes:
        metric: By which they are compared on the validation split.
        best: ``high`` or ``low``.
        note: What must be known of the choice.
    """

    variants: tuple[Variant, ...]
    metric: str
    best: str
    note: str

    @property
    def chosen(self) -> Variant:
        """The best on the validation split; of equal ones the first that was run."""
        sign = 1 if self.best == "high" else -1
        best = max(sign * variant.validation for variant in self.variants)
        return next(variant for variant in self.variants if sign * variant.validation >= best - ROUNDING_TOLERANCE)

    @property
    def not_chosen(self) -> list[Variant]:
        """All others."""
        return [variant for variant in self.variants if variant is not self.chosen]

    def table_rows(self, dataset: str, names: Mapping[str, str]) -> list[TableRow]:
        """One row per variant, the chosen one first; their scores on the test split have no part in it."""
        order = [self.chosen, *self.not_chosen]
        differing = [key for key in order[0].params if len({variant.params.get(key) for variant in order}) > 1]
        ties = [
            variant
            for variant in self.not_chosen
            if abs(variant.validation - order[0].validation) <= ROUNDING_TOLERANCE
        ]
        tie = "equal on validation: the first that was run is taken" if ties else ""
        return [
            {
                "dataset": dataset,
                "model": names[variant.row],
                "chosen_model": names[self.chosen.row],
                "chosen": variant is self.chosen,
                "hyperparameters": ", ".join(
                    f"{key.removeprefix('model.')}={variant.params.get(key, '')}" for key in sorted(differing)
                ),
                "metric": self.metric,
                "validation": variant.validation,
                "seeds": variant.seeds,
                "note": "; ".join(filter(None, (self.note, tie if variant in [self.chosen, *ties] else ""))),
            }
            for variant in order
        ]


def find_families(
    rows: Sequence[str], runs: Runs, fits: Mapping[str, RunRecord], *, task: Task[Any], metric: str
) -> list[Family]:
    """Find the rows that are variants of one model and have a score on the validation split.

    Variants share adapter, its version, model name, training, weights and URI; models behind APIs have none. They are
    compared by the deciding metric, or by the default of the task where fits have not logged that one.

    Args:
        rows: In order of first appearance.
        runs: Finished evaluations; those on clean images count.
        fits: Runs of fits by their id.
        task: Of the dataset.
        metric: The deciding one.
    """
    members: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    clean = {
        row: [parts for (of_row, condition, _), parts in runs.items() if (of_row, condition) == (row, CLEAN)]
        for row in rows
    }
    for row in rows:
        if clean[row] and API not in clean[row][0][0].tags:
            members[_identity(clean[row][0][0])].append(row)
    families = []
    for family_rows in members.values():
        for name in dict.fromkeys((metric, task.default_metric)):
            variants = [variant for row in family_rows if (variant := _variant(row, clean[row], fits, name))]
            if len(variants) == len(family_rows) > 1 and _all_differ(variants):
                families.append(_family(variants, name, metric, task, has_folds=len(clean[family_rows[0]][0]) > 1))
                break
    return families


def _family(variants: Sequence[Variant], name: str, metric: str, task: Task[Any], *, has_folds: bool) -> Family:
    notes = [f"chosen by {name}, since fits have no {metric} on validation" if name != metric else ""]
    notes.append("validation cases of one fold are test cases of others: the choice is optimistic" if has_folds else "")
    return Family(
        variants=tuple(variants), metric=name, best=task.metrics[name].best, note="; ".join(filter(None, notes))
    )


def _all_differ(variants: Sequence[Variant]) -> bool:
    """Whether params of the model tell all apart: else settings of the training differ, which no param names."""
    return len({tuple(sorted(variant.params.items())) for variant in variants}) == len(variants)


def _variant(
    row: str, clean: Sequence[Sequence[RunRecord]], fits: Mapping[str, RunRecord], name: str
) -> Variant | None:
    """A row with its score; None if a fit of it has none."""
    used = [[fits.get(run.tags.get(FIT_RUN_ID, "")) for run in parts] for parts in clean]
    scores = [[fit.metrics.get(f"{VALIDATION_PREFIX}{name}") if fit else None for fit in parts] for parts in used]
    known = [[score for score in parts if score is not None] for parts in scores]
    if any(len(some) < len(parts) for some, parts in zip(known, scores, strict=True)):
        return None
    return Variant(row=row, validation=fmean(map(fmean, known)), seeds=len(known), params=_params(clean[0][0]))


def _identity(run: RunRecord) -> tuple[object, ...]:
    params = {**read_model_params(run.tags), **run.params}
    return run.tags.get(MODEL), run.tags.get(TRAINING), *((name, params.get(name)) for name in sorted(IDENTITY))


def _params(run: RunRecord) -> dict[str, str]:
    params = {**read_model_params(run.tags), **run.params}
    return {name: value for name, value in params.items() if name.startswith("model.") and name not in IDENTITY}
