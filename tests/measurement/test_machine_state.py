"""The state of the machine, from files in the kernel's formats and from this machine."""

import os
import pickle
import platform

import pytest
from nvml_stand_in import Board, NvmlStandIn
from system_files import OURS

from arogya_bench.measurement.machine_state import read_machine_state


def test_everything_is_read(system):
    state = read_machine_state([OURS], root=system.root)

    assert (state.governor, state.turbo, state.hyper_threading) == ("performance", False, False)
    assert (state.frequency_mhz, state.temperature_c) == (2400.003, 45.0)
    assert (state.load_average, state.machine_cpu_s, state.steal_s) == (0.05, 1000.0, 0.0)
    assert (state.own_cpu_s, state.nice, state.processors) == (50.0, -5, 4)
    assert (state.quota, state.throttled_s, state.huge_pages) == (None, 0.0, "madvise")
    assert not state.in_container


def test_the_whole_tree_is_ours(system):
    system.process(OURS, cpu_s=50.0, ended_children_s=8.0, children="101 102 ")
    system.process(101, cpu_s=4.0, children="103 ")
    system.process(102, cpu_s=2.0)
    system.process(103, cpu_s=1.0)

    assert read_machine_state([OURS, 103], root=system.root).own_cpu_s == 65.0


def test_a_process_that_has_ended_has_no_time(system):
    assert read_machine_state([4711], root=system.root).own_cpu_s is None


def test_steal_is_apart_from_work(system):
    system.processor_times(busy_s=1000.0, steal_s=7.0)

    state = read_machine_state([OURS], root=system.root)

    assert (state.machine_cpu_s, state.steal_s) == (1000.0, 7.0)


def test_the_gpu_is_read_for_models_that_run_on_it(system):
    library = NvmlStandIn(Board(compute={OURS: 1}, reasons=0x6, degrees=61))

    state = read_machine_state([OURS], device="cuda:0", root=system.root, library=library)

    assert read_machine_state([OURS], root=system.root, library=library).gpu is None
    assert (state.gpu.foreign_processes, state.gpu.hidden_processes) == (0, 0)
    assert (state.gpu.clock_reasons, state.gpu.temperature_c) == (("application clocks", "power limit"), 61)


def test_a_device_that_is_not_there_is_unknown(system):
    gpu = read_machine_state([OURS], device="cuda:0", root=system.root, library=NvmlStandIn()).gpu

    assert (gpu.foreign_processes, gpu.clock_reasons, gpu.temperature_c) == (None, None, None)


def test_without_any_file_nothing_fails(tmp_path):
    state = read_machine_state([OURS], root=tmp_path)

    assert state.processors == os.cpu_count()
    assert (state.governor, state.machine_cpu_s, state.own_cpu_s, state.load_average) == (None, None, None, None)


@pytest.mark.skipif(platform.system() != "Linux", reason="other systems tell less")
def test_this_machine_tells_its_load():
    state = read_machine_state([os.getpid()])

    assert state.own_cpu_s < state.machine_cpu_s
    assert state.load_average is not None
    assert pickle.loads(pickle.dumps(state)) == state
