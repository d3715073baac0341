"""What may be learnt from and judged: a divided dataset that passed the gate, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from arogya_bench.datasets.splits import Split, require_sound, without
from arogya_bench.errors import DatasetError
from arogya_bench.gate.findings import Report
from arogya_bench.gate.gate import inspect
from arogya_bench.types import Dataset


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What decides the answer of the gate; the jobs of one process often ask the same."""

    content: str
    notes: tuple[str, ...]
    division: tuple[str, str]
    fractions: tuple[float, float, float] | None
    seen: tuple[tuple[str, tuple[str, ...]], ...]
    dataset: Dataset = field(compare=False)
    parts: Split = field(compare=False)
    workers: int = field(compare=False)


def asked(
    dataset: Dataset,
    parts: Split,
    *,
    fractions: tuple[float, float, float] | None,
    seen: Mapping[str, Sequence[str]],
    workers: int,
) -> Report:
    """Ask the gate, or give the answer that it gave before in this process.

    Args:
        dataset: Whose images are looked at.
        parts: How it was divided, soundly or not.
        fractions: Shares that were asked for; None where nobody asked.
        seen: Name of a model to the datasets that its weights were fitted on.
        workers: Threads.
    """
    question = _Question(
        content=dataset.digest,
        notes=dataset.notes,
        division=(parts.name, parts.digest),
        fractions=fractions,
        seen=tuple((model, tuple(names)) for model, names in seen.items()),
        dataset=dataset,
        parts=parts,
        workers=workers,
    )
    return _answered(question)


def admitted(parts: Split, report: Report, *, overridden: bool) -> Split:
    """Take the cases that can be used, unless the gate says no.

    Args:
        parts: As divided.
        report: What the gate found.
        overridden: Whether errors were accepted by the user.

    Raises:
        DatasetError: With every error of the gate; or if what is left can carry no evaluation.
    """
    if report.errors and not overridden:
        found = "; ".join(_said(each.code, each.title, each.named) for each in report.errors)
        raise DatasetError(
            f"The gate found errors in {report.dataset}. {found}.",
            fix=f"{report.errors[0].fix}; or look at everything with `arogya-bench data check`, "
            "and go on all the same with gate=warn, which every report will say",
        )
    if report.unusable:
        parts = without(parts, report.unusable)
    require_sound(parts, straddling=bool(report.errors))
    return parts


def _said(code: str, title: str, named: str) -> str:
    return f"{code} {title}: {named}" if named else f"{code} {title}"


@lru_cache(maxsize=4)
def _answered(question: _Question) -> Report:
    return inspect(
        question.dataset,
        question.parts,
        fractions=question.fractions,
        trained_on=dict(question.seen),
        workers=question.workers,
    )
