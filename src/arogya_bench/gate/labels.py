"""AB301 to AB307: classes that are missing, tiny, uneven, spelled twice, or not classes at all."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import scipy

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.codes import Severity
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.runtime.console import plural
from arogya_bench.types import Dataset, Floats

# With 5 of 5 right, a recall has a 95 % interval from 57 %; with fewer, chance of a half is in it.
MIN_CLASS_COUNT = 5
MAX_IMBALANCE_RATIO = 10.0  # largest class to smallest, in train
SHARE_TOLERANCE = 0.05  # of all cases
MIN_OFFICIAL_SHARE = 0.05  # of all cases, in validation and test
# Half the sum of differences of class shares: so many cases in a hundred would have to change.
MAX_CLASS_SHIFT = 0.1
SIGNIFICANCE_LEVEL = 0.01


def stray_labels(gate_input: GateInput) -> Iterator[GateFinding]:
    """Labels outside the classes, and cases without one."""
    said = dict(gate_input.dataset.stray_labels)
    names = [f"{case}: {label!r}" for case, label in said.items()]
    names += [f"{name}: none" for name in unlabelled_cases(gate_input) if name not in said]
    if names:
        detail = f"the classes are {', '.join(gate_input.dataset.classes)}"
        yield finding("AB305", names, detail=detail)


def unlabelled_cases(gate_input: GateInput) -> list[str]:
    """Ids of cases that no evaluation of the task can use for want of a label."""
    if gate_input.dataset.task != "classification":
        return []
    known = range(len(gate_input.dataset.classes))
    return [each.case.case_id for each in gate_input.cases if each.case.target not in known]


def class_counts(gate_input: GateInput) -> Iterator[GateFinding]:
    """Classes that a part lacks or hardly holds, that differ much in size, or hardly in name."""
    yield from _similar_class_names(gate_input.dataset.classes)
    if gate_input.dataset.task == "segmentation":  # classes are in masks, which nobody reads here
        return
    dataset, unit = gate_input.dataset, "group" if gate_input.dataset.grouped else "case"
    counts = {part: _count_units(gate_input, part) for part in PARTS}
    named = [(part, name, k) for part in PARTS for k, name in enumerate(dataset.classes)]
    missing = [f"{name} in {part}" for part, name, k in named if not counts[part][k]]
    if missing:
        # A class that is not tested can be learnt; its own scores do not exist.
        learnt = all(counts["train"]) and all(counts["validation"])
        severity: Severity | None = "warning" if learnt else None
        yield finding("AB301", missing, detail=_format_counts(gate_input), severity=severity)
    tiny = [
        f"{name} in {part}: {plural(int(counts[part][k]), unit)}"
        for part, name, k in named
        if part != "train" and 0 < counts[part][k] < MIN_CLASS_COUNT
    ]
    if tiny:
        yield finding("AB302", tiny, detail=f"fewer than {plural(MIN_CLASS_COUNT, unit)}")
    yield from _class_imbalance(dataset, _count_cases(gate_input, "train"))
    yield from _class_shift(
        dataset, _count_cases(gate_input, "train"), _count_cases(gate_input, "test")
    )


def split_shares(gate_input: GateInput) -> Iterator[GateFinding]:
    """Parts that are larger or smaller than was asked for, or too small to say anything."""
    sizes = np.array([len(gate_input.cases_in(part)) for part in PARTS])
    is_shares = sizes / max(1, sizes.sum())
    if gate_input.fractions is None or gate_input.split.name.startswith("official"):
        off = [
            f"{part}: {share:.1%} of the cases"
            for part, share in zip(PARTS, is_shares, strict=True)
            if part != "train" and share < MIN_OFFICIAL_SHARE
        ]
    else:
        off = [
            f"{part}: {share:.1%} instead of {wanted:.1%}"
            for part, share, wanted in zip(PARTS, is_shares, gate_input.fractions, strict=True)
            if abs(share - wanted) > SHARE_TOLERANCE
        ]
    if off:
        yield finding("AB304", off)


def _similar_class_names(classes: Sequence[str]) -> Iterator[GateFinding]:
    """Names that are one and the same without regard to case and to how Unicode encodes them."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in classes:
        folded = unicodedata.normalize("NFKC", name).casefold()
        alike[unicodedata.normalize("NFKC", folded)].append(repr(name))
    names = [", ".join(own) for own in alike.values() if len(own) > 1]
    if names:
        yield finding("AB307", names)


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
    apart = float(np.abs(before - after).sum() / 2)
    held = parts[:, parts.sum(axis=0) > 0]
    if (
        apart <= MAX_CLASS_SHIFT
        or held.shape[1] < 2
        or scipy.stats.chi2_contingency(held).pvalue >= SIGNIFICANCE_LEVEL
    ):
        return
    order = np.argsort(-np.abs(before - after))
    names = [
        f"{dataset.classes[k]}: {before[k]:.1%} in train, {after[k]:.1%} in test" for k in order
    ]
    moved = f"{apart:.1%} of the cases would have to change class for the parts to agree"
    yield finding("AB306", names, detail=moved)


def _count_units(gate_input: GateInput, part: str) -> Floats:
    """Groups that show each class, where groups are known; else cases."""
    if not gate_input.dataset.grouped:
        return _count_cases(gate_input, part)
    own = {
        (each.case.group_id, k)
        for each in gate_input.cases_in(part)
        for k in each.case.present_classes
    }
    return _counts_array(gate_input.dataset, Counter(k for _, k in own))


def _count_cases(gate_input: GateInput, part: str) -> Floats:
    own = Counter(k for each in gate_input.cases_in(part) for k in each.case.present_classes)
    return _counts_array(gate_input.dataset, own)


def _counts_array(dataset: Dataset, counts: Counter[int]) -> Floats:
    return np.array([counts[k] for k in range(len(dataset.classes))], dtype=np.float64)


def _format_counts(gate_input: GateInput) -> str:
    lines = []
    for part in PARTS:
        counts = zip(gate_input.dataset.classes, _count_cases(gate_input, part), strict=True)
        lines.append(f"{part}: {', '.join(f'{name} {count:g}' for name, count in counts)}")
    return "; ".join(lines)
