"""Memory and processor time of real processes, seen from outside."""

import os
import statistics
import subprocess
import sys
import threading
import time

import psutil
import pytest
from nvml_stand_in import Board, NvmlStandIn

from arogya_bench.measurement.resources import ResourceSampler

TRIES = 3
# Answers each line with one: it allocates so many bytes, holds them for so many seconds, and gives them back.
ALLOCATOR = """
import time
print(flush=True)
while True:
    size, seconds = input().split()
    held = bytearray(int(size))
    for page in range(0, len(held), 4096):
        held[page] = 1
    time.sleep(float(seconds))
    del held
    print(flush=True)
"""
MB_300 = 300_000_000


def ask(child, size, seconds):
    child.stdin.write(f"{size} {seconds}\n")
    child.stdin.flush()
    child.stdout.readline()


def growth(sampler, child, size, seconds):
    """MB by which the peak of a window is above that of an idle one."""
    with sampler.window() as idle:
        time.sleep(0.1)
    with sampler.window() as window:
        ask(child, size, seconds)
    return window.ram_peak_mb - idle.ram_peak_mb


def test_300_mb_are_seen_within_5_percent(python):
    with python(ALLOCATOR) as child:
        seen = [growth(ResourceSampler(child.pid), child, MB_300, 0.3) for _ in range(TRIES)]

    assert statistics.median(seen) == pytest.approx(300, rel=0.05)


def test_an_allocation_of_100_ms_is_seen(python):
    with python(ALLOCATOR) as child:
        seen = [growth(ResourceSampler(child.pid), child, MB_300, 0.1) for _ in range(TRIES)]

    assert statistics.median(seen) == pytest.approx(300, rel=0.05)


def test_windows_are_separate(python):
    with python(ALLOCATOR) as child:
        sampler = ResourceSampler(child.pid)
        with sampler.window() as first:
            ask(child, MB_300, 0.1)
        with sampler.window() as second:
            time.sleep(0.1)

    assert second.ram_peak_mb < first.ram_peak_mb - 250


GRANDCHILD = """
import subprocess, sys, threading
code = "held = bytearray(300_000_000); held[::4096] = bytes(len(held[::4096])); import time; time.sleep(.3)"
print(flush=True)
input()
thread = threading.Thread(target=subprocess.run, args=([sys.executable, "-c", code],))
thread.start(); thread.join()
print(flush=True)
input()
"""


def test_a_child_of_the_child_counts_even_if_another_thread_started_it(python):
    with python(GRANDCHILD) as child:
        sampler = ResourceSampler(child.pid)
        with sampler.window() as idle:
            time.sleep(0.1)
        with sampler.window() as window:
            child.stdin.write("\n")
            child.stdin.flush()
            child.stdout.readline()

    assert window.ram_peak_mb - idle.ram_peak_mb == pytest.approx(310, rel=0.05)  # and its interpreter


SPINNERS = """
import subprocess, sys
code = "import time; end = time.process_time() + .5\\nwhile time.process_time() < end: pass"
print(flush=True)
input()
subprocess.run([sys.executable, "-c", code])
print(flush=True)
input()
"""


def test_the_processor_time_of_a_child_that_has_ended_counts(python):
    with python(SPINNERS) as child, ResourceSampler(child.pid).window() as window:
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()

    assert window.cpu_seconds == pytest.approx(0.55, abs=0.1)
    assert window.cpu_percent == pytest.approx(100 * window.cpu_seconds / window.seconds)


def test_it_samples_at_least_20_times_a_second():
    rates = []
    for _ in range(TRIES):
        with ResourceSampler(os.getpid()).window() as window:
            time.sleep(0.5)
        rates.append(window.samples / window.seconds)

    assert statistics.median(rates) >= 20


def test_sampling_takes_little_time():
    """Below 8 % of a processor, although the process has 40 threads."""
    end = threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(40)]
    for thread in threads:
        thread.start()
    shares = []
    for _ in range(TRIES):
        began = time.process_time()
        with ResourceSampler(os.getpid()).window() as window:
            time.sleep(1.0)
        shares.append((time.process_time() - began) / window.seconds)
    end.set()

    assert min(shares) < 0.08


def test_a_process_that_dies_leaves_what_was_seen(python):
    with python(ALLOCATOR) as child, ResourceSampler(child.pid).window() as window:
        time.sleep(0.1)
        child.kill()
        child.wait()
        time.sleep(0.1)

    assert window.ram_peak_mb > 1
    assert window.cpu_seconds is None


def test_a_process_that_has_ended_before_holds_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    with ResourceSampler(child.pid).window() as window:
        pass

    assert (window.ram_peak_mb, window.cpu_seconds) == (0.0, None)


def test_the_sum_agrees_with_psutil():
    with ResourceSampler(os.getpid()).window() as window:
        time.sleep(0.05)

    tree = [psutil.Process(), *psutil.Process().children(recursive=True)]  # other tests may have left a fork server
    assert window.ram_peak_mb == pytest.approx(sum(each.memory_info().rss for each in tree) / 1e6, rel=0.05)


def test_the_memory_of_the_device_is_sampled(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pid = os.getpid()
    ours = Board(used=1_000_000_000, compute={pid: 400_000_000, 1: 100_000_000})
    library = NvmlStandIn(Board(uuid="GPU-0b", used=9 * 10**9), ours)

    with ResourceSampler(pid, device="cuda:1", library=library).window() as window:
        ours.used, ours.compute[pid] = 2_000_000_000, 1_300_000_000
        time.sleep(0.1)
        ours.used, ours.compute[pid] = 1_500_000_000, 900_000_000
        time.sleep(0.1)

    assert window.gpu_device_peak_mb == 2000.0
    assert window.gpu_process_peak_mb == 1300.0


def test_without_a_device_its_memory_is_absent(monkeypatch):
    with ResourceSampler(os.getpid(), device="cpu", library=NvmlStandIn(Board())).window() as window:
        pass

    assert (window.gpu_device_peak_mb, window.gpu_process_peak_mb) == (None, None)
