"""Energy from counters, in the kernel's formats and through a stand-in for the driver."""

import math
import os
import time

import pytest
from nvml_stand_in import Board, NvmlStandIn

from arogya_bench.measurement.energy import energy_wh, open_energy_meter

RANGE_UJ = 262_143_328_850
DOMAINS = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:0:1": "dram", "intel-rapl:1": "psys"}


def domain(system, folder, name, joules):
    system.write(f"sys/class/powercap/{folder}/name", f"{name}\n")
    system.write(f"sys/class/powercap/{folder}/max_energy_range_uj", f"{RANGE_UJ}\n")
    return system.write(f"sys/class/powercap/{folder}/energy_uj", f"{round(joules * 1e6)}\n")


@pytest.fixture
def rapl(system):
    """Two packages, one of them with memory; domains that count what others count too."""
    for folder, name in DOMAINS.items():
        domain(system, folder, name, 100)
    domain(system, "intel-rapl:2", "package-1", 100)
    domain(system, "intel-rapl-mmio:0", "package-0", 100)
    return system


def test_packages_and_memory_are_summed_and_no_part_twice(rapl):
    meter = open_energy_meter("cpu", root=rapl.root)
    for number, folder in enumerate([*DOMAINS, "intel-rapl:2", "intel-rapl-mmio:0"]):
        name = (rapl.root / f"sys/class/powercap/{folder}/name").read_text().strip()
        domain(rapl, folder, name, 100 + 10**number)

    assert (meter.mode, meter.reason) == ("rapl", None)
    assert meter.joules() == pytest.approx(1 + 100 + 10_000)  # package-0, dram, package-1


def test_a_counter_that_starts_again_is_continued(system):
    near_the_end = RANGE_UJ / 1e6 - 5
    domain(system, "intel-rapl:0", "package-0", near_the_end)
    meter = open_energy_meter("cpu", root=system.root)

    for joules in (7, near_the_end, 2):
        domain(system, "intel-rapl:0", "package-0", joules)
        total = meter.joules()

    assert total == pytest.approx(5 + RANGE_UJ / 1e6 + 2, abs=0.01)


def test_a_counter_that_starts_again_without_a_known_range_is_unknown(system):
    domain(system, "intel-rapl:0", "package-0", 50)
    meter = open_energy_meter("cpu", root=system.root)
    domain(system, "intel-rapl:0", "package-0", 3)
    system.remove("sys/class/powercap/*/max_energy_range_uj")

    assert meter.joules() is None


def test_a_machine_without_counters_says_so(system):
    meter = open_energy_meter("cpu", root=system.root)

    assert (meter.mode, meter.joules(), meter.idle_watts(0.0)) == ("absent", None, None)
    assert "no energy counter" in meter.reason


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_counters_that_may_not_be_read_are_absent_for_all_but_root(rapl):
    (rapl.root / "sys/class/powercap/intel-rapl:0/energy_uj").chmod(0)

    meter = open_energy_meter("cpu", root=rapl.root)

    assert meter.mode == "absent"
    assert "administrator" in meter.reason


def test_counters_that_cannot_be_read_are_absent(rapl):
    rapl.remove("sys/class/powercap/intel-rapl:0/energy_uj")

    meter = open_energy_meter("cpu", root=rapl.root)

    assert meter.mode == "absent"
    assert "administrator" in meter.reason


def test_the_counter_of_the_device_that_is_used(system, monkeypatch):
    used, other = Board(millijoules=5_000), Board(uuid="GPU-0b", millijoules=9_000)
    meter = open_energy_meter("cuda:0", root=system.root, library=NvmlStandIn(used, other))
    used.millijoules, other.millijoules = 8_500, 99_000

    assert meter.mode == "nvml"
    assert "of the GPU only" in meter.reason
    assert meter.joules() == 3.5


def test_both_kinds_of_counters_are_named(rapl):
    board = Board(millijoules=0)
    meter = open_energy_meter("cuda:0", root=rapl.root, library=NvmlStandIn(board))
    board.millijoules = 2_000
    domain(rapl, "intel-rapl:0", "package-0", 101)

    assert (meter.mode, meter.reason) == ("nvml+rapl", None)
    assert meter.joules() == pytest.approx(3.0)


def test_the_processors_alone_are_not_the_energy_of_a_gpu_model(rapl):
    without_counter = open_energy_meter("cuda:0", root=rapl.root, library=NvmlStandIn(Board(millijoules=None)))
    without_device = open_energy_meter("cuda:0", root=rapl.root, library=NvmlStandIn())

    assert (without_counter.mode, without_counter.reason) == ("absent", "NVIDIA H200 has no energy counter")
    assert (without_device.mode, without_device.reason) == ("absent", "the driver shows no NVIDIA device")


class PowerSupply(Board):
    """A device that takes 40 W."""

    @property
    def millijoules(self):
        return time.perf_counter() * 40_000

    @millijoules.setter
    def millijoules(self, value):
        pass


def test_the_power_of_an_idle_machine_is_counted(system):
    meter = open_energy_meter("cuda:0", root=system.root, library=NvmlStandIn(PowerSupply()))

    assert meter.idle_watts(0.1) == pytest.approx(40, rel=0.02)


def test_energy_is_that_beyond_an_idle_machine():
    assert energy_wh(10_000.0, 40.0, 100.0).wh == pytest.approx(6_000 / 3_600)


def test_energy_below_that_of_an_idle_machine_is_unknown_and_not_0():
    used = energy_wh(3_000.0, 40.0, 100.0)

    assert used.wh is None
    assert used.reason.startswith("30.0 W while it ran, less than the 40.0 W of the idle machine")


@pytest.mark.parametrize(("joules", "watts"), [(None, 40.0), (10_000.0, None)])
def test_energy_without_a_counter_is_unknown(joules, watts):
    used = energy_wh(joules, watts, 100.0)

    assert used.wh is None
    assert used.reason


def test_a_real_device_counts_its_energy():
    meter = open_energy_meter("cuda:0")
    if meter.mode == "absent":
        pytest.skip(f"no NVIDIA device with a counter: {meter.reason}")

    watts = meter.idle_watts(1.0)

    assert math.isfinite(watts)
    assert 1 < watts < 2_000
