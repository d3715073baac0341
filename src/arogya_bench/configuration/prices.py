"""Price lists from a config."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from arogya_bench.configuration.validation import Typed, validate
from arogya_bench.errors import ConfigError, PriceError
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList, TokenPrice

_BUILT: dict[str, PriceList] = {}  # the jobs of a sweep share their list, which takes 10 ms to check


def build_price_list(node: DictConfig | Mapping[str, Any]) -> PriceList:
    """Build and check a price list from a config.

    Raises:
        ConfigError: For an unknown or missing field, or one of the wrong type.
        PriceError: For a price or a date that cannot be.
    """
    if not isinstance(node, dict):
        return _build(node)
    plain = repr(node)
    if plain not in _BUILT:
        _BUILT[plain] = _build(OmegaConf.create(node))
    return _BUILT[plain]


def _build(node: object) -> PriceList:
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
        tokens=_validate_token_prices(node),
    )


def _validate_token_prices(node: DictConfig) -> dict[str, list[TokenPrice]]:
    """The prices of each model: one, or a list of periods."""
    entries = node.get("tokens") or {}
    if not isinstance(entries, Mapping):
        raise ConfigError(f"prices.tokens is {entries!r}, but must be a group of prices.", fix="name each model.")
    periods = {str(name): entry if isinstance(entry, ListConfig) else [entry] for name, entry in entries.items()}
    return {
        name: [validate(TokenPrice, entry, f"prices.tokens.{name}") for entry in entries]
        for name, entries in periods.items()
    }


def _validate_entries(schema: type[Typed], node: DictConfig, group: str) -> dict[str, Typed]:
    entries = {} if node.get(group) is None else node[group]
    if not isinstance(entries, Mapping):
        raise ConfigError(f"prices.{group} is {entries!r}, but must be a group of prices.", fix="name each price.")
    return {str(name): validate(schema, entry, f"prices.{group}.{name}") for name, entry in entries.items()}
