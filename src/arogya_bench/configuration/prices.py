"""Price lists from the config group ``prices``, or from a YAML file of a user."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.configuration.advice import first_line
from arogya_bench.configuration.compose import compose_option
from arogya_bench.configuration.schema import Typed, validate
from arogya_bench.errors import ConfigError, PriceError
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList, TokenPrice

YAML_SUFFIXES = (".yaml", ".yml")


def load_price_list(path_or_name: str | Path) -> PriceList:
    """Read a price list: a YAML file, or an option of the config group ``prices``.

    Raises:
        UserError: If there is no such list, or it is not valid.
    """
    path = Path(path_or_name)
    if path.suffix not in YAML_SUFFIXES and not path.is_file():
        return build_price_list(compose_option("prices", str(path_or_name)))
    if not path.is_file():
        raise ConfigError(
            f"There is no price list {path}.",
            fix="name a YAML file, or an option of the config group: --prices default.",
        )
    try:
        node = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {first_line(error)}.", fix="correct its YAML; conf/prices/default.yaml is one."
        ) from error
    inner = node.get("prices") if isinstance(node, DictConfig) and list(node) == ["prices"] else node
    return build_price_list(cast("DictConfig", inner))


def build_price_list(node: DictConfig | Mapping[str, Any]) -> PriceList:
    """Build and check a price list from a config.

    Raises:
        ConfigError: For an unknown or missing field, or one of the wrong type.
        PriceError: For a price or a date that cannot be.
    """
    node = OmegaConf.create(cast("Any", node)) if isinstance(node, dict) else node
    if not isinstance(node, DictConfig) or not len(node):
        raise ConfigError(
            "There is no price list: prices is empty.",
            fix="add `- prices: default` to the defaults of your config, or name a YAML file with prices.",
        )
    if "source" not in node:
        raise PriceError("The price list has no source.", fix="say in prices.source where the prices were read.")
    grouped = ("machine", "machines", "api", "tokens")
    single = OmegaConf.masked_copy(node, [str(key) for key in node if key not in grouped])
    machine = node.get("machine")
    return replace(
        validate(PriceList, single, "prices"),
        machine=None if machine is None else str(machine),
        machines=_validate_entries(Machine, node, "machines"),
        api=_validate_entries(ApiPrice, node, "api"),
        tokens=_validate_entries(TokenPrice, node, "tokens"),
    )


def _validate_entries(schema: type[Typed], node: DictConfig, group: str) -> dict[str, Typed]:
    entries = {} if node.get(group) is None else node[group]
    if not isinstance(entries, Mapping):
        raise ConfigError(f"prices.{group} is {entries!r}, but must be a group of prices.", fix="name each price.")
    return {str(name): validate(schema, entry, f"prices.{group}.{name}") for name, entry in entries.items()}
