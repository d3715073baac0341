"""AB301 to AB307: classes that are missing, tiny, uneven, spelled twice, or not classes at all."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import scipy

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.codes import Severity
from arogya_bench.gate.context import Examined
from arogya_bench.gate.findings import Finding, found
from arogya_bench.runtime.console import counted
from arogya_bench.types import Dataset, Floats

# With 5 of 5 right, a recall has a 95 % interval from 57 %; with fewer, chance of a half is in it.
FEW = 5
UNEVEN = 10.0  # largest class to smallest, in train
OFF_BY = 0.05  # of all cases
LEAST_OFFICIAL = 0.05  # of all cases, in validation and test
# Half the sum of differences of class shares: so many cases in a hundred would have to change.
APART = 0.1
LEVEL = 0.01


def strays(examined: Examined) -> Iterator[Finding]:
    """Labels outside the classes, and cases without one."""
    said = dict(examined.dataset.stray_labels)
    names = [f"{case}: {label!r}" for case, label in said.items()]
    names += [f"{name}: none" for name in unlabelled(examined) if name not in said]
    if names:
        detail = f"the classes are {', '.join(examined.dataset.classes)}"
        yield found("AB305", names, detail=detail)


def unlabelled(examined: Examined) -> list[str]:
    """Ids of cases that no evaluation of the task can use for want of a label."""
    if examined.dataset.task != "classification":
        return []
    known = range(len(examined.dataset.classes))
    return [each.case.case_id for each in examined.placed if each.case.target not in known]


def class_counts(examined: Examined) -> Iterator[Finding]:
    """Classes that a part lacks or hardly holds, that differ much in size, or hardly in name."""
    yield from _spellings(examined.dataset.classes)
    if examined.dataset.task == "segmentation":  # classes are in masks, which nobody reads here
        return
    dataset, unit = examined.dataset, "group" if examined.dataset.grouped else "case"
    counts = {part: _units(examined, part) for part in PARTS}
    named = [(part, name, k) for part in PARTS for k, name in enumerate(dataset.classes)]
    missing = [f"{name} in {part}" for part, name, k in named if not counts[part][k]]
    if missing:
        # A class that is not tested can be learnt; its own scores do not exist.
        learnt = all(counts["train"]) and all(counts["validation"])
        severity: Severity | None = "warning" if learnt else None
        yield found("AB301", missing, detail=_table(examined), severity=severity)
    tiny = [
        f"{name} in {part}: {counted(int(counts[part][k]), unit)}"
        for part, name, k in named
        if part != "train" and 0 < counts[part][k] < FEW
    ]
    if tiny:
        yield found("AB302", tiny, detail=f"fewer than {counted(FEW, unit)}")
    yield from _imbalance(dataset, _cases(examined, "train"))
    yield from _shift(dataset, _cases(examined, "train"), _cases(examined, "test"))


def shares(examined: Examined) -> Iterator[Finding]:
    """Parts that are larger or smaller than was asked for, or too small to say anything."""
    sizes = np.array([len(examined.in_part(part)) for part in PARTS])
    is_shares = sizes / max(1, sizes.sum())
    if examined.fractions is None or examined.split.name.startswith("official"):
        off = [
            f"{part}: {share:.1%} of the cases"
            for part, share in zip(PARTS, is_shares, strict=True)
            if part != "train" and share < LEAST_OFFICIAL
        ]
    else:
        off = [
            f"{part}: {share:.1%} instead of {wanted:.1%}"
            for part, share, wanted in zip(PARTS, is_shares, examined.fractions, strict=True)
            if abs(share - wanted) > OFF_BY
        ]
    if off:
        yield found("AB304", off)


def _spellings(classes: Sequence[str]) -> Iterator[Finding]:
    """Names that are one and the same without regard to case and to how Unicode encodes them."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in classes:
        folded = unicodedata.normalize("NFKC", name).casefold()
        alike[unicodedata.normalize("NFKC", folded)].append(repr(name))
    names = [", ".join(own) for own in alike.values() if len(own) > 1]
    if names:
        yield found("AB307", names)


def _imbalance(dataset: Dataset, train: Floats) -> Iterator[Finding]:
    if not train.any():
        return
    smallest, largest = int(np.argmin(np.where(train > 0, train, np.inf))), int(np.argmax(train))
    ratio = train[largest] / train[smallest]
    if ratio > UNEVEN:
        names = [f"{dataset.classes[k]}: {train[k]:g}" for k in (largest, smallest)]
        yield found("AB303", names, detail=f"{ratio:.1f} to 1 in train")


def _shift(dataset: Dataset, train: Floats, test: Floats) -> Iterator[Finding]:
    if not train.any() or not test.any():
        return
    parts = np.stack([train, test])
    before, after = parts / parts.sum(axis=1, keepdims=True)
    apart = float(np.abs(before - after).sum() / 2)
    held = parts[:, parts.sum(axis=0) > 0]
    if apart <= APART or held.shape[1] < 2 or scipy.stats.chi2_contingency(held).pvalue >= LEVEL:
        return
    order = np.argsort(-np.abs(before - after))
    names = [
        f"{dataset.classes[k]}: {before[k]:.1%} in train, {after[k]:.1%} in test" for k in order
    ]
    moved = f"{apart:.1%} of the cases would have to change class for the parts to agree"
    yield found("AB306", names, detail=moved)


def _units(examined: Examined, part: str) -> Floats:
    """Groups that show each class, where groups are known; else cases."""
    if not examined.dataset.grouped:
        return _cases(examined, part)
    own = {(each.case.group_id, k) for each in examined.in_part(part) for k in each.case.present}
    return _tally(examined.dataset, Counter(k for _, k in own))


def _cases(examined: Examined, part: str) -> Floats:
    own = Counter(k for each in examined.in_part(part) for k in each.case.present)
    return _tally(examined.dataset, own)


def _tally(dataset: Dataset, counts: Counter[int]) -> Floats:
    return np.array([counts[k] for k in range(len(dataset.classes))], dtype=np.float64)


def _table(examined: Examined) -> str:
    lines = []
    for part in PARTS:
        counts = zip(examined.dataset.classes, _cases(examined, part), strict=True)
        lines.append(f"{part}: {', '.join(f'{name} {count:g}' for name, count in counts)}")
    return "; ".join(lines)
