"""The gate: looks at a divided dataset and says, in stable codes, what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from arogya_bench.datasets.splits import Split
from arogya_bench.errors import UndefinedMetric
from arogya_bench.gate import (
    contamination as overlap,
)
from arogya_bench.gate import (
    duplicates,
    files,
    labels,
    leakage,
    shortcuts,
)
from arogya_bench.gate.codes import SEVERITIES
from arogya_bench.gate.context import Examined
from arogya_bench.gate.findings import Finding, Report
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.gate.image_facts_cache import remember, remembered
from arogya_bench.gate.scanning import scanned
from arogya_bench.types import Case, Dataset

NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})


def inspect(
    dataset: Dataset,
    split: Split,
    *,
    fractions: tuple[float, float, float] | None,
    trained_on: Mapping[str, Sequence[str]] = NOTHING,
    workers: int | None = None,
) -> Report:
    """Look at every image of a split once, and at its labels and groups.

    What was found out about images is remembered under the digest of the dataset.

    Args:
        dataset: Whose cases were divided.
        split: Any, also one that ``datasets.splits.split`` would refuse.
        fractions: Shares of train, validation and test that were asked for; None where the source
            fixes them, or nobody asked.
        trained_on: Name of a model to names of the datasets that its weights were fitted on.
        workers: Threads; as many as processors if None.

    Raises:
        MissingExtra: If a file needs a library that is not installed.
    """
    cases = {case.case_id: case for part in _parts(split) for case in part}
    facts, notes = _facts(dataset, list(cases.values()), workers)
    notes += dataset.notes  # what the reader left out must not get lost
    examined = Examined(dataset=dataset, split=split, facts=facts, fractions=fractions)
    findings = [*_findings(examined), *overlap.seen_before(dataset, trained_on)]
    try:
        # The draws follow from the split, so that the same data get the same report.
        rng = np.random.default_rng(list(split.digest.encode()))
        findings += shortcuts.shortcuts(examined, rng)
    except UndefinedMetric as reason:
        notes.append(f"Shortcuts (AB401 to AB404) were not looked for: {reason}.")
    broken = {name for name, each in facts.items() if each.problem}
    return Report(
        dataset=dataset.name,
        dataset_digest=dataset.digest,
        split=split.name,
        split_digest=split.digest,
        cases=len(examined.placed),
        findings=tuple(sorted(findings, key=_order)),
        unusable=frozenset(broken | {*dataset.stray_labels} | {*labels.unlabelled(examined)}),
        notes=tuple(notes),
    )


def _findings(examined: Examined) -> Iterator[Finding]:
    yield from leakage.groups(examined)
    yield from duplicates.exact(examined)
    yield from duplicates.near(examined)
    yield from files.problems(examined)
    yield from files.oddities(examined)
    yield from labels.class_counts(examined)
    yield from labels.shares(examined)
    yield from labels.strays(examined)


def _facts(
    dataset: Dataset, cases: Sequence[Case], workers: int | None
) -> tuple[dict[str, ImageFacts], list[str]]:
    known = remembered(dataset)
    fresh = [case for case in cases if case.case_id not in known]
    looked = scanned(fresh, dataset.files, dataset.read, workers)
    notes: list[str] = []
    known |= {facts.case_id: facts for facts in looked}
    if any(facts.pixels for facts in looked):
        notes += filter(None, [remember(dataset, known.values())])
    return {case.case_id: known[case.case_id] for case in cases}, notes


def _parts(split: Split) -> tuple[tuple[Case, ...], ...]:
    return split.train.cases, split.validation.cases, split.test.cases


def _order(finding: Finding) -> tuple[int, str]:
    return SEVERITIES.index(finding.severity), finding.code
