"""AB201 to AB214: files that are unreadable or unusual, or no image of a case of their own."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.gate.image_facts import ImageFacts
from arogya_bench.images.companions import find_companions, find_named_alike

MIN_SHARE_NAMED_ALIKE = 0.1  # of the cases: more than a few exceptions
UNUSUAL_CHECKS: dict[str, Callable[[ImageFacts], bool]] = {
    "AB205": lambda facts: facts.mode == "CMYK",
    "AB206": lambda facts: facts.mode in ("P", "PA"),
    "AB208": lambda facts: (facts.frames or 1) > 1,
    "AB211": lambda facts: facts.pixels is not None and facts.pixels.flat,
}


def unreadable_images(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report unreadable images by code, each with the reason of its first case."""
    reasons: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for facts in gate_input.facts.values():
        if facts.problem:
            reasons[facts.problem][gate_input.name_of(facts.case_id)] = facts.reason
    for code, reason_by_case in reasons.items():
        name, reason = next(iter(reason_by_case.items()))
        yield finding(code, list(reason_by_case), detail=f"{name}: {reason}")


def unusual_images(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report readable images of a kind that models do not expect."""
    readable = [facts for facts in gate_input.facts.values() if not facts.problem]
    for code, is_unusual in UNUSUAL_CHECKS.items():
        names = [gate_input.name_of(facts.case_id) for facts in readable if is_unusual(facts)]
        if names:
            yield finding(code, names)


def drawn_images(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report images that look like masks, where others look like photographs."""
    if gate_input.dataset.task == "segmentation":  # slices at the ends of a volume are almost empty
        return
    seen = {case_id: facts.pixels for case_id, facts in gate_input.facts.items() if facts.pixels}
    known = find_companions({case.case.case_id: str(case.case.target) for case in gate_input.cases})
    drawn = [gate_input.name_of(case_id) for case_id, pixels in seen.items() if pixels.drawn and case_id not in known]
    if drawn and len(drawn) < sum(not pixels.flat for pixels in seen.values()):
        yield finding("AB213", drawn, detail=f"{len(drawn)} of {len(seen)} images are of few grey levels")


def named_alike(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report cases that are named like one of another patient with a word added."""
    if gate_input.dataset.task != "classification":
        return
    cases = {case.case.case_id: case.case for case in gate_input.cases}
    labels = {case_id: str(case.target) for case_id, case in cases.items()}
    known = find_companions(labels)
    names = [
        _name_companion(gate_input.name_of(case_id), base)
        for case_id, base in find_named_alike(labels).items()
        if case_id not in known and cases[case_id].group_id != cases[base].group_id
    ]
    if len(names) >= MIN_SHARE_NAMED_ALIKE * len(cases) and names:
        yield finding("AB214", names, detail=f"{len(names)} of {len(cases)} cases")


def companion_images(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report cases that are masks or thumbnails of another case with the same label."""
    if gate_input.dataset.task != "classification":
        return
    labels = {case.case.case_id: str(case.case.target) for case in gate_input.cases}
    companions = find_companions(labels)
    if companions:
        names = [_name_companion(gate_input.name_of(case_id), base) for case_id, base in companions.items()]
        looks_so = any(_looks_like_companion(gate_input, case_id, base) for case_id, base in companions.items())
        detail = f"{len(names)} of {len(labels)} cases are named like another one"
        yield finding("AB212", names, detail=detail, severity=None if looks_so else "warning")


def _looks_like_companion(gate_input: GateInput, case_id: str, base: str) -> bool:
    """Whether a case is drawn in few grey levels, or smaller than the image that it is named like."""
    own, other = gate_input.facts[case_id], gate_input.facts.get(base)
    is_smaller = bool(other and own.width and other.width and own.width < other.width)
    return is_smaller or bool(own.pixels and own.pixels.drawn)


def _name_companion(name: str, base: str) -> str:
    return f"{name} of {base}" if base else name
