"""AB201 to AB211: files that cannot be read, or hold something else than a model expects."""

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
    """What keeps images from being read, by its code, with the first reason of each."""
    broken: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for facts in gate_input.facts.values():
        if facts.problem:
            broken[facts.problem][facts.case_id] = facts.reason
    for code, own in broken.items():
        first, reason = next(iter(own.items()))
        yield finding(code, list(own), detail=f"{first}: {reason}")


def unusual_images(gate_input: GateInput) -> Iterator[GateFinding]:
    """Images that can be read, and yet are not what they should be."""
    readable = [facts for facts in gate_input.facts.values() if not facts.problem]
    for code, is_odd in UNUSUAL_CHECKS.items():
        names = [facts.case_id for facts in readable if is_odd(facts)]
        if names:
            yield finding(code, names)
