"""AB201 to AB211: files that cannot be read, or hold something else than a model expects."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from arogya_bench.gate.context import Examined
from arogya_bench.gate.findings import Finding, found
from arogya_bench.gate.image_facts import ImageFacts

ODDITIES: dict[str, Callable[[ImageFacts], bool]] = {
    "AB205": lambda facts: facts.mode == "CMYK",
    "AB206": lambda facts: facts.mode in ("P", "PA"),
    "AB208": lambda facts: (facts.frames or 1) > 1,
    "AB211": lambda facts: facts.pixels is not None and facts.pixels.flat,
}


def problems(examined: Examined) -> Iterator[Finding]:
    """What keeps images from being read, by its code, with the first reason of each."""
    broken: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for facts in examined.facts.values():
        if facts.problem:
            broken[facts.problem][facts.case_id] = facts.reason
    for code, own in broken.items():
        first, reason = next(iter(own.items()))
        yield found(code, list(own), detail=f"{first}: {reason}")


def oddities(examined: Examined) -> Iterator[Finding]:
    """Images that can be read, and yet are not what they should be."""
    readable = [facts for facts in examined.facts.values() if not facts.problem]
    for code, is_odd in ODDITIES.items():
        names = [facts.case_id for facts in readable if is_odd(facts)]
        if names:
            yield found(code, names)
