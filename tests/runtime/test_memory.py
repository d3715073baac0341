"""The most memory that was held while something ran."""

import subprocess
import sys

import numpy as np

from arogya_bench.runtime.memory import track_peak_memory


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
    code = "import time; held = bytearray(200_000_000); time.sleep(30)"
    with track_peak_memory() as peak:
        before = peak.ram_mb
        child = subprocess.Popen([sys.executable, "-c", code])
        try:
            while peak.ram_mb < before + 150:
                assert child.poll() is None
        finally:
            child.kill()
            child.wait()

    assert peak.ram_mb > before + 150
