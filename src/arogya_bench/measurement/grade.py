"""How far the conditions of a measurement can be trusted, from A to D.

A: the clock is fixed, nothing else runs. B: nothing else runs, what could not be fixed is recorded.
C: the machine is shared, or a small drift. D: throttled, foreign load, or drifting.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from arogya_bench.measurement.conditions import Conditions, conditions_between
from arogya_bench.measurement.machine_state import MachineState

STEADY_DRIFT = 0.05  # nnU-Net repeats what differs by more than 5 to 10 %
SMALL_DRIFT = 0.07  # pytorch/benchmark calls a spread below 7 % stable
LARGE_DRIFT = 0.10  # the upper end of what nnU-Net tolerates
# At .3 the variance of a mean is (1 + .3) / (1 - .3) = 1.9 times that of independent requests, so that
# intervals would have to be 1.4 times as wide.
HIGH_AUTOCORRELATION = 0.3
IDLE_SHARE = 0.05  # of the processors: services of an idle system stay below
IDLE_CORES = 0.5  # half of a processor busy all the time is a program, however many processors there are
BUSY_SHARE = 0.20  # a fifth of the processors gone changes times by more than LARGE_DRIFT
STEAL_SHARE = 0.01  # an idle host takes nothing; a tick now and then is below 1 %
LARGE_STEAL_SHARE = 0.05
LARGE_THROTTLED_SHARE = 0.01  # 1 % of the time stopped moves p99 by definition
IDLE_LOAD = 0.5  # per processor, over the minute before: a machine that was busy is warm
HOT_C = 90.0  # processors slow down between 95 and 105 °C
WARMING_C = 10.0  # a rise of the temperature, with which leakage and clock change
FIXED_GOVERNORS = {"performance", "userspace"}
FIXED_CLOCK = "application clocks"
SLOWED_DOWN = {"hardware slowdown", "software thermal slowdown", "hardware thermal slowdown", "power brake"}


@dataclass(frozen=True, kw_only=True)
class EnvironmentGrade:
    """The grade of the conditions of a measurement.

    Attributes:
        letter: A (best) to D.
        reasons: Why it is not A, the worst first, as clauses for readers.
        observations: What was read, JSON; ``unknown`` lists what could not be read.
    """

    letter: str
    reasons: tuple[str, ...]
    observations: dict[str, object]


class Remark(NamedTuple):
    """The best grade that something leaves possible, and what it is."""

    letter: str
    reason: str


def grade_environment(
    before: MachineState, after: MachineState, *, drift: float | None, autocorrelation: float | None
) -> EnvironmentGrade:
    """Grade the conditions of a measurement; its worst condition decides.

    Args:
        before: The machine when it started.
        after: The machine when it ended.
        drift: Median of the second half / that of the first half - 1; None if it is not known.
        autocorrelation: Of the latency of each request with the next one's; None if it is not known.
    """
    conditions = conditions_between(before, after, drift=drift, autocorrelation=autocorrelation)
    remarks = [remark for check in CHECKS for remark in check(conditions)]
    remarks.sort(key=lambda remark: remark.letter, reverse=True)
    return EnvironmentGrade(
        letter=remarks[0].letter if remarks else "A",
        reasons=tuple(remark.reason for remark in remarks),
        observations=conditions.observations(),
    )


def _drift(conditions: Conditions) -> Iterator[Remark]:
    drift = conditions.drift
    if drift is None or abs(drift) <= STEADY_DRIFT:
        return
    letter = "B" if abs(drift) <= SMALL_DRIFT else "C" if abs(drift) <= LARGE_DRIFT else "D"
    direction = "slower" if drift > 0 else "faster"
    yield Remark(letter, f"the second half was {_percent(abs(drift))} {direction} than the first")


def _autocorrelation(conditions: Conditions) -> Iterator[Remark]:
    value = conditions.autocorrelation
    if value is not None and value > HIGH_AUTOCORRELATION:
        yield Remark("C", f"successive requests were alike (autocorrelation {value:.2f}): the machine changed slowly")


def _foreign_load(conditions: Conditions) -> Iterator[Remark]:
    cores = conditions.foreign_cores
    if cores is None:
        return
    share = cores / conditions.before.processors
    host = " of the container's host" if conditions.before.in_container else ""
    if share > IDLE_SHARE or cores > IDLE_CORES:
        letter = "D" if share > BUSY_SHARE else "C"
        yield Remark(letter, f"other processes used {_percent(share)} of the processors{host}")


def _load_before(conditions: Conditions) -> Iterator[Remark]:
    load, processors = conditions.before.load_average, conditions.before.processors
    if load is not None and load > IDLE_LOAD * processors:
        noun = "processor" if processors == 1 else "processors"
        yield Remark("B", f"the load average before it was {load:.1f} on {processors} {noun}")


def _steal(conditions: Conditions) -> Iterator[Remark]:
    share = (conditions.steal_cores or 0.0) / conditions.before.processors
    if share > STEAL_SHARE:
        letter = "D" if share > LARGE_STEAL_SHARE else "C"
        yield Remark(letter, f"the host gave {_percent(share)} of the processors to other virtual machines")


def _quota(conditions: Conditions) -> Iterator[Remark]:
    quota, processors = conditions.before.quota, conditions.before.processors
    if quota is not None and quota < processors:
        yield Remark("B", f"the container may use {quota:g} of {processors} processors")
    stopped = conditions.throttled_s or 0.0
    if stopped > 0:
        letter = "D" if stopped > LARGE_THROTTLED_SHARE * conditions.seconds else "C"
        yield Remark(letter, f"the container was throttled for {_duration(stopped)}")


def _clock(conditions: Conditions) -> Iterator[Remark]:
    governors = {state.governor for state in conditions.states} - {None}
    for governor in sorted(map(str, governors)):
        if not set(governor.split(", ")) <= FIXED_GOVERNORS:
            yield Remark("B", f"the governor {governor} changes the clock with the load")
    if any(state.turbo for state in conditions.states):
        yield Remark("B", "turbo is on: the clock depends on the temperature")
    if any(state.hyper_threading for state in conditions.states):
        yield Remark("B", "hyper-threading is on: two processors share a core")


def _heat(conditions: Conditions) -> Iterator[Remark]:
    if conditions.heat_throttles:
        times = "once" if conditions.heat_throttles == 1 else f"{conditions.heat_throttles:.0f} times"
        yield Remark("D", f"the processors slowed down {times} because of heat")
    before, after = conditions.before.temperature_c, conditions.after.temperature_c
    hottest = max((degrees for degrees in (before, after) if degrees is not None), default=0.0)
    if hottest >= HOT_C:
        yield Remark("C", f"the processors were at {hottest:.0f} °C")
    if before is not None and after is not None and after - before > WARMING_C:
        yield Remark("C", f"the processors warmed up from {before:.0f} to {after:.0f} °C")


def _gpu_sharing(conditions: Conditions) -> Iterator[Remark]:
    foreign = max((state.foreign_processes or 0 for state in conditions.gpu_states), default=0)
    if foreign:
        yield Remark("D", f"{foreign} other process{'es were' if foreign > 1 else ' was'} on the GPU")
    hidden = max((state.hidden_processes or 0 for state in conditions.gpu_states), default=0)
    if hidden:
        yield Remark("C", f"{hidden} process{'es' if hidden > 1 else ''} on the GPU cannot be identified here")


def _gpu_clock(conditions: Conditions) -> Iterator[Remark]:
    known = [set(state.clock_reasons) for state in conditions.gpu_states if state.clock_reasons is not None]
    reasons = set().union(*known)
    if slow := sorted(reasons & SLOWED_DOWN):
        yield Remark("D", f"the GPU slowed down: {', '.join(slow)}")
    if "power limit" in reasons:
        yield Remark("C", "the GPU reached its power limit")
    if known and FIXED_CLOCK not in reasons:
        yield Remark("B", "the clock of the GPU is not fixed")


def _unknown(conditions: Conditions) -> Iterator[Remark]:
    if unknown := conditions.unknown():
        yield Remark("B", f"not known here: {', '.join(unknown)}")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.0f} ms"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


CHECKS: tuple[Callable[[Conditions], Iterator[Remark]], ...] = (
    _foreign_load,
    _quota,
    _steal,
    _drift,
    _autocorrelation,
    _heat,
    _load_before,
    _clock,
    _gpu_sharing,
    _gpu_clock,
    _unknown,
)
