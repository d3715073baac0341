"""The preset for Ray, with a plain Hydra app, on two nodes of which one is killed."""

import importlib
import json
import time

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext

pytestmark = pytest.mark.slow

APP = """
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import ray


@dataclass(frozen=True, kw_only=True)
class Note:
    folder: str

    def __call__(self, config):
        seen = {
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "file": __file__,
            "threads": os.environ["OMP_NUM_THREADS"],
        }
        began = Path(self.folder, f"{config.number}.began")
        began.with_suffix(".part").write_text(json.dumps(seen))
        began.with_suffix(".part").rename(began)
        time.sleep(config.seconds)
        Path(self.folder, f"{config.number}.ended").touch()
        return config.number
"""
CONFIG = """
defaults: [_self_, {override hydra/launcher: ray_cluster}]
number: 0
seconds: 0
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

    def launch(self, numbers, *, seconds):
        words = ["hydra.mode=MULTIRUN", f"seconds={seconds}", *self.code]
        with initialize_config_dir(str(self.folder), version_base="1.3"):
            config = compose("config", overrides=words, return_hydra_config=True)
            HydraConfig.instance().set_config(config)
            hydra = HydraContext(
                config_loader=GlobalHydra.instance().config_loader(), callbacks=Callbacks()
            )
            task = importlib.import_module("noting_app").Note(folder=str(self.folder))
            launcher = Plugins.instance().instantiate_launcher(hydra, task, config)
            returned = launcher.launch([[f"number={number}"] for number in numbers], 0)
        return [each.return_value for each in returned]

    @property
    def code(self):
        return [f"hydra.launcher.ray.init.runtime_env.py_modules=[{self.folder}/noting_app.py]"]

    def began(self, number, seconds=60):
        """What a job saw when it began, waited for."""
        limit = time.monotonic() + seconds
        while not (note := self.folder / f"{number}.began").exists():
            assert time.monotonic() < limit, sorted(self.folder.iterdir())
            time.sleep(0.05)
        return json.loads(note.read_text(encoding="utf-8"))

    def ended(self):
        return {int(path.stem) for path in self.folder.glob("*.ended")}


@pytest.fixture
def app(tmp_path, ray_cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    monkeypatch.syspath_prepend(tmp_path)
    yield App(tmp_path)
    GlobalHydra.instance().clear()


def test_the_jobs_of_a_sweep_run_on_both_nodes(app):
    returned = app.launch(range(4), seconds=2)

    assert returned == [0, 1, 2, 3]
    assert len({app.began(number)["node"] for number in range(4)}) == 2
