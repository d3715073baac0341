"""The parts of Hydra that it does not export, imported here and nowhere else.

Hydra's Compose API has no multirun: `HydraContext`, which every launcher asks for, needs a
`Callbacks` object, and a loader that caches must extend the concrete `ConfigLoaderImpl`. Both live
in `hydra._internal`, which is why the version of hydra-core is bounded in pyproject.toml.
"""

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname

__all__ = ["Callbacks", "ConfigLoaderImpl", "get_overrides_dirname"]
