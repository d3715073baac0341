"""A sweep on a Ray cluster of two nodes, in the middle of which one is killed."""

import pytest
from real_sweeps import CELLS, census, ended, wait_until

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("ray")]


@pytest.fixture
def on_ray(at_work, ray_cluster, fault_models, tmp_path):
    """Start a sweep on the cluster, with models that no node has."""
    code = f"hydra.launcher.ray.init.runtime_env.py_modules=[{fault_models}/fault_models.py]"

    def start(*words, **named):
        engine = ("hydra/launcher=ray_cluster", code, f"tracking.uri=sqlite:///{tmp_path}/mlflow.db")
        return at_work(*engine, *words, RAY_ADDRESS=ray_cluster.address, **named)

    return start


def test_a_sweep_outlives_a_node(on_ray, ray_cluster, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    process = on_ray("seed=1,2")
    wait_until(lambda: len(list(tmp_path.glob("at-work-*"))) >= 2, process)
    wait_until(lambda: len(census(uri).finished) >= 1, process)
    before = len(census(uri).finished)

    ray_cluster.living[1].kill()
    code, err = ended(process)

    after = census(uri)
    assert code == 0, err
    assert before < CELLS
    assert len(set(after.finished)) == CELLS
    assert (after.double, after.incomplete, after.running) == (0, 0, 0)
    (sweep,) = after.of("FINISHED", "sweep")
    assert {r.tags["mlflow.parentRunId"] for r in after.of("FINISHED")} == {sweep.run_id}


def test_a_secret_reaches_the_workers_and_no_log_of_ray(on_ray, ray_cluster, tmp_path):
    secret = "xyzzy-plugh-42"

    code, err = ended(on_ray("seed=1", SOME_API_KEY=secret))

    logs = [path for path in ray_cluster.folder.rglob("*") if path.is_file()]
    leaks = [path for path in logs if secret.encode() in path.read_bytes()]
    assert code == 0, err
    assert leaks == []
    assert secret not in err


def test_data_that_the_nodes_do_not_have_are_named_before_the_first_cell(on_ray, tmp_path):
    """The disk of the data is known by a variable that no node has."""
    mounted = ("dataset._target_=fault_models.Mounted", "seed=1")

    code, err = ended(on_ray(*mounted, DISK_MOUNTED="yes"))

    found = census(f"sqlite:///{tmp_path}/mlflow.db")
    assert code == 2
    assert "reports: the disk of the clinic is not mounted" in err
    assert "Fix: mount it" in err
    assert (found.of("FINISHED"), found.running) == ([], 0)
    assert [run.status for run in found.runs] == ["FAILED"]


def test_a_cluster_that_is_not_there_is_an_error(at_work):
    words = ("seed=1", "hydra/launcher=ray_cluster")

    code, err = ended(at_work(*words, RAY_ADDRESS="127.0.0.1:1"))

    assert code == 2
    assert "No Ray cluster responds at 127.0.0.1:1" in err


def test_a_job_that_no_node_can_take_is_an_error(on_ray):
    code, err = ended(on_ray("seed=1", "hydra.launcher.ray.remote.num_gpus=7"))

    assert code == 2
    assert "needs 1 CPU and 7 GPU" in err
    assert "Fix: lower" in err
