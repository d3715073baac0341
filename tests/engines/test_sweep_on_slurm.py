"""A sweep through the real launcher for Slurm, on a stand-in for Slurm's commands."""

import os
import signal

import pytest
from real_sweeps import CELLS, census, ended, wait_until

pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def on_slurm(at_work, slurm):
    """Start a sweep on Slurm, in the folder of the test."""

    def start(*words, **named):
        return at_work("hydra/launcher=slurm", *words, **named, **slurm.environment)

    return start


def uri_of(folder):
    return f"sqlite:///{folder}/mlflow.db"


def sound(found):
    return (len(set(found.finished)), found.double, found.incomplete, found.running)


def test_models_get_their_own_resources_and_one_parent(on_slurm, slurm, tmp_path):
    slow = "+sweep.resources.slow={cpus_per_task: 2, partition: short}"

    code, err = ended(on_slurm("seed=1,2", slow, model="slow,prior", AROGYA_THREADS="null"))

    found = census(uri_of(tmp_path))
    (sweep,) = found.of("FINISHED", "sweep")
    arrays = [each.options for each in slurm.batches if "array" in each.options]
    asked = {(each.get("partition"), each["cpus-per-task"]) for each in arrays}
    assert code == 0, err
    assert sound(found) == (12, 0, 0, 0)
    assert {run.tags["mlflow.parentRunId"] for run in found.of("FINISHED")} == {sweep.run_id}
    assert asked == {("short", "2"), (None, "4")}
    assert {run.params["threads"] for run in found.of("FINISHED")} == {"2", "4"}
    assert not list((tmp_path / "outputs").iterdir())


def test_a_task_whose_machine_fails_is_launched_again(on_slurm, slurm, tmp_path):
    process = on_slurm("seed=1,2")
    wait_until(lambda: len(list(tmp_path.glob("at-work-*"))) >= 2, process)
    name = slurm.running(2)[0]

    slurm.kill(name)
    code, err = ended(process)

    assert code == 0, err
    assert "Retrying" in err
    assert sound(census(uri_of(tmp_path))) == (CELLS, 0, 0, 0)


def test_a_preempted_job_goes_on_from_the_queue(on_slurm, slurm, tmp_path):
    process = on_slurm("seed=1,2")
    wait_until(lambda: len(list(tmp_path.glob("at-work-*"))) >= 2, process)
    name = slurm.running(2)[0]

    slurm.preempt(name)
    code, err = ended(process)

    assert code == 0, err
    assert slurm.tasks[name].restarts == 1
    assert sound(census(uri_of(tmp_path))) == (CELLS, 0, 0, 0)


def test_ctrl_c_empties_the_queue(on_slurm, slurm, tmp_path):
    process = on_slurm("seed=1,2")
    wait_until(lambda: list(tmp_path.glob("at-work-*")), process)

    os.kill(process.pid, signal.SIGINT)
    code, _ = ended(process)
    slurm.wait()

    assert code == 130
    # The probe before the first cell had ended.
    assert [task.state.split()[0] for task in slurm.tasks.values()] == ["COMPLETED"] + ["CANCELLED"] * 2
    assert census(uri_of(tmp_path)).running == 0


def test_a_resource_that_slurm_does_not_know_is_an_error(on_slurm):
    code, err = ended(on_slurm("+sweep.resources.slow={gpu: 1}"))

    assert code == 2
    assert "sweep.resources does not fit this launcher" in err


def test_a_resource_of_no_model_is_an_error(on_slurm):
    code, err = ended(on_slurm("+sweep.resources.slou={mem_gb: 1}"))

    assert code == 2
    assert "Did you mean 'slow'?" in err
