"""What Hydra does not export and we use: these tests fail first when a new Hydra changes it."""

import inspect

from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext
from omegaconf import OmegaConf

from arogya_bench.configuration import hydra_internals


def test_the_loader_of_hydra_still_has_what_ours_extends():
    loader = hydra_internals.ConfigLoaderImpl

    assert issubclass(loader, ConfigLoader)
    assert list(inspect.signature(loader.load_configuration).parameters) == [
        "self",
        "config_name",
        "overrides",
        "run_mode",
        "from_shell",
        "validate_sweep_overrides",
    ]
    assert callable(loader._apply_overrides_to_config)


def test_a_launcher_still_takes_a_loader_and_callbacks():
    callbacks = hydra_internals.Callbacks(OmegaConf.create({"hydra": {"callbacks": {}}}))

    assert set(HydraContext.__annotations__) == {"config_loader", "callbacks"}
    assert callbacks.callbacks == []


def test_the_name_of_a_folder_is_still_made_from_overrides():
    assert set(inspect.signature(hydra_internals.get_overrides_dirname).parameters) == {
        "overrides",
        "exclude_keys",
        "item_sep",
        "kv_sep",
    }
