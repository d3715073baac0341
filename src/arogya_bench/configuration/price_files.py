"""Price lists that a user names: an option of the config group ``prices``, or a YAML file."""

from pathlib import Path
from typing import cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.configuration.advice import first_line
from arogya_bench.configuration.compose import compose_option
from arogya_bench.configuration.prices import build_price_list
from arogya_bench.errors import ConfigError
from arogya_bench.prices.price_list import PriceList

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
