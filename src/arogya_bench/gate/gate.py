"""The gate: looks at a divided dataset and says, in stable codes, what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from arogya_bench.datasets.splits import DatasetSplit
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
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, GateReport
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.gate.image_facts_cache import load_facts, save_facts
from arogya_bench.gate.scanning import scan_images
from arogya_bench.types import Case, Dataset

NO_TRAINING_DATA: Mapping[str, Sequence[str]] = MappingProxyType({})


def inspect_dataset(
    dataset: Dataset,
    split: DatasetSplit,
    *,
    fractions: tuple[float, float, float] | None,
    trained_on: Mapping[str, Sequence[str]] = NO_TRAINING_DATA,
    workers: int | None = None,
) -> GateReport:
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
    cases = {case.case_id: case for part in _cases_by_part(split) for case in part}
    facts, notes = _load_or_scan_facts(dataset, list(cases.values()), workers)
    notes += dataset.notes  # what the reader left out must not get lost
    examined = GateInput(dataset=dataset, split=split, facts=facts, fractions=fractions)
    findings = [*_run_checks(examined), *overlap.contamination(dataset, trained_on)]
    try:
        # The draws follow from the split, so that the same data get the same report.
        rng = np.random.default_rng(list(split.digest.encode()))
        findings += shortcuts.shortcuts(examined, rng)
    except UndefinedMetric as reason:
        notes.append(f"Shortcuts (AB401 to AB404) were not looked for: {reason}.")
    broken = {name for name, each in facts.items() if each.problem}
    return GateReport(
        dataset=dataset.name,
        dataset_digest=dataset.digest,
        split=split.name,
        split_digest=split.digest,
        cases=len(examined.cases),
        findings=tuple(sorted(findings, key=_sort_key)),
        unusable=frozenset(broken | {*dataset.stray_labels} | {*labels.unlabelled_cases(examined)}),
        notes=tuple(notes),
    )


def _run_checks(gate_input: GateInput) -> Iterator[GateFinding]:
    yield from leakage.group_leakage(gate_input)
    yield from duplicates.exact_duplicates(gate_input)
    yield from duplicates.near_duplicates(gate_input)
    yield from files.unreadable_images(gate_input)
    yield from files.unusual_images(gate_input)
    yield from labels.class_counts(gate_input)
    yield from labels.split_shares(gate_input)
    yield from labels.stray_labels(gate_input)


def _load_or_scan_facts(
    dataset: Dataset, cases: Sequence[Case], workers: int | None
) -> tuple[dict[str, ImageFacts], list[str]]:
    known = load_facts(dataset)
    fresh = [case for case in cases if case.case_id not in known]
    looked = scan_images(fresh, dataset.files, dataset.read, workers)
    notes: list[str] = []
    known |= {facts.case_id: facts for facts in looked}
    if any(facts.pixels for facts in looked):
        notes += filter(None, [save_facts(dataset, known.values())])
    return {case.case_id: known[case.case_id] for case in cases}, notes


def _cases_by_part(split: DatasetSplit) -> tuple[tuple[Case, ...], ...]:
    return split.train.cases, split.validation.cases, split.test.cases


def _sort_key(finding: GateFinding) -> tuple[int, str]:
    return SEVERITIES.index(finding.severity), finding.code
