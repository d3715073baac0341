"""Limits of containers, from files in the kernel's formats."""

import pytest
from system_files import SystemFiles

from arogya_bench.runtime import cgroups


@pytest.fixture
def system(tmp_path):
    return SystemFiles(tmp_path)


def test_version_2_has_a_quota(system):
    system.cgroup_v2(quota="150000", throttled_us=1_200_000)

    assert cgroups.cpu_quota(system.root) == 1.5
    assert cgroups.throttled_seconds(system.root) == 1.2


def test_version_2_without_limits(system):
    system.cgroup_v2(quota="max")

    assert cgroups.cpu_quota(system.root) is None
    assert cgroups.memory_limit(system.root) is None
    assert cgroups.throttled_seconds(system.root) == 0.0


def test_the_lowest_limit_on_the_way_up_counts(system):
    system.cgroup_v2(quota="300000", memory=f"{4 * 10**9}")
    system.write("sys/fs/cgroup/user.slice/cpu.max", "200000 100000\n")
    system.write("sys/fs/cgroup/user.slice/job/memory.max", f"{6 * 10**9}\n")

    assert cgroups.cpu_quota(system.root) == 2.0
    assert cgroups.memory_limit(system.root) == 4e9


def test_version_1_has_limits(system):
    system.cgroup_v1(quota=250_000, throttled_ns=700_000_000, memory=2 * 10**9)

    assert cgroups.cpu_quota(system.root) == 2.5
    assert cgroups.memory_limit(system.root) == 2e9
    assert cgroups.throttled_seconds(system.root) == pytest.approx(0.7)


def test_version_1_without_limits(system):
    system.cgroup_v1(quota=-1)

    assert cgroups.cpu_quota(system.root) is None
    assert cgroups.memory_limit(system.root) is None


def test_a_path_outside_of_what_is_mounted_means_its_top(system):
    system.write("proc/self/cgroup", "0::/../../elsewhere\n")
    system.write("sys/fs/cgroup/cpu.max", "100000 100000\n")

    assert cgroups.cpu_quota(system.root) == 1.0


def test_without_cgroups_nothing_is_known(tmp_path):
    assert cgroups.cpu_quota(tmp_path) is None
    assert cgroups.memory_limit(tmp_path) is None
    assert cgroups.throttled_seconds(tmp_path) is None
