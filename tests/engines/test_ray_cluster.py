"""The preset for Ray, with a plain Hydra app, on two nodes of which one is killed."""

import importlib
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext

from arogya_bench.configuration.hydra_internals import Callbacks

exceptions = pytest.importorskip("ray.exceptions")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

APP = """
import json
import os
import signal
import sys
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Note:
    folder: str

    def __call__(self, config):
        seen = {
            "pid": os.getpid(),
            "session": os.getsid(0),
            "file": __file__,
            "threads": os.environ["OMP_NUM_THREADS"],
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }
        note = Path(self.folder, f"{config.number}.part")
        note.write_text(json.dumps(seen))
        note.rename(note.with_suffix(".began"))
        time.sleep(config.seconds)
        with Path(self.folder, "ended").open("a") as lines:
            lines.write(f"{config.number} ")
        return config.number
"""
CONFIG = """
defaults: [_self_, {override hydra/launcher: ray_cluster}]
number: 0
seconds: 0
threads: 1
hydra:
  searchpath: ["pkg://arogya_bench.conf"]
  sweep: {dir: FOLDER/outputs}
"""


class App:
    """A Hydra app in a folder, whose module no node has."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "noting_app.py").write_text(APP, encoding="utf-8")
        config = CONFIG.replace("FOLDER", str(folder))
        (folder / "config.yaml").write_text(config, encoding="utf-8")

    def launch(self, numbers, *words, seconds=0):
        code = f"hydra.launcher.ray.init.runtime_env.py_modules=[{self.folder}/noting_app.py]"
        words = ["hydra.mode=MULTIRUN", code, *words]
        with initialize_config_dir(str(self.folder), version_base="1.3"):
            config = compose("config", overrides=words, return_hydra_config=True)
            HydraConfig.instance().set_config(config)
            hydra = HydraContext(config_loader=GlobalHydra.instance().config_loader(), callbacks=Callbacks())
            task = importlib.import_module("noting_app").Note(folder=str(self.folder))
            launcher = Plugins.instance().instantiate_launcher(hydra, task, config)
            returned = launcher.launch([[f"number={number}", f"seconds={seconds}"] for number in numbers], 0)
        return [each.return_value for each in returned]

    def began(self, number, seconds=60):
        """What a job saw when it began, waited for."""
        limit = time.monotonic() + seconds
        while not (note := self.folder / f"{number}.began").exists():
            assert time.monotonic() < limit, sorted(self.folder.iterdir())
            time.sleep(0.05)
        return json.loads(note.read_text(encoding="utf-8"))

    def both(self):
        """What the first two jobs saw, which run side by side."""
        return [self.began(number) for number in (0, 1)]

    def ended(self):
        """The jobs that ended, each as often as it did."""
        lines = self.folder / "ended"
        return sorted(map(int, lines.read_text().split())) if lines.exists() else []

    def wait(self, numbers, seconds=60):
        limit = time.monotonic() + seconds
        while self.ended() != numbers:
            assert time.monotonic() < limit, self.ended()
            time.sleep(0.05)


@pytest.fixture
def app(tmp_path, ray_cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "noting_app", raising=False)
    yield App(tmp_path)
    GlobalHydra.instance().clear()


def test_the_jobs_of_a_sweep_run_on_both_nodes_with_code_that_no_node_has(app, ray_cluster):
    returned = app.launch(range(4), seconds=2)

    seen = [app.began(number) for number in range(4)]
    assert returned == [0, 1, 2, 3]
    assert {each["session"] for each in seen} == {node.id for node in ray_cluster.living}
    assert not any(each["file"].startswith(str(app.folder)) for each in seen)


def test_threads_and_gpus_are_what_ray_gives_out(app):
    app.launch([0], "hydra.launcher.ray.remote.num_gpus=1")

    assert (app.began(0)["threads"], app.began(0)["gpus"]) == ("1", "0")


def test_a_killed_worker_breaks_the_launch_and_no_other_job(app):
    with ThreadPoolExecutor() as other:
        other.submit(lambda: os.kill(app.both()[0]["pid"], signal.SIGKILL))
        with pytest.raises(exceptions.WorkerCrashedError):
            app.launch(range(4), seconds=3)

    app.wait([1, 2, 3])
    assert app.launch([0], seconds=0) == [0]
    assert app.ended() == [0, 1, 2, 3]


def test_what_was_lost_with_a_node_runs_on_the_other(app, ray_cluster):
    head, second = ray_cluster.living
    with ThreadPoolExecutor() as other:
        other.submit(lambda: app.both() and second.kill())
        with pytest.raises(exceptions.NodeDiedError):
            app.launch(range(4), seconds=3)

    (lost,) = (number for number in (0, 1) if app.began(number)["session"] == second.id)
    kept = sorted({0, 1, 2, 3} - {lost})
    app.wait(kept)
    assert app.launch([lost], seconds=0) == [lost]
    assert app.ended() == [0, 1, 2, 3]
    assert app.began(lost)["session"] == head.id
