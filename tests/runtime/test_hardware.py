"""The hardware that a process may use."""

import getpass
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from nvml_stand_in import Board, NvmlStandIn
from system_files import SystemFiles

from arogya_bench.runtime.hardware import cpu_name, inspect_hardware, read_hardware


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return SystemFiles(tmp_path)


@pytest.fixture
def no_devices():
    return NvmlStandIn(driver=None, cuda=None)


def test_all_of_a_machine_without_limits(system):
    hardware = inspect_hardware(system.root, NvmlStandIn(Board(), Board(uuid="GPU-0b")))

    assert hardware.describe() == "Test CPU 9000, 4 cores, 34 GB, 2 x NVIDIA H200 (151 GB)"
    assert (hardware.driver, hardware.cuda) == ("580.65.06", "13.0")


def test_a_quota_is_rounded_up_to_cores(system, no_devices):
    system.cgroup_v2(quota="150000")

    assert inspect_hardware(system.root, no_devices).cores == 2


def test_a_quota_above_the_processors_changes_nothing(system, no_devices):
    system.cgroup_v2(quota="900000")

    assert inspect_hardware(system.root, no_devices).cores == 4


def test_affinity_limits_the_cores(system, no_devices):
    system.write("proc/self/status", "Cpus_allowed_list:\t1,3\n")

    assert inspect_hardware(system.root, no_devices).cores == 2


def test_a_limit_of_the_container_is_the_memory(system, no_devices):
    system.cgroup_v2(quota="max", memory=f"{8 * 10**9}")

    hardware = inspect_hardware(system.root, no_devices)

    assert hardware.memory_gb == 8.0
    assert hardware.describe().endswith("8 GB, no GPU")


def test_without_any_file_the_system_is_asked(tmp_path, no_devices):
    hardware = inspect_hardware(tmp_path, no_devices)

    assert hardware.cores == os.cpu_count()
    assert hardware.memory_gb == pytest.approx(psutil.virtual_memory().total / 1e9, abs=0.1)
    assert hardware.cpu


def test_this_machine_agrees_with_psutil_and_the_scheduler():
    hardware = read_hardware()

    assert 1 <= hardware.cores <= os.cpu_count()
    assert 0 < hardware.memory_gb <= psutil.virtual_memory().total / 1e9 + 0.1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_on_one_processor_has_one_core():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from arogya_bench.runtime.hardware import read_hardware; print(read_hardware().cores)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "1"


def test_reading_takes_less_than_50_ms():
    def seconds():
        began = time.perf_counter()
        inspect_hardware()
        return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < 0.05
    assert read_hardware() is read_hardware()


def test_the_facts_are_json_and_name_nobody():
    text = json.dumps(read_hardware().facts())

    assert platform.node() not in text
    assert getpass.getuser() not in text
    assert str(Path.home()) not in text


def test_a_kernel_that_keeps_some_memory_does_not_change_the_facts(system, no_devices):
    before = inspect_hardware(system.root, no_devices)
    system.write("proc/meminfo", "MemTotal:       33400000 kB\n")
    after = inspect_hardware(system.root, no_devices)

    assert before.facts() == after.facts()


def test_the_processor_has_a_name():
    assert cpu_name()
