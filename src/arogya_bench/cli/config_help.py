"""What can be configured, read from the names and comments of the config files: for help and completion."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import NamedTuple

from arogya_bench.runtime.config_packages import OWN_PACKAGE, discover

INDENT = 30  # column of the second column


class ConfigKey(NamedTuple):
    """A key of the root config, its default as written, and the comment beside it."""

    name: str
    default: str
    comment: str


def config_groups() -> Mapping[str, tuple[str, ...]]:
    """The options of each config group, those of other installed packages included."""
    packages = [files(OWN_PACKAGE), *(files(package.name) for package in discover() if not package.error)]
    options: dict[str, set[str]] = {}
    for folder in (entry for package in packages for entry in package.iterdir() if entry.is_dir()):
        names = {file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")}
        if names:
            options[folder.name] = options.get(folder.name, set()) | names
    options["hydra/launcher"] = {"basic", *_launchers()}
    return {group: tuple(sorted(options[group])) for group in sorted(options)}


def config_keys() -> Iterator[ConfigKey]:
    """The keys of ``config.yaml`` but Hydra's own, and those of the tracking."""
    yield from _file_keys("config.yaml")
    for key in _file_keys("tracking/local.yaml"):
        yield key._replace(name=f"tracking.{key.name}")


def _file_keys(file: str) -> Iterator[ConfigKey]:
    section = ""
    for line in files(OWN_PACKAGE).joinpath(file).read_text("utf-8").splitlines():
        match = re.match(r"( *)(\w+):(?: +([^#\s].*?))?(?: +# (.*))?$", line)
        if not match:
            continue
        indent, name, default, comment = match.groups()
        if not indent:
            section = "" if default else name
        if default and section not in ("defaults", "hydra"):
            yield ConfigKey(f"{section}.{name}" if indent else name, default, comment or "")


def config_summary() -> str:
    """Groups with their options, and keys with their defaults, for the help of a command."""
    lines = ["config groups (GROUP=OPTION; options of your own: --config-dir):"]
    for group, options in config_groups().items():
        lines += _wrapped(group, ", ".join(options))
    lines += ["", "keys (KEY=DEFAULT; those of a model or dataset: --cfg job):"]
    for key in config_keys():
        default = "${…}" if "${" in key.default else key.default
        lines += _wrapped(f"{key.name}={default}", key.comment)
    return "\n".join(lines)


def _launchers() -> Iterator[str]:
    folder = files(OWN_PACKAGE) / "hydra" / "launcher"
    return (file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def _wrapped(head: str, text: str) -> list[str]:
    from textwrap import wrap

    first, *rest = wrap(text, 118 - INDENT) or [""]
    return [f"  {head:<{INDENT - 2}} {first}".rstrip(), *(" " * (INDENT + 1) + line for line in rest)]
