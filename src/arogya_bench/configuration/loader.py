"""A config loader for Hydra that reuses what jobs of a sweep have in common."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import TypeAlias
from uuid import uuid4

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig

from arogya_bench.configuration.composed_config import check_defaults, check_lists
from arogya_bench.configuration.hydra_internals import ConfigLoaderImpl, get_overrides_dirname

ComposedConfigs: TypeAlias = dict[tuple[object, ...], DictConfig]  # by the arguments that they were composed of

# Shared by all copies of a loader that are unpickled in one worker process.
_COMPOSED_BY_LOADER: dict[str, ComposedConfigs] = {}


class CachingConfigLoader(ConfigLoaderImpl):  # type: ignore[misc]  # Hydra has no types
    """Composes like Hydra's loader, and caches the result of everything but value overrides.

    Composing takes 0.2 s, 20 times as long as copying the result, and a sweep over seeds composes
    the same files for every job, both in the sweep's process and in the launcher's workers.
    """

    def __init__(self, config_search_path: ConfigSearchPath, composed: ComposedConfigs) -> None:
        super().__init__(config_search_path)
        self._loader_id = uuid4().hex
        self._composed = composed

    def __getstate__(self) -> dict[str, object]:
        """Leave the cache out of what is sent to a worker with every job."""
        return {key: value for key, value in self.__dict__.items() if key != "_composed"}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Attach the cache that this worker filled for earlier jobs of the same sweep."""
        self.__dict__.update(state)
        self._composed = _COMPOSED_BY_LOADER.setdefault(self._loader_id, {})

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose one config; arguments and errors are those of Hydra's loader."""
        parsed = OverridesParser.create().parse_overrides(overrides)
        return self._load_cached(parsed, (config_name, run_mode, from_shell, validate_sweep_overrides))

    def _load_cached(self, overrides: Sequence[Override], arguments: tuple[object, ...]) -> DictConfig:
        values = [override for override in overrides if self._is_value_override(override)]
        structural = [str(override.input_line) for override in overrides if not self._is_value_override(override)]
        key = (*arguments, *structural)
        if key not in self._composed:
            config_name, *options = arguments
            check_lists(structural)
            composed = super().load_configuration(config_name, structural, *options)
            defaults = partial(self.compute_defaults_list, config_name, structural, options[0])
            check_defaults(composed, lambda: (each.config_path for each in defaults().defaults))
            self._composed[key] = composed
        config: DictConfig = deepcopy(self._composed[key])
        self._apply_overrides_to_config(values, config)
        _record_overrides(config, [override for override in overrides if not override.is_hydra_override()])
        return config

    def _is_value_override(self, override: Override) -> bool:
        """Whether an override changes a value, and not which files the config is composed of."""
        key = override.key_or_group
        if override.is_hydra_override() or override.is_sweep_override() or "/" in key:
            return False
        return override.package is None and not self.repository.group_exists(key)


def _record_overrides(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Record the overrides of the job in Hydra's own node, as Hydra does."""
    config.hydra.overrides.task = [override.input_line for override in overrides]
    style = config.hydra.job.config.override_dirname
    config.hydra.job.override_dirname = get_overrides_dirname(
        overrides=overrides, kv_sep=style.kv_sep, item_sep=style.item_sep, exclude_keys=style.exclude_keys
    )
