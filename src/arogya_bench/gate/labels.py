"""AB301 to AB309: missing, small, imbalanced or misspelled classes, invalid labels, small and empty test splits."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import scipy

from arogya_bench.datasets.csv_tables import NUMBER_PATTERN
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.codes import Severity
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.runtime.class_names import class_list
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.sample_size import too_few_groups_reason
from arogya_bench.types import Dataset, Floats

# With 5 of 5 correct, the 95 % interval of recall begins at 57 %; with fewer, it includes 50 %.
MIN_CLASS_COUNT = 5
MAX_IMBALANCE_RATIO = 10.0  # largest class to smallest, in train
SHARE_TOLERANCE = 0.05  # of all cases
MIN_OFFICIAL_SHARE = 0.05  # of all cases, in validation and test
# Total variation distance between the class frequencies of train and test.
MAX_CLASS_SHIFT = 0.1
SIGNIFICANCE_LEVEL = 0.01


def stray_labels(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report labels that are not among the classes, and cases without a label."""
    stray = dict(gate_input.dataset.stray_labels)
    names = [f"{gate_input.name_of(case_id)}: {label!r}" for case_id, label in stray.items()]
    names += [
        f"{gate_input.name_of(case_id)}: none" for case_id in unlabelled_cases(gate_input) if case_id not in stray
    ]
    if names:
        yield finding("AB305", names, detail=f"the classes are {', '.join(gate_input.dataset.classes)}")


def unlabelled_cases(gate_input: GateInput) -> list[str]:
    """Return the ids of classification cases without a known label."""
    if gate_input.dataset.task != "classification":
        return []
    known = range(len(gate_input.dataset.classes))
    return [case.case.case_id for case in gate_input.cases if case.case.target not in known]


def class_counts(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report missing, small and imbalanced classes, shifted frequencies and similar class names."""
    dataset = gate_input.dataset
    yield from _similar_class_names(dataset.classes)
    if dataset.task == "segmentation":  # classes are in masks, which the gate does not read
        return
    unit = "group" if dataset.grouped else "case"
    counts = {part: _count_classes(gate_input, part, by_group=dataset.grouped) for part in PARTS}
    # Where nothing is trained, no class has to be learned; a test part without cases is AB309.
    filled = [part for part in PARTS if len(gate_input.split.parts[part]) and (part == "test" or any(counts["train"]))]
    part_classes = [(part, name, k) for part in filled for k, name in enumerate(dataset.classes)]
    missing = [f"{name} in {part}" for part, name, k in part_classes if not counts[part][k]]
    if missing:
        # A class that is missing from test only can be learned; it just has no scores.
        is_learned = all(all(counts[part]) for part in filled if part != "test")
        severity: Severity | None = "warning" if is_learned else None
        detail = f"{_format_counts(gate_input)}{_advise_unused(gate_input, counts)}"
        yield finding("AB301", missing, detail=detail, severity=severity)
    small = [
        f"{name} in {part}: {plural(int(counts[part][k]), unit)}"
        for part, name, k in part_classes
        if part != "train" and 0 < counts[part][k] < MIN_CLASS_COUNT
    ]
    if small:
        tested = [
            f"{name} ({counts['test'][k]:g})"
            for k, name in enumerate(dataset.classes)
            if 0 < counts["test"][k] < MIN_CLASS_COUNT
        ]
        in_test = f"; in test: {', '.join(tested)}" if tested else ""
        yield finding("AB302", small, detail=f"fewer than {plural(MIN_CLASS_COUNT, unit)}{in_test}")
    train, test = _count_classes(gate_input, "train"), _count_classes(gate_input, "test")
    yield from _class_imbalance(dataset, train)
    yield from _class_shift(dataset, train, test)


def split_shares(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report parts that differ from the requested shares, or official parts that are too small."""
    sizes = np.array([len(gate_input.cases_in(part)) for part in PARTS])
    shares = sizes / max(1, sizes.sum())
    if gate_input.fractions is None or gate_input.split.name.startswith("official"):
        names = [
            f"{part}: {share:.1%} of the cases"
            for part, share in zip(PARTS, shares, strict=True)
            if part != "train" and 0 < share < MIN_OFFICIAL_SHARE  # an empty part is told otherwise
        ]
    else:
        names = [
            f"{part}: {share:.1%} instead of {requested:.1%}"
            for part, share, requested in zip(PARTS, shares, gate_input.fractions, strict=True)
            if abs(share - requested) > SHARE_TOLERANCE
        ]
    if names:
        yield finding("AB304", names)


def verdict_size(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report a test split without cases, or with too few independent groups for a verdict."""
    grouped = gate_input.dataset.grouped
    tested = {case.case.group_id if grouped else case.case.case_id for case in gate_input.cases_in("test")}
    if not tested:
        sizes = ", ".join(f"{part} holds {len(gate_input.split.parts[part])}" for part in PARTS if part != "test")
        yield finding("AB309", [], count=1, detail=f"{sizes} cases")
        return
    if reason := too_few_groups_reason(len(tested), "patient" if grouped else "case"):
        yield finding("AB308", [], count=len(tested), detail=reason)


def _similar_class_names(classes: Sequence[str]) -> Iterator[GateFinding]:
    """Report class names that are equal after Unicode normalisation and case folding, or as numbers."""
    by_folded: defaultdict[str, list[str]] = defaultdict(list)
    for name in classes:
        by_folded[_fold_name(name)].append(repr(name))
    names = [", ".join(spellings) for spellings in by_folded.values() if len(spellings) > 1]
    if names:
        yield finding("AB307", names)


def _fold_name(name: str) -> str:
    """What names have in common that differ only in spelling: ``1`` and ``1.0``, ``nevus`` and ``Nevus``."""
    if NUMBER_PATTERN.fullmatch(name):
        return repr(float(name))
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def _class_imbalance(dataset: Dataset, train: Floats) -> Iterator[GateFinding]:
    if not train.any():
        return
    smallest, largest = int(np.argmin(np.where(train > 0, train, np.inf))), int(np.argmax(train))
    ratio = train[largest] / train[smallest]
    if ratio > MAX_IMBALANCE_RATIO:
        names = [f"{dataset.classes[k]}: {train[k]:g}" for k in (largest, smallest)]
        yield finding("AB303", names, detail=f"{ratio:.1f} to 1 in train")


def _class_shift(dataset: Dataset, train: Floats, test: Floats) -> Iterator[GateFinding]:
    if not train.any() or not test.any():
        return
    parts = np.stack([train, test])
    before, after = parts / parts.sum(axis=1, keepdims=True)
    shift = float(np.abs(before - after).sum() / 2)
    present = parts[:, parts.sum(axis=0) > 0]
    if (
        shift <= MAX_CLASS_SHIFT
        or present.shape[1] < 2
        or scipy.stats.chi2_contingency(present).pvalue >= SIGNIFICANCE_LEVEL
    ):
        return
    order = np.argsort(-np.abs(before - after))
    names = [f"{dataset.classes[k]}: {before[k]:.1%} in train, {after[k]:.1%} in test" for k in order]
    detail = f"{shift:.1%} of the cases would have to change class for the splits to agree"
    yield finding("AB306", names, detail=detail)


def _count_classes(gate_input: GateInput, part: str, *, by_group: bool = False) -> Floats:
    """Count the cases that contain each class, or the groups."""
    cases = [case.case for case in gate_input.cases_in(part)]
    pairs = {(case.group_id if by_group else case.case_id, k) for case in cases for k in case.present_classes}
    counts = Counter(k for _, k in pairs)
    return np.array([counts[k] for k in range(len(gate_input.dataset.classes))], dtype=np.float64)


def _advise_unused(gate_input: GateInput, counts: Mapping[str, Floats]) -> str:
    """The line that leaves out classes without any box, such as a name that only groups others."""
    dataset = gate_input.dataset
    used = [name for k, name in enumerate(dataset.classes) if any(counts[part][k] for part in PARTS)]
    if dataset.task != "detection" or not used or len(used) == len(dataset.classes):
        return ""
    return f"; {class_list('dataset.classes', used)} leaves out what has no box"


def _format_counts(gate_input: GateInput) -> str:
    lines = []
    for part in PARTS:
        counts = zip(gate_input.dataset.classes, _count_classes(gate_input, part), strict=True)
        lines.append(f"{part}: {', '.join(f'{name} {count:g}' for name, count in counts)}")
    return "; ".join(lines)
