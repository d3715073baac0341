"""Fields of an option that have no default: named with an example, and with how to get the data."""

import re

from omegaconf import DictConfig, OmegaConf

from arogya_bench.errors import ConfigError
from arogya_bench.runtime.config_packages import group_configs


def check_required_fields(node: DictConfig, group: str, option: str) -> None:
    """Check that every field of an option has a value.

    Raises:
        ConfigError: For the first one without, with what the comment in the file of the option says of it.
    """
    for key in map(str, node):
        if OmegaConf.is_missing(node, key):
            comment = _comment(group, option, key)
            raise ConfigError(
                f"{group}.{key} has no value and no default.",
                fix=f"add {group}.{key}={_example(comment)} to the command{f' ({key}: {comment})' if comment else ''}"
                f"{_source(node, option) if key == 'path' else ''}",
            )


def _comment(group: str, option: str, key: str) -> str:
    for file in group_configs(group):
        if file.name == f"{option}.yaml":
            line = re.search(rf"^{re.escape(key)}: *\?\?\? +# *(.+)$", file.read_text("utf-8"), re.MULTILINE)
            return line[1] if line else ""
    return ""


def _example(comment: str) -> str:
    """The first example of a comment: what follows ``such as``, or a path or an address at its start."""
    named = re.search(r"such as (\S+?)[,;.]?(\s|$)", comment)
    first = comment.split(" ")[0].rstrip(",;")
    if first.endswith("/the"):
        return "FOLDER"
    return first if "/" in first else named[1] if named else "VALUE"


def _source(node: DictConfig, option: str) -> str:
    obtain = str(node.get("obtain") or "")
    if "data fetch" in obtain:
        return f". To get it: {obtain}"
    return f"; arogya-bench data fetch {option} prints how to get it" if obtain else ""
