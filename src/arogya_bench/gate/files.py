"""AB201 to AB211: files that are unreadable or unusual."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from arogya_bench.gate.context import GateInput
from arogya_bench.gate.findings import GateFinding, finding
from arogya_bench.gate.image_facts import ImageFacts

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
            reasons[facts.problem][facts.case_id] = facts.reason
    for code, reason_by_case in reasons.items():
        case_id, reason = next(iter(reason_by_case.items()))
        yield finding(code, list(reason_by_case), detail=f"{case_id}: {reason}")


def unusual_images(gate_input: GateInput) -> Iterator[GateFinding]:
    """Report readable images of a kind that models do not expect."""
    readable = [facts for facts in gate_input.facts.values() if not facts.problem]
    for code, is_unusual in UNUSUAL_CHECKS.items():
        names = [facts.case_id for facts in readable if is_unusual(facts)]
        if names:
            yield finding(code, names)
