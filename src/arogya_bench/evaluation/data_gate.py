"""What may be learnt from and judged: a divided dataset that passed the gate, or a refusal."""

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
    """What decides the answer of the gate; the jobs of one process often ask the same."""

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
    """Ask the gate, or give the answer that it gave before in this process.

    Args:
        dataset: Whose images are looked at.
        split: How it was divided, soundly or not.
        fractions: Shares that were asked for; None where nobody asked.
        trained_on: Name of a model to the datasets that its weights were fitted on.
        workers: Threads.
    """
    question = _GateCacheKey(
        dataset_digest=dataset.digest,
        notes=dataset.notes,
        split_key=(split.name, split.digest),
        fractions=fractions,
        trained_on=tuple((model, tuple(names)) for model, names in trained_on.items()),
        dataset=dataset,
        split=split,
        workers=workers,
    )
    return _run_gate(question)


def usable_split(split: DatasetSplit, report: GateReport, *, overridden: bool) -> DatasetSplit:
    """Take the cases that can be used, unless the gate says no.

    Args:
        split: As divided.
        report: What the gate found.
        overridden: Whether errors were accepted by the user.

    Raises:
        DatasetError: With every error of the gate; or if what is left can carry no evaluation.
    """
    if report.errors and not overridden:
        found = "; ".join(
            _format_finding(each.code, each.title, each.examples_text) for each in report.errors
        )
        raise DatasetError(
            f"The gate found errors in {report.dataset}. {found}.",
            fix=f"{report.errors[0].fix}; or look at everything with `arogya-bench data check`, "
            "and go on all the same with gate=warn, which every report will say",
        )
    if report.unusable:
        split = exclude_cases(split, report.unusable)
    check_split(split, allow_group_overlap=bool(report.errors))
    return split


def _format_finding(code: str, title: str, named: str) -> str:
    return f"{code} {title}: {named}" if named else f"{code} {title}"


@lru_cache(maxsize=4)
def _run_gate(key: _GateCacheKey) -> GateReport:
    return inspect_dataset(
        key.dataset,
        key.split,
        fractions=key.fractions,
        trained_on=dict(key.trained_on),
        workers=key.workers,
    )
