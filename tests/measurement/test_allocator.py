"""The allocator of a process."""

import os
import platform

import pytest
from system_files import OURS

from arogya_bench.measurement.allocator import read_allocator


def started_with(system, **variables):
    text = "\0".join(f"{name}={value}" for name, value in variables.items())
    system.write(f"proc/{OURS}/environ", f"{text}\0")
    return read_allocator(OURS, root=system.root)


def test_settings_are_read_and_nothing_else(system):
    allocator = started_with(system, MALLOC_ARENA_MAX="2", HOME="/home/nurse", PASSWORD="hush", PYTHONMALLOC="malloc")

    assert allocator.settings == {"MALLOC_ARENA_MAX": "2", "PYTHONMALLOC": "malloc"}
    assert (allocator.huge_pages, allocator.minor_faults) == ("madvise", 1234)


def test_a_preloaded_library_is_named_without_its_folder(system):
    allocator = started_with(system, LD_PRELOAD="/home/nurse/lib/libjemalloc.so.2 /opt/x/libother.so")

    assert (allocator.name, allocator.preloaded) == ("jemalloc", ("libjemalloc.so.2", "libother.so"))
    assert "nurse" not in str(allocator)


def test_a_path_in_a_setting_is_not_shown(system):
    allocator = started_with(system, MALLOC_CONF="prof_prefix:/home/nurse/heap")

    assert allocator.settings == {"MALLOC_CONF": "(a path)"}


def test_without_any_file_little_is_known(tmp_path):
    allocator = read_allocator(OURS, root=tmp_path)

    assert (dict(allocator.settings), allocator.preloaded, allocator.minor_faults) == ({}, (), None)


@pytest.mark.skipif(platform.system() != "Linux", reason="other systems tell less")
def test_a_real_process_gets_pages_as_it_writes(python):
    code = "print(flush=True); input(); held = bytearray(40_000_000); print(flush=True); input()"
    with python(code) as child:
        before = read_allocator(child.pid).minor_faults
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        after = read_allocator(child.pid).minor_faults

    assert after > before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_allocator_of_this_machine_has_a_version():
    assert read_allocator(os.getpid()).name.startswith("glibc 2.")
