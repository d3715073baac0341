"""Each condition lowers the grade by itself; states are read from files in the kernel's formats."""

import json
import os
import time
from dataclasses import replace
from shutil import rmtree

import pytest
from nvml_stand_in import Board, NvmlStandIn
from system_files import OURS

from arogya_bench.measurement.grade import grade_environment
from arogya_bench.measurement.machine_state import read_machine_state

SECONDS = 60.0  # between two states


@pytest.fixture
def grade_of(system):
    """Grade a measurement of a minute: what is true all the time, and what has changed at its end."""

    def grade(always=None, then=None, *, drift=0.01, autocorrelation=0.05, boards=(), pids=(OURS,)):
        device = "cuda:0" if boards else "cpu"
        library = NvmlStandIn(*boards)
        if always:
            always()
        before = read_machine_state(pids, device=device, root=system.root, library=library)
        if then:
            then()
        after = read_machine_state(pids, device=device, root=system.root, library=library)
        after = replace(after, monotonic_s=before.monotonic_s + SECONDS)
        return grade_environment(before, after, drift=drift, autocorrelation=autocorrelation)

    return grade


def test_a_fixed_and_idle_machine_is_an_a(grade_of):
    grade = grade_of()

    assert (grade.letter, grade.reasons) == ("A", ())
    assert grade.observations["unknown"] == []


def test_our_own_work_is_not_foreign(system, grade_of):
    def work():
        system.processor_times(busy_s=1100.0)
        system.process(OURS, cpu_s=120.0, ended_children_s=10.0, children="101 ")
        system.process(101, cpu_s=20.0)

    assert grade_of(then=work).letter == "A"


@pytest.mark.parametrize(
    ("busy_s", "letter", "reason"),
    [
        (1006.0, "A", None),  # services: 6 s of 240 s
        (1033.0, "C", "other processes used 14 % of the processors"),
        (1075.0, "D", "other processes used 31 % of the processors"),
    ],
)
def test_other_processes_lower_the_grade(system, grade_of, busy_s, letter, reason):
    grade = grade_of(then=lambda: system.processor_times(busy_s=busy_s))

    assert grade.letter == letter
    assert grade.reasons == ((reason,) if reason else ())


def test_one_program_on_many_processors_lowers_the_grade(system, grade_of):
    def many(busy_s):
        system.write("proc/self/status", "Cpus_allowed_list:\t0-63\n")
        system.processor_times(busy_s=busy_s, processors=64)

    grade = grade_of(lambda: many(1000.0), lambda: many(1055.0))

    assert (grade.letter, grade.reasons) == ("C", ("other processes used 1 % of the processors",))


def test_work_on_processors_that_are_not_ours_does_not_count(system, grade_of):
    grade = grade_of(
        lambda: system.write("proc/self/status", "Cpus_allowed_list:\t2-3\n"),
        lambda: system.processor_times(busy_s=1060.0),  # on processor 0
    )

    assert grade.letter == "A"


def test_in_a_container_the_load_is_that_of_its_host(system, grade_of):
    grade = grade_of(lambda: system.write(".dockerenv", ""), lambda: system.processor_times(busy_s=1075.0))

    assert grade.reasons == ("other processes used 31 % of the processors of the container's host",)
    assert "host" in grade.observations["note"]


def test_load_before_the_start_lowers_the_grade(system, grade_of):
    grade = grade_of(lambda: system.write("proc/loadavg", "2.40 1.0 1.0 3/300 1\n"))

    assert (grade.letter, grade.reasons) == ("B", ("the load average before it was 2.4 on 4 processors",))


@pytest.mark.parametrize(("steal_s", "letter"), [(6.0, "C"), (24.0, "D")])
def test_time_that_the_host_took_lowers_the_grade(system, grade_of, steal_s, letter):
    grade = grade_of(then=lambda: system.processor_times(busy_s=1000.0, steal_s=steal_s))

    assert grade.letter == letter
    assert "to other virtual machines" in grade.reasons[0]


def test_a_governor_that_is_not_fixed_lowers_the_grade(system, grade_of):
    grade = grade_of(lambda: system.clock(governor="powersave", no_turbo=1, smt=0))

    assert (grade.letter, grade.reasons) == ("B", ("the governor powersave changes the clock with the load",))


def test_one_processor_with_another_governor_lowers_the_grade(system, grade_of):
    path = "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor"

    grade = grade_of(lambda: system.write(path, "ondemand\n"))

    assert (grade.letter, len(grade.reasons)) == ("B", 1)
    assert "ondemand" in grade.reasons[0]


def test_turbo_lowers_the_grade(system, grade_of):
    grade = grade_of(lambda: system.clock(governor="performance", no_turbo=0, smt=0))

    assert (grade.letter, grade.reasons) == ("B", ("turbo is on: the clock depends on the temperature",))


def test_turbo_of_another_driver_lowers_the_grade(system, grade_of):
    def amd():
        system.remove("sys/devices/system/cpu/intel_pstate/no_turbo")
        system.write("sys/devices/system/cpu/cpufreq/boost", "1\n")

    assert grade_of(amd).reasons == ("turbo is on: the clock depends on the temperature",)


def test_hyper_threading_lowers_the_grade(system, grade_of):
    grade = grade_of(lambda: system.clock(governor="performance", no_turbo=1, smt=1))

    assert (grade.letter, grade.reasons) == ("B", ("hyper-threading is on: two processors share a core",))


def test_a_quota_lowers_the_grade(system, grade_of):
    grade = grade_of(lambda: system.cgroup_v2(quota="150000"))

    assert (grade.letter, grade.reasons) == ("B", ("the container may use 1.5 of 4 processors",))


@pytest.mark.parametrize(("microseconds", "letter", "duration"), [(30_000, "C", "30 ms"), (1_200_000, "D", "1.2 s")])
def test_throttled_time_lowers_the_grade(system, grade_of, microseconds, letter, duration):
    grade = grade_of(then=lambda: system.cgroup_v2(quota="max", throttled_us=microseconds))

    assert grade.letter == letter
    assert grade.reasons == (f"the container was throttled for {duration}",)


def test_throttled_time_of_version_1_lowers_the_grade(system, grade_of):
    grade = grade_of(
        lambda: system.cgroup_v1(quota=400_000, throttled_ns=5 * 10**9),
        lambda: system.cgroup_v1(quota=400_000, throttled_ns=7 * 10**9),
    )

    assert (grade.letter, grade.reasons) == ("D", ("the container was throttled for 2.0 s",))


def test_hot_processors_lower_the_grade(system, grade_of):
    grade = grade_of(lambda: system.temperature(93))

    assert (grade.letter, grade.reasons) == ("C", ("the processors were at 93 °C",))


def test_processors_that_warm_up_lower_the_grade(system, grade_of):
    grade = grade_of(then=lambda: system.temperature(71))

    assert (grade.letter, grade.reasons) == ("C", ("the processors warmed up from 45 to 71 °C",))


def test_heat_that_slowed_the_processors_lowers_the_grade(system, grade_of):
    path = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"

    grade = grade_of(lambda: system.write(path, "7\n"), lambda: system.write(path, "10\n"))

    assert (grade.letter, grade.reasons) == ("D", ("the processors slowed down 3 times because of heat",))


@pytest.mark.parametrize(
    ("drift", "letter", "reason"),
    [
        (0.05, "A", None),
        (-0.06, "B", "the second half was 6 % faster than the first"),
        (0.08, "C", "the second half was 8 % slower than the first"),
        (0.14, "D", "the second half was 14 % slower than the first"),
    ],
)
def test_drift_lowers_the_grade(grade_of, drift, letter, reason):
    grade = grade_of(drift=drift)

    assert grade.letter == letter
    assert grade.reasons == ((reason,) if reason else ())


def test_autocorrelation_lowers_the_grade(grade_of):
    grade = grade_of(autocorrelation=0.45)

    assert grade.letter == "C"
    assert "autocorrelation 0.45" in grade.reasons[0]


UNKNOWN = {
    "governor": "sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    "turbo": "sys/devices/system/cpu/intel_pstate/no_turbo",
    "hyper-threading": "sys/devices/system/cpu/smt/active",
    "temperature": "sys/class/thermal/*/temp",
    "load before": "proc/loadavg",
    "throttled time": "sys/fs/cgroup/user.slice/job/cpu.stat",
    "load of other processes": f"proc/{OURS}/stat",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_unknown_cannot_give_an_a(system, grade_of, name):
    grade = grade_of(lambda: system.remove(UNKNOWN[name]))

    assert (grade.letter, grade.reasons) == ("B", (f"not known here: {name}",))
    assert grade.observations["unknown"] == [name]


def test_drift_and_autocorrelation_that_are_unknown_cannot_give_an_a(grade_of):
    grade = grade_of(drift=None, autocorrelation=None)

    assert (grade.letter, grade.reasons) == ("B", ("not known here: drift, autocorrelation",))


def test_a_system_without_any_of_the_files_is_a_b(system, grade_of):
    grade = grade_of(lambda: rmtree(system.root))

    assert grade.letter == "B"
    assert len(grade.observations["unknown"]) == 8


def test_the_worst_reason_comes_first_and_decides(system, grade_of):
    grade = grade_of(
        lambda: system.clock(governor="powersave", no_turbo=1, smt=0),
        lambda: system.processor_times(busy_s=1075.0),
        drift=0.08,
    )

    assert grade.letter == "D"
    assert [reason.split()[1] for reason in grade.reasons] == ["processes", "second", "governor"]


def test_the_observations_are_json(grade_of):
    text = json.dumps(grade_of(boards=[Board()]).observations)

    assert json.loads(text)["before"]["governor"] == "performance"


def test_a_fixed_gpu_of_our_own_is_an_a(system, grade_of):
    assert grade_of(boards=[Board(compute={OURS: 1})]).letter == "A"


def test_another_process_on_the_gpu_is_a_d(system, grade_of):
    system.process(200, cpu_s=0)

    grade = grade_of(boards=[Board(compute={OURS: 1, 200: 1})])

    assert (grade.letter, grade.reasons) == ("D", ("1 other process was on the GPU",))


def test_a_process_on_another_gpu_changes_nothing(system, grade_of):
    system.process(200, cpu_s=0)

    assert grade_of(boards=[Board(), Board(uuid="GPU-0b", compute={200: 1})]).letter == "A"


def test_a_process_that_the_container_cannot_see_is_a_c(grade_of):
    grade = grade_of(boards=[Board(compute={999: 1})])

    assert grade.letter == "C"
    assert "cannot be identified here" in grade.reasons[0]


@pytest.mark.parametrize(
    ("reasons", "letter", "reason"),
    [
        (0x0, "B", "the clock of the GPU is not fixed"),
        (0x6, "C", "the GPU reached its power limit"),
        (0x42, "D", "the GPU slowed down: hardware thermal slowdown"),
        (None, "B", "not known here: clock of the GPU"),
    ],
)
def test_the_clock_of_the_gpu_lowers_the_grade(grade_of, reasons, letter, reason):
    grade = grade_of(boards=[Board(reasons=reasons)])

    assert (grade.letter, grade.reasons) == (letter, (reason,))


def test_states_in_the_wrong_order_are_an_error(system):
    state = read_machine_state([OURS], root=system.root)

    with pytest.raises(ValueError, match="before the first"):
        grade_environment(state, state, drift=0.0, autocorrelation=0.0)


def observe(pid, seconds=1.0):
    before = read_machine_state([pid])
    time.sleep(seconds)
    return grade_environment(before, read_machine_state([pid]), drift=0.0, autocorrelation=0.0)


def test_a_real_busy_neighbour_lowers_the_grade(python):
    with python("print(); input()") as ours:
        alone = observe(ours.pid)
        # one program is a fifth of 5 processors: on more of them it cannot lower a C
        if alone.letter == "D" or (alone.letter == "C" and alone.observations["before"]["processors"] > 4):
            pytest.skip(f"this machine is graded {alone.letter} without a neighbour: {'; '.join(alone.reasons)}")
        with python("print(flush=True)\nwhile True: pass"):
            beside = observe(ours.pid)

    assert beside.letter > alone.letter
    assert beside.reasons[0].startswith("other processes used")
    assert beside.observations["foreign_cores"] > 0.5


def test_our_own_real_work_is_not_counted_as_foreign(python):
    """Another machine's load can only raise what is found, so the work of a second must not be in it."""
    idle = observe(os.getpid()).observations["foreign_cores"]
    with python("print(flush=True)\nwhile True: pass"):
        working = observe(os.getpid()).observations["foreign_cores"]
    if idle > 0.5:
        pytest.skip("this machine is busy with other work")

    assert working < idle + 0.5
