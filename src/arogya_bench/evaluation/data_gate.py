"""The data gate of a job: only a split that passed it is trained and evaluated on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from arogya_bench.datasets.splits import DatasetSplit, check_split, exclude_cases
from arogya_bench.errors import DatasetError
from arogya_bench.gate.findings import GateReport
from arogya_bench.gate.gate import inspect_dataset
from arogya_bench.types import Dataset


@dataclass(frozen=True, kw_only=True)
class _GateCacheKey:
    """Everything that determines a report; the jobs of one process often share it."""

    dataset_digest: str
    notes: tuple[str, ...]
    split_key: tuple[str, str]
    fractions: tuple[float, float, float] | None
    trained_on: tuple[tuple[str, tuple[str, ...]], ...]
    dataset: Dataset = field(compare=False)
    split: DatasetSplit = field(compare=False)
    workers: int = field(compare=False)


def cached_gate_report(
    dataset: Dataset,
    split: DatasetSplit,
    *,
    fractions: tuple[float, float, float] | None,
    trained_on: Mapping[str, Sequence[str]],
    workers: int,
) -> GateReport:
    """Run the gate, or return the report that this process has already.

    Args:
        dataset: Whose images are inspected.
        split: Of that dataset; it need not be sound.
        fractions: Requested shares of train, validation and test; None if none were requested.
        trained_on: By model name, the datasets that its weights were trained on.
        workers: Number of threads.
    """
    return _run_gate(
        _GateCacheKey(
            dataset_digest=dataset.digest,
            notes=dataset.notes,
            split_key=(split.name, split.digest),
            fractions=fractions,
            trained_on=tuple((model, tuple(names)) for model, names in trained_on.items()),
            dataset=dataset,
            split=split,
            workers=workers,
        )
    )


def usable_split(split: DatasetSplit, report: GateReport, *, overridden: bool) -> DatasetSplit:
    """Exclude unusable cases from a split.

    Args:
        split: As it was made.
        report: Of the gate on this split.
        overridden: Whether the user accepts errors.

    Raises:
        DatasetError: If the gate found errors that are not overridden, or if the remaining cases
            cannot be evaluated on.
    """
    if report.errors and not overridden:
        errors = "; ".join(
            _format_finding(finding.code, finding.title, finding.examples_text) for finding in report.errors
        )
        raise DatasetError(
            f"The gate found errors in {report.dataset}. {errors}.",
            fix=f"{report.errors[0].fix}; or inspect all findings with `arogya-bench data check`, "
            "and continue anyway with gate=warn, which every report will state",
        )
    if report.unusable:
        split = exclude_cases(split, report.unusable)
    check_split(split, allow_group_overlap=bool(report.errors))
    return split


def _format_finding(code: str, title: str, examples: str) -> str:
    return f"{code} {title}: {examples}" if examples else f"{code} {title}"


@lru_cache(maxsize=4)
def _run_gate(key: _GateCacheKey) -> GateReport:
    return inspect_dataset(
        key.dataset, key.split, fractions=key.fractions, trained_on=dict(key.trained_on), workers=key.workers
    )
