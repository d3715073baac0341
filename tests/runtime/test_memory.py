"""The most memory that was held while something ran."""

import subprocess
import sys
import time

import numpy as np

from arogya_bench.runtime.memory import track_peak_memory

HOLDING = "import time; held = bytearray(200_000_000); print('held', flush=True); time.sleep(30)"


def test_memory_that_is_given_back_still_counts():
    with track_peak_memory() as peak:
        before = peak.ram_mb
        held = np.ones(40_000_000)  # 320 MB
        end = peak.ram_mb + held[0]
        while peak.ram_mb < before + 250 and end:
            pass
        del held

    assert peak.ram_mb > before + 250


def test_children_count():
    with track_peak_memory() as peak:
        before = peak.ram_mb
        child = subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.DEVNULL)
        try:
            while peak.ram_mb < before + 150:
                assert child.poll() is None
        finally:
            child.kill()
            child.wait()

    assert peak.ram_mb > before + 150


def test_children_that_ran_before_are_no_increase():
    child = subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        with track_peak_memory() as peak:
            time.sleep(0.2)
    finally:
        child.kill()
        child.communicate()

    assert peak.ram_mb > 200
    assert peak.increase_mb < 100


def test_what_was_held_before_is_no_increase():
    held = np.ones(25_000_000)  # 200 MB

    with track_peak_memory() as peak:
        end = held[0]

    assert end == 1
    assert peak.ram_mb > 200
    assert 0 <= peak.increase_mb < 50
