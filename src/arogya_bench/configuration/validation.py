"""Builds dataclasses from config nodes, with their field types enforced."""

import dataclasses
import re
import shlex
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from arogya_bench.errors import ConfigError, did_you_mean

Typed = TypeVar("Typed")
# Jobs of a sweep have most of their parts in common; sharing them is safe, since they are frozen.
_VALIDATED: dict[tuple[type, str, str], object] = {}


def validate(schema_class: type[Typed], node: DictConfig, path: str) -> Typed:
    """Build a dataclass from a config node, and enforce its field types; ``path`` is the key of the node.

    Raises:
        ConfigError: For an unknown or missing field, or a value of the wrong type.
    """
    if not isinstance(node, DictConfig):
        raise ConfigError(
            f"{path} is {node!r}, but must be a group of fields.", fix=f"set its fields: {path}.KEY=VALUE"
        )
    try:
        plain = repr(OmegaConf.to_container(node, resolve=True))
    except OmegaConfBaseException:
        return _build_dataclass(schema_class, node, path)  # raises an error that names the field
    key = (schema_class, path, plain)
    if key not in _VALIDATED:
        _VALIDATED[key] = _build_dataclass(schema_class, node, path)
    return cast("Typed", _VALIDATED[key])


def _build_dataclass(schema_class: type[Typed], node: DictConfig, path: str) -> Typed:
    try:
        schema = OmegaConf.structured(schema_class)
        OmegaConf.set_readonly(schema, False)
        merged = OmegaConf.merge(schema, node)
        missing = sorted(str(key) for key in OmegaConf.missing_keys(merged))
        values = {} if missing else OmegaConf.to_container(merged, resolve=True)
    except OmegaConfBaseException as error:
        raise _field_error(error, schema_class, path) from error
    if missing:
        raise ConfigError(
            f"{path}.{missing[0]} has no value and no default.", fix=f"add {path}.{missing[0]}=... to the command."
        )
    return schema_class(**{str(key): value for key, value in cast("dict[str, Any]", values).items()})


def _field_error(error: OmegaConfBaseException, schema_class: type, path: str) -> ConfigError:
    types = {field.name: field.type for field in dataclasses.fields(schema_class)}
    key = str(error.full_key or error.key or "")
    name = key.partition(".")[0].partition("[")[0]
    if name not in types:
        return ConfigError(
            f"{path} has no field {key!r}.{did_you_mean(key, types)}",
            fix=f"choose one of: {', '.join(types)}" if types else "remove it; there are no fields.",
        )
    first = str(error.msg or error).splitlines()[0].rstrip(".")
    if "is not a ListConfig" in first:
        return ConfigError(f"{path}.{key} is no list.", fix=f"write it in brackets: '{path}.{name}=[first,second]'.")
    if values := re.search(r"Value '\[(.*)\]' of type 'ListConfig'", first):
        line = shlex.quote(f"{path}.{name}={values[1].replace(' ', '')}")
        return ConfigError(f"{path}.{key} takes one value, not a list.", fix=f"write -m {line} for a sweep over them.")
    field_type = types[name]
    type_name = field_type.__name__ if isinstance(field_type, type) else field_type
    fix = f"give {path}.{name} a value of type {type_name}"
    if "NoneType is not a subclass of str" in first:
        fix += '; the name null needs quotes: "null"'
    if "is incompatible with (str)" in first:
        fix += f"; in a YAML file, put the key in quotes; an override cannot, so leave {path}.{name} out of it"
    return ConfigError(f"{path}.{key}: {first}.", fix=f"{fix}.")
