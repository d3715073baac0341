"""AB102 to AB107: the same picture twice, or almost."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from arogya_bench.gate.codes import Severity
from arogya_bench.gate.context import Examined, Placed
from arogya_bench.gate.findings import Finding, found
from arogya_bench.gate.near_duplicate_chance import by_control, by_rings
from arogya_bench.gate.near_duplicates import ACROSS, OTHER_LABEL, WITHIN, Images, near_pairs
from arogya_bench.types import Labels

UNLABELLED = -1


def exact(examined: Examined) -> Iterator[Finding]:
    """Cases with the same pixels, whatever their files.

    The unit is a set of equal images. One across splits may also be under another label; copies
    of one label in one split are a set of their own.
    """
    sets: defaultdict[str, list[Placed]] = defaultdict(list)
    for each in _readable(examined):
        sets[each.facts.pixels.content if each.facts.pixels else ""].append(each)
    copies = [own for own in sets.values() if len(own) > 1]
    across = [own for own in copies if len({each.part for each in own}) > 1]
    if across:
        # A copy in validation makes the choice of an epoch too good, and no score on test.
        tested = any(each.part == "test" for own in across for each in own)
        yield found(
            "AB102",
            [_equal(own) for own in across],
            detail=_reach(examined, across),
            severity=None if tested else "warning",
        )
    contradicting = [own for own in copies if len({each.case.target for each in own}) > 1]
    if contradicting:
        classes = examined.dataset.classes
        names = [_equal(own, classes) for own in contradicting]
        yield found("AB103", names)
    repeated = [again for own in copies for again in _repeated(own)]
    if repeated:
        extra = sum(len(own) - 1 for own in repeated)
        yield found("AB104", [_equal(own) for own in repeated], detail=f"{extra} cases too many")


def near(examined: Examined) -> Iterator[Finding]:
    """Cases that look almost the same, and are not of one group.

    A mirrored or turned copy is not found. Where chance explains what was found, the finding is
    for information only.
    """
    placed = [each for each in _readable(examined) if each.facts.pixels]
    placed = [each for each in placed if each.facts.pixels and not each.facts.pixels.flat]
    kinds = near_pairs(_images(placed, grouped=examined.dataset.grouped))
    control = kinds[OTHER_LABEL]
    for code, kind in (("AB105", ACROSS), ("AB106", OTHER_LABEL), ("AB107", WITHIN)):
        own = kinds[kind]
        if not own.count:
            continue
        ringed = kind == OTHER_LABEL or not control.searched
        chance = by_rings(own) if ringed else by_control(own, control)
        names = [
            f"{_name(placed[pair.first])} ~ {_name(placed[pair.second])} ({pair.distance} bits)"
            for pair in own.nearest
        ]
        severity: Severity | None = "info" if chance.explains else None
        yield found(code, names, count=own.count, detail=chance.detail, severity=severity)


def _readable(examined: Examined) -> Iterator[Placed]:
    return (each for each in examined.placed if each.facts.pixels is not None)


def _images(placed: Sequence[Placed], *, grouped: bool) -> Images:
    known = [each.facts.pixels for each in placed if each.facts.pixels]
    groups = _codes(each.case.group_id for each in placed) if grouped else np.arange(len(placed))
    labels = [UNLABELLED if each.case.target is None else each.case.target for each in placed]
    return Images(
        likeness=np.array([pixels.likeness for pixels in known], dtype=np.uint64),
        content=_codes(pixels.content for pixels in known),
        label=np.array(labels, dtype=np.int64),
        part=_codes(each.part for each in placed),
        group=groups,
    )


def _codes(values: Iterable[Hashable]) -> Labels:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)


def _repeated(own: Sequence[Placed]) -> Iterator[list[Placed]]:
    alike: defaultdict[Hashable, list[Placed]] = defaultdict(list)
    for each in own:
        alike[each.part, each.case.target].append(each)
    return (again for again in alike.values() if len(again) > 1)


def _reach(examined: Examined, across: Sequence[Sequence[Placed]]) -> str:
    sizes = Counter(each.part for each in examined.placed)
    held = Counter(each.part for own in across for each in own)
    said = [f"{held[part]} of {sizes[part]} in {part}" for part in sizes]
    return f"cases with a copy in another part: {', '.join(said)}"


def _equal(own: Sequence[Placed], classes: Sequence[str] = ()) -> str:
    return " = ".join(_name(each, classes) for each in own[:3]) + (" = ..." if own[3:] else "")


def _name(each: Placed, classes: Sequence[str] = ()) -> str:
    target = each.case.target
    said = classes[target] if classes and target is not None else each.part
    return f"{each.case.case_id} ({said})"
