"""Config packages that installed distributions announce; what is wrong with one is said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable

ENTRY_POINT_GROUP = OWN_PACKAGE = "arogya_bench.conf"


@dataclass(frozen=True, kw_only=True)
class ConfigPackage:
    """A package of YAML files that another distribution brings.

    Attributes:
        name: Dotted, such as ``acme_bench.conf``; the value of its entry point.
        distribution: Name and version of what announces it.
        configs: Its options, such as ``model/acme``.
        shadowed: Those of them that a package before it has too: nobody ever sees them.
        error: Why it cannot be used; empty if it can.
    """

    name: str
    distribution: str
    configs: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()
    error: str = ""

    @property
    def message(self) -> str:
        """What the user should know, in a sentence; empty if all is well."""
        who = f"The config package {self.name} of {self.distribution}"
        if self.error:
            return f"{who} is left out: {self.error}."
        if self.shadowed:
            return f"{who} has {', '.join(self.shadowed)} in vain: an earlier package has it too."
        return ""


def discover() -> tuple[ConfigPackage, ...]:
    """Every config package that is announced, in the order of names, each looked at once.

    Entry points are read and not loaded; what is imported are the packages that hold the YAML.
    """
    seen = set(_config_names(files(OWN_PACKAGE)))
    points = {point.value: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    found = []
    for _, point in sorted(points.items()):
        package = _inspect(point)
        found.append(replace(package, shadowed=tuple(c for c in package.configs if c in seen)))
        seen |= set(package.configs)
    return tuple(found)


def model_targets() -> Iterator[str]:
    """The ``_target_`` of every config of the group ``model``: ours first, then those announced."""
    for package in (OWN_PACKAGE, *(each.name for each in discover() if not each.error)):
        folder = files(package).joinpath("model")
        if not folder.is_dir():
            continue
        for config in sorted(folder.iterdir(), key=lambda each: each.name):
            if config.name.endswith(".yaml"):
                yield from re.findall(r"^_target_: *(\S+)", config.read_text("utf-8"), re.MULTILINE)


def _inspect(point: EntryPoint) -> ConfigPackage:
    of = point.dist
    package = ConfigPackage(
        name=point.value, distribution=f"{of.name} {of.version}" if of else point.name
    )
    if not re.fullmatch(r"\w+(\.\w+)*", point.value):
        return replace(package, error="its entry point does not name a package")
    try:
        root = files(point.value)
        configs = tuple(sorted(_config_names(root)))
    except Exception as error:  # noqa: BLE001  (it runs the code of strangers)
        return replace(package, error=f"it cannot be imported: {error or type(error).__name__}")
    if not root.joinpath("__init__.py").is_file():  # Hydra asks for it
        return replace(package, error="it has no __init__.py")
    if not configs:
        return replace(package, error="it holds no YAML file")
    return replace(package, configs=configs)


def _config_names(folder: Traversable, prefix: str = "") -> Iterator[str]:
    for each in folder.iterdir():
        if each.name.endswith(".yaml"):
            yield prefix + each.name.removesuffix(".yaml")
        elif each.is_dir():
            yield from _config_names(each, f"{prefix}{each.name}/")
