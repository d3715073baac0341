"""AB102 to AB107: the same picture twice, or almost."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from arogya_bench.gate.codes import Severity
from arogya_bench.gate.context import CaseInSplit, GateInput
from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.gate.near_duplicate_chance import (
    estimate_from_control,
    estimate_from_outer_distances,
)
from arogya_bench.gate.near_duplicates import (
    ACROSS_SPLITS,
    OTHER_LABEL,
    WITHIN_SPLIT,
    HashedImages,
    count_near_pairs,
)
from arogya_bench.types import Labels

NO_LABEL = -1


def exact_duplicates(gate_input: GateInput) -> Iterator[GateFinding]:
    """Cases with the same pixels, whatever their files.

    The unit is a set of equal images. One across splits may also be under another label; copies
    of one label in one split are a set of their own.
    """
    sets: defaultdict[str, list[CaseInSplit]] = defaultdict(list)
    for each in _readable_cases(gate_input):
        sets[each.facts.pixels.pixel_hash if each.facts.pixels else ""].append(each)
    copies = [own for own in sets.values() if len(own) > 1]
    across = [own for own in copies if len({each.part for each in own}) > 1]
    if across:
        # A copy in validation makes the choice of an epoch too good, and no score on test.
        tested = any(each.part == "test" for own in across for each in own)
        yield finding(
            "AB102",
            [_format_equal_cases(own) for own in across],
            detail=_format_affected_counts(gate_input, across),
            severity=None if tested else "warning",
        )
    contradicting = [own for own in copies if len({each.case.target for each in own}) > 1]
    if contradicting:
        classes = gate_input.dataset.classes
        names = [_format_equal_cases(own, classes) for own in contradicting]
        yield finding("AB103", names)
    repeated = [again for own in copies for again in _group_copies(own)]
    if repeated:
        extra = sum(len(own) - 1 for own in repeated)
        yield finding(
            "AB104",
            [_format_equal_cases(own) for own in repeated],
            detail=f"{extra} cases too many",
        )


def near_duplicates(gate_input: GateInput) -> Iterator[GateFinding]:
    """Cases that look almost the same, and are not of one group.

    A mirrored or turned copy is not found. Where chance explains what was found, the finding is
    for information only.
    """
    placed = [each for each in _readable_cases(gate_input) if each.facts.pixels]
    placed = [each for each in placed if each.facts.pixels and not each.facts.pixels.flat]
    kinds = count_near_pairs(_collect_hashes(placed, grouped=gate_input.dataset.grouped))
    control = kinds[OTHER_LABEL]
    for code, kind in (("AB105", ACROSS_SPLITS), ("AB106", OTHER_LABEL), ("AB107", WITHIN_SPLIT)):
        own = kinds[kind]
        if not own.count:
            continue
        ringed = kind == OTHER_LABEL or not control.pairs_searched
        chance = (
            estimate_from_outer_distances(own) if ringed else estimate_from_control(own, control)
        )
        names = [
            f"{_case_name(placed[pair.first])} ~ {_case_name(placed[pair.second])} ({pair.distance} bits)"
            for pair in own.nearest
        ]
        severity: Severity | None = "info" if chance.explains else None
        yield finding(code, names, count=own.count, detail=chance.detail, severity=severity)


def _readable_cases(gate_input: GateInput) -> Iterator[CaseInSplit]:
    return (each for each in gate_input.cases if each.facts.pixels is not None)


def _collect_hashes(cases: Sequence[CaseInSplit], *, grouped: bool) -> HashedImages:
    known = [each.facts.pixels for each in cases if each.facts.pixels]
    groups = _factorize(each.case.group_id for each in cases) if grouped else np.arange(len(cases))
    labels = [NO_LABEL if each.case.target is None else each.case.target for each in cases]
    return HashedImages(
        perceptual_hash=np.array([pixels.perceptual_hash for pixels in known], dtype=np.uint64),
        pixel_hash=_factorize(pixels.pixel_hash for pixels in known),
        label=np.array(labels, dtype=np.int64),
        part=_factorize(each.part for each in cases),
        group=groups,
    )


def _factorize(values: Iterable[Hashable]) -> Labels:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def _group_copies(own: Sequence[CaseInSplit]) -> Iterator[list[CaseInSplit]]:
    alike: defaultdict[Hashable, list[CaseInSplit]] = defaultdict(list)
    for each in own:
        alike[each.part, each.case.target].append(each)
    return (again for again in alike.values() if len(again) > 1)


def _format_affected_counts(gate_input: GateInput, across: Sequence[Sequence[CaseInSplit]]) -> str:
    sizes = Counter(each.part for each in gate_input.cases)
    held = Counter(each.part for own in across for each in own)
    said = [f"{held[part]} of {sizes[part]} in {part}" for part in sizes]
    return f"cases with a copy in another part: {', '.join(said)}"


def _format_equal_cases(own: Sequence[CaseInSplit], classes: Sequence[str] = ()) -> str:
    return " = ".join(_case_name(each, classes) for each in own[:3]) + (" = ..." if own[3:] else "")


def _case_name(each: CaseInSplit, classes: Sequence[str] = ()) -> str:
    target = each.case.target
    said = classes[target] if classes and target is not None else each.part
    return f"{each.case.case_id} ({said})"
