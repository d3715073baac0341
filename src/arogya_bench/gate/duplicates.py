"""AB101 to AB110: groups and duplicates across the parts of the split."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.codes import Severity
from arogya_bench.gate.context import CaseInSplit, GateInput
from arogya_bench.gate.copies import CopyPair, pair_of, pairs_of_sets
from arogya_bench.gate.findings import MAX_EXAMPLES, GateFinding, finding
from arogya_bench.gate.near_duplicate_chance import estimate_from_control, estimate_from_outer_distances
from arogya_bench.gate.near_duplicates import ACROSS_SPLITS, OTHER_LABEL, WITHIN_SPLIT, HashedImages, count_near_pairs
from arogya_bench.runtime.console import plural
from arogya_bench.types import Labels

NO_LABEL = -1
LARGE_GROUP_SHARE = 0.05  # of the cases
LARGE_GROUP_RATIO = 10  # to the median


def group_leakage(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report groups in several parts of the split, or that the source defines no groups."""
    if not gate_input.dataset.grouped:
        yield finding("AB109", [], count=len(gate_input.cases), detail="every case counts as its own patient")
        return
    parts_by_group: defaultdict[str, set[str]] = defaultdict(set)
    for case in gate_input.cases:
        parts_by_group[case.case.group_id].add(case.part)
    divided = [
        f"{group} ({', '.join(part for part in PARTS if part in parts)})"
        for group, parts in parts_by_group.items()
        if len(parts) > 1
    ]
    detail = f"{len(divided)} of {len(parts_by_group)} groups are in several splits"
    if gate_input.split.is_image_level:  # requested explicitly
        yield finding("AB108", divided, count=max(1, len(divided)), detail=detail)
    elif divided:
        yield finding("AB101", divided, detail=detail)


def large_groups(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report groups so large that their name may be a word for unknown patients, such as ``0``."""
    if not gate_input.dataset.grouped:
        return
    sizes = Counter(case.case.group_id for case in gate_input.cases)
    median = float(np.median([*sizes.values()]))
    least = max(LARGE_GROUP_SHARE * len(gate_input.cases), LARGE_GROUP_RATIO * median)
    names = [f"{group}: {plural(size, 'case')}" for group, size in sizes.most_common() if size >= least]
    if names:
        yield finding("AB110", names, detail=f"half of the {len(sizes)} patients have at most {median:g}")


def exact_duplicates(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report cases with equal pixels, whatever their file formats.

    The unit is a set of equal images. A set across splits may also be under different labels; copies with the same
    label in the same split form a set of their own.
    """
    classes = gate_input.dataset.classes
    by_pixels: defaultdict[str, list[CaseInSplit]] = defaultdict(list)
    for case in gate_input.cases:
        if case.facts.pixels:
            by_pixels[case.facts.pixels.pixel_hash].append(case)
    sets = [cases for cases in by_pixels.values() if len(cases) > 1]
    across = [cases for cases in sets if len({case.part for case in cases}) > 1]
    if across:
        # A copy in validation biases the choice of the epoch, but no score on test.
        in_test = any(case.part == "test" for cases in across for case in cases)
        yield finding(
            "AB102",
            [_format_equal_cases(cases) for cases in across],
            detail=_format_affected_counts(gate_input, across),
            severity=None if in_test else "warning",
            pairs=pairs_of_sets(across, classes),
        )
    contradicting = [cases for cases in sets if len({case.case.target for case in cases}) > 1]
    if contradicting:
        names = [_format_equal_cases(cases, classes) for cases in contradicting]
        yield finding("AB103", names, pairs=pairs_of_sets(contradicting, classes))
    repeated = [copies for cases in sets for copies in _group_copies(cases)]
    if repeated:
        redundant = sum(len(copies) - 1 for copies in repeated)
        names = [_format_equal_cases(copies) for copies in repeated]
        pairs = pairs_of_sets(repeated, classes)
        yield finding("AB104", names, detail=plural(redundant, "redundant case"), pairs=pairs)


def near_duplicates(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report cases of different groups that look almost the same.

    Mirrored and rotated copies are not detected. A finding is for information only where chance explains it; copies
    under different labels are never, since a wrong label may be among them.
    """
    classes = gate_input.dataset.classes
    cases = [case for case in gate_input.cases if case.facts.pixels and not case.facts.pixels.flat]
    near_by_kind = count_near_pairs(_collect_hashes(cases, grouped=gate_input.dataset.grouped))
    control = near_by_kind[OTHER_LABEL]
    # Pairs that chance does not explain may be copies under a wrong label, and are no control for the others.
    use_control = control.pairs_searched and (not control.count or estimate_from_outer_distances(control).explains)
    for code, kind in (("AB105", ACROSS_SPLITS), ("AB106", OTHER_LABEL), ("AB107", WITHIN_SPLIT)):
        near = near_by_kind[kind]
        if not near.count:
            continue
        from_control = use_control and kind != OTHER_LABEL
        chance = estimate_from_control(near, control) if from_control else estimate_from_outer_distances(near)
        severity: Severity | None = "info" if chance.explains and kind != OTHER_LABEL else None
        pairs = [pair_of(cases[p.first], cases[p.second], classes, bits=p.distance) for p in near.nearest]
        names = [_format_near_pair(pair, by_class=kind == OTHER_LABEL) for pair in pairs[:MAX_EXAMPLES]]
        listed = f"; the nearest {len(pairs):,} are listed" if near.count > len(pairs) else ""
        detail = f"{chance.detail}{listed}"
        yield finding(code, names, count=near.count, detail=detail, severity=severity, pairs=pairs)


def _collect_hashes(cases: Sequence[CaseInSplit], *, grouped: bool) -> HashedImages:
    pixels = [case.facts.pixels for case in cases if case.facts.pixels]
    labels = [NO_LABEL if case.case.target is None else case.case.target for case in cases]
    return HashedImages(
        perceptual_hash=np.array([facts.perceptual_hash for facts in pixels], dtype=np.uint64),
        pixel_hash=_factorize(facts.pixel_hash for facts in pixels),
        label=np.array(labels, dtype=np.int64),
        part=_factorize(case.part for case in cases),
        group=_factorize(case.case.group_id for case in cases) if grouped else np.arange(len(cases)),
    )


def _factorize(values: Iterable[Hashable]) -> Labels:
    codes: dict[Hashable, int] = {}
    return np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int64)


def _group_copies(cases: Sequence[CaseInSplit]) -> Iterator[list[CaseInSplit]]:
    copies: defaultdict[Hashable, list[CaseInSplit]] = defaultdict(list)
    for case in cases:
        copies[case.part, case.case.target].append(case)
    return (group for group in copies.values() if len(group) > 1)


def _format_affected_counts(gate_input: GateInput, across: Sequence[Sequence[CaseInSplit]]) -> str:
    sizes = Counter(case.part for case in gate_input.cases)
    affected = Counter(case.part for cases in across for case in cases)
    counts = [f"{affected[part]} of {sizes[part]} in {part}" for part in sizes]
    return f"cases with a copy in another split: {', '.join(counts)}"


def _format_equal_cases(cases: Sequence[CaseInSplit], classes: Sequence[str] = ()) -> str:
    names = [_case_name(case, classes) for case in cases[:3]]
    return " = ".join([*names, *["..."] * bool(cases[3:])])


def _format_near_pair(pair: CopyPair, *, by_class: bool) -> str:
    first, second = (pair.first_class, pair.second_class) if by_class else (pair.first_split, pair.second_split)
    return f"{pair.first} ({first}) ~ {pair.second} ({second}) ({pair.bits} bits)"


def _case_name(case: CaseInSplit, classes: Sequence[str] = ()) -> str:
    target = case.case.target
    context = classes[target] if classes and target is not None else case.part
    return f"{case.name} ({context})"
