"""AB101, AB108, AB109: groups that straddle a split, or that nobody names."""

from collections import defaultdict
from collections.abc import Iterator

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, finding


def group_leakage(gate_input: GateInput) -> Iterator[GateFinding]:
    """Whether a patient is on both sides of the split, as far as the source knows patients."""
    if not gate_input.dataset.grouped:
        yield finding(
            "AB109",
            [],
            count=len(gate_input.cases),
            detail="every case counts as its own patient",
        )
        return
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for each in gate_input.cases:
        homes[each.case.group_id].add(each.part)
    torn = [
        f"{group} ({', '.join(part for part in PARTS if part in parts)})"
        for group, parts in homes.items()
        if len(parts) > 1
    ]
    detail = f"{len(torn)} of {len(homes)} groups lie in several parts"
    if gate_input.split.is_image_level:  # that they straddle was asked for by name
        yield finding("AB108", torn, count=max(1, len(torn)), detail=detail)
    elif torn:
        yield finding("AB101", torn, detail=detail)
