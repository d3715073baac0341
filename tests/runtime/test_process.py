"""Who works on a run, and whether that process still lives."""

import subprocess
import sys
import time

import pytest

from arogya_bench.runtime.process import Process, current_process, find_process, heartbeat, is_dead, parse_process


@pytest.fixture
def dead():
    """A process of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = find_process(child.pid)
    child.communicate(b"\n")
    return found


def test_a_process_survives_being_written_down():
    assert parse_process(str(current_process())).pid == current_process().pid
    assert parse_process(str(current_process())).is_alive


@pytest.mark.parametrize("text", ["", "host", "host pid 1.0", "host 1 then 2"])
def test_what_is_no_process_is_none(text):
    assert parse_process(text) is None


def test_a_process_that_ended_is_surely_gone(dead):
    assert not dead.is_alive
    assert is_dead(str(dead), None, now=time.time())


def test_a_process_that_works_is_not_gone():
    assert not is_dead(str(current_process()), None, now=time.time())


def test_a_later_process_with_the_same_number_is_another_one():
    now = current_process()
    earlier = Process(host=now.host, pid=now.pid, start_time=now.start_time - 100)

    assert is_dead(str(earlier), None, now=time.time())


@pytest.mark.parametrize(("silence", "gone"), [(30, False), (3600, True)])
def test_a_process_of_another_machine_is_given_up_once_it_is_silent(silence, gone):
    elsewhere = Process(host="another-machine", pid=1, start_time=0.0)

    assert is_dead(str(elsewhere), "1000", now=1000.0 + silence) is gone


def test_a_process_of_another_machine_that_promised_nothing_is_left_alone():
    elsewhere = Process(host="another-machine", pid=1, start_time=0.0)

    assert not is_dead(str(elsewhere), None, now=time.time())


def test_a_pulse_says_at_once_that_its_process_lives():
    beats = []

    with heartbeat(lambda value: beats.append(float(value))):
        pass

    (seen,) = beats
    assert abs(seen - time.time()) < 60
