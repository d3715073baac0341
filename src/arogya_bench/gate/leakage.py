"""AB101, AB108, AB109: groups that straddle a split, or that nobody names."""

from collections import defaultdict
from collections.abc import Iterator

from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.gate.context import Examined
from arogya_bench.gate.findings import Finding, found


def groups(examined: Examined) -> Iterator[Finding]:
    """Whether a patient is on both sides of the split, as far as the source knows patients."""
    if not examined.dataset.grouped:
        yield found(
            "AB109",
            [],
            count=len(examined.placed),
            detail="every case counts as its own patient",
        )
        return
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for each in examined.placed:
        homes[each.case.group_id].add(each.part)
    torn = [
        f"{group} ({', '.join(part for part in PARTS if part in parts)})"
        for group, parts in homes.items()
        if len(parts) > 1
    ]
    detail = f"{len(torn)} of {len(homes)} groups lie in several parts"
    if examined.split.by_image:  # that they straddle was asked for by name
        yield found("AB108", torn, count=max(1, len(torn)), detail=detail)
    elif torn:
        yield found("AB101", torn, detail=detail)
