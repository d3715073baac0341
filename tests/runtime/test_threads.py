"""One number of threads for every library."""

import os
import subprocess
import sys

import cv2
import pytest
import torch

from arogya_bench.runtime.threads import THREAD_VARIABLES, available_threads, thread_count, use_threads


@pytest.fixture(autouse=True)
def restored():
    before = cv2.getNumThreads(), torch.get_num_threads()
    environment = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    yield
    cv2.setNumThreads(before[0])
    torch.set_num_threads(before[1])
    for name, value in environment.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def test_libraries_that_are_loaded_are_told():
    assert use_threads(1) == 1

    assert (cv2.getNumThreads(), torch.get_num_threads(), thread_count()) == (1, 1, 1)


def test_none_is_one_per_processor():
    assert use_threads(None) == available_threads() == thread_count()


def test_libraries_that_come_later_read_the_environment():
    code = (
        "from arogya_bench.runtime.threads import use_threads; use_threads(1);"
        "import torch; print(torch.get_num_threads())"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "1"
