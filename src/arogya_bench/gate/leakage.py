"""AB101, AB108, AB109: groups in several parts of the split, or unknown groups."""

from collections import defaultdict
from collections.abc import Iterator

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, finding


def group_leakage(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report groups in several parts of the split, or that the source defines no groups."""
    if not gate_input.dataset.grouped:
        detail = "every case counts as its own patient"
        yield finding("AB109", [], count=len(gate_input.cases), detail=detail)
        return
    parts_by_group: defaultdict[str, set[str]] = defaultdict(set)
    for case in gate_input.cases:
        parts_by_group[case.case.group_id].add(case.part)
    divided = [
        f"{group} ({', '.join(part for part in PARTS if part in parts)})"
        for group, parts in parts_by_group.items()
        if len(parts) > 1
    ]
    detail = f"{len(divided)} of {len(parts_by_group)} groups are in several parts"
    if gate_input.split.is_image_level:  # requested explicitly
        yield finding("AB108", divided, count=max(1, len(divided)), detail=detail)
    elif divided:
        yield finding("AB101", divided, detail=detail)
