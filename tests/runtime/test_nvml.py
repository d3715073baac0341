"""NVIDIA devices, through a stand-in for the driver; with a real device where there is one."""

import os
import platform
import subprocess
import sys

import pytest
from nvml_stand_in import Board, NvmlStandIn

from arogya_bench.runtime import nvml


@pytest.fixture
def three():
    return NvmlStandIn(Board(uuid="GPU-aa1"), Board(uuid="GPU-ab2"), Board(uuid="GPU-b3"))


def visible(library):
    return [device.uuid for device in nvml.visible_devices(library)]


@pytest.mark.parametrize(
    ("allowed", "uuids"),
    [
        (None, ["GPU-aa1", "GPU-ab2", "GPU-b3"]),
        ("", []),
        ("-1", []),
        ("2,0", ["GPU-b3", "GPU-aa1"]),
        ("GPU-ab2", ["GPU-ab2"]),
        ("GPU-b", ["GPU-b3"]),  # the start of a UUID is enough
        ("GPU-a", []),  # unless two devices have it
        ("1,7,0", ["GPU-ab2"]),  # CUDA stops at the first that does not exist
    ],
)
def test_only_devices_that_cuda_sees_are_seen(three, monkeypatch, allowed, uuids):
    if allowed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)

    assert visible(three) == uuids


def test_a_part_of_a_device_is_found_by_its_uuid(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-7")

    assert visible(NvmlStandIn(Board(), Board(uuid="MIG-7"))) == ["MIG-7"]


def test_the_index_of_a_device_counts_those_that_are_visible(three, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")

    assert [device.uuid for device in nvml.devices_of("cuda:1", three)] == ["GPU-ab2"]
    assert [device.uuid for device in nvml.devices_of("cuda", three)] == ["GPU-b3"]
    assert nvml.devices_of("cuda:2", three) == ()
    assert nvml.devices_of("cpu", three) == ()


def test_memory_counts_the_processes_that_are_named(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    ours, other = os.getpid(), os.getppid()
    boards = Board(compute={ours: 200_000_000, other: 50_000_000}), Board(uuid="GPU-0b", graphics={ours: 1_000_000})
    devices = nvml.visible_devices(NvmlStandIn(*boards))

    assert nvml.memory_of(devices, {ours}) == 201.0
    assert nvml.memory_of(devices, {2**30}) == 0.0


@pytest.mark.skipif(platform.system() != "Linux", reason="no numbers of containers on this system")
def test_memory_of_processes_that_a_container_numbers_otherwise_is_unknown(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices = nvml.visible_devices(NvmlStandIn(Board(compute={2**30: 200_000_000})))

    assert nvml.memory_of(devices, {os.getpid()}) is None


def test_memory_that_the_driver_does_not_tell_is_unknown(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices = nvml.visible_devices(NvmlStandIn(Board(compute={7: None})))

    assert nvml.memory_of(devices, {7}) is None
    assert nvml.memory_of((), {7}) is None


def test_what_a_device_does_not_support_is_unknown(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (device,) = nvml.visible_devices(NvmlStandIn(Board(millijoules=None, degrees=None, reasons=None)))

    assert (device.joules(), device.temperature_c(), device.clock_reasons()) == (None, None, None)


def test_reasons_for_the_clock_have_names(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (device,) = nvml.visible_devices(NvmlStandIn(Board(reasons=0x1 | 0x4 | 0x40)))  # idle is none of them

    assert device.clock_reasons() == ("power limit", "hardware thermal slowdown")


@pytest.fixture
def loaded_anew():
    nvml.load_nvml.cache_clear()
    yield
    nvml.load_nvml.cache_clear()


def test_the_module_is_used_where_it_is_installed(three, monkeypatch, loaded_anew):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", three)

    assert visible(None) == ["GPU-aa1", "GPU-ab2", "GPU-b3"]
    assert (nvml.driver_version(), nvml.cuda_version()) == ("580.65.06", "13.0")


def test_without_the_module_there_is_no_device(monkeypatch, loaded_anew):
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert nvml.visible_devices() == ()
    assert (nvml.driver_version(), nvml.cuda_version()) == (None, None)


def test_importing_does_not_load_the_driver():
    code = "import arogya_bench.runtime.hardware, sys; print('pynvml' in sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "False"


def test_a_real_device_tells_its_facts():
    devices = nvml.visible_devices()
    if not devices:
        pytest.skip("no NVIDIA device")

    device = devices[0]

    assert device.name
    assert 0 < device.used_mb() < device.memory_mb
    assert nvml.driver_version()
    assert nvml.cuda_version()
    assert device.processes() is not None
