"""The gate: inspects a divided dataset and reports problems under stable codes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from arogya_bench.datasets.positive_class import positive_class_note
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.errors import UndefinedMetric
from arogya_bench.gate.codes import SEVERITIES
from arogya_bench.gate.contamination import contamination
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.duplicates import exact_duplicates, group_leakage, large_groups, near_duplicates
from arogya_bench.gate.files import companion_images, drawn_images, named_alike, unreadable_images, unusual_images
from arogya_bench.gate.findings import GateReport
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.gate.image_facts_cache import load_facts, save_facts
from arogya_bench.gate.labels import class_counts, split_shares, stray_labels, unlabelled_cases, verdict_size
from arogya_bench.gate.scanning import scan_images
from arogya_bench.gate.shortcuts import shortcuts
from arogya_bench.types import Case, Dataset

NO_TRAINING_DATA: Mapping[str, Sequence[str]] = MappingProxyType({})
CHECKS = (
    group_leakage,
    large_groups,
    exact_duplicates,
    near_duplicates,
    unreadable_images,
    unusual_images,
    companion_images,
    drawn_images,
    named_alike,
    class_counts,
    split_shares,
    stray_labels,
    verdict_size,
)


def inspect_dataset(
    dataset: Dataset,
    split: DatasetSplit,
    *,
    fractions: tuple[float, float, float] | None,
    trained_on: Mapping[str, Sequence[str]] = NO_TRAINING_DATA,
    workers: int | None = None,
) -> GateReport:
    """Inspect the images, labels and groups of a divided dataset.

    Facts about images are cached under the digest of the dataset.

    Args:
        dataset: The dataset before the split.
        split: Any split, including one that ``datasets.splits.split`` would refuse.
        fractions: Requested shares of train, validation and test; None without a request.
        trained_on: Names of the datasets that weights were trained on, by name of the model.
        workers: Number of threads; by default the number of processors.
    """
    cases = {case.case_id: case for part in split.parts.values() for case in part.cases}
    facts, notes = _load_or_scan_facts(dataset, list(cases.values()), workers)
    notes += dataset.notes  # such as files that the reader left out
    notes += filter(None, [positive_class_note(dataset)])
    gate_input = GateInput(dataset=dataset, split=split, facts=facts, fractions=fractions)
    findings = [finding for check in CHECKS for finding in check(gate_input)]
    findings += contamination(dataset, trained_on)
    try:
        # Seeded by the split, so that equal data get an equal report.
        rng = np.random.default_rng(list(split.digest.encode()))
        findings += shortcuts(gate_input, rng)
    except UndefinedMetric as reason:
        notes.append(f"Shortcuts (AB401 to AB404) were not checked: {reason}.")
    unreadable = {case_id for case_id, image in facts.items() if image.problem}
    return GateReport(
        dataset=dataset.name,
        dataset_digest=dataset.digest,
        split=split.name,
        split_digest=split.digest,
        cases=len(gate_input.cases),
        findings=tuple(sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding.code))),
        unusable=frozenset(unreadable).union(dataset.stray_labels, unlabelled_cases(gate_input)),
        notes=tuple(notes),
    )


def _load_or_scan_facts(
    dataset: Dataset, cases: Sequence[Case], workers: int | None
) -> tuple[dict[str, ImageFacts], list[str]]:
    facts = load_facts(dataset)
    uncached = [case for case in cases if case.case_id not in facts]
    scanned = scan_images(uncached, dataset.files, dataset.read, workers)
    facts |= {image.case_id: image for image in scanned}
    note = save_facts(dataset, facts.values()) if any(image.pixels for image in scanned) else ""
    return {case.case_id: facts[case.case_id] for case in cases}, [note] if note else []
