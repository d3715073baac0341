"""Config packages that installed distributions register through entry points."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable

ENTRY_POINT_GROUP = OWN_PACKAGE = "arogya_bench.conf"


@dataclass(frozen=True, kw_only=True)
class ConfigPackage:
    """A package of YAML files that another distribution contains.

    Attributes:
        name: Dotted, such as ``acme_bench.conf``; the value of its entry point.
        distribution: Name and version of the distribution.
        configs: Its options, such as ``model/acme``.
        shadowed: Those that an earlier package also has, and that are therefore never used.
        error: Why the package cannot be used; empty if it can.
    """

    name: str
    distribution: str
    configs: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()
    error: str = ""

    @property
    def message(self) -> str:
        """Warning for the user in one sentence; empty if there is nothing to report."""
        package = f"The config package {self.name} of {self.distribution}"
        if self.error:
            return f"{package} is ignored: {self.error}."
        if self.shadowed:
            configs = ", ".join(self.shadowed)
            return f"{package} contains {configs}, which an earlier package already contains."
        return ""


def discover() -> tuple[ConfigPackage, ...]:
    """Every registered config package, sorted by name.

    Entry points are not loaded; only the packages that contain the YAML files are imported.
    """
    seen = set(_config_names(files(OWN_PACKAGE)))
    points = {point.value: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    packages = []
    for _, point in sorted(points.items()):
        package = _inspect(point)
        packages.append(replace(package, shadowed=tuple(c for c in package.configs if c in seen)))
        seen |= set(package.configs)
    return tuple(packages)


def model_targets() -> Iterator[str]:
    """The ``_target_`` of every config of the group ``model``, the built-in ones first."""
    for config in group_configs("model"):
        yield from re.findall(r"^_target_: *(\S+)", config.read_text("utf-8"), re.MULTILINE)


def group_configs(group: str) -> Iterator[Traversable]:
    """The YAML files of a config group, the built-in ones first."""
    for package in (OWN_PACKAGE, *(other.name for other in discover() if not other.error)):
        folder = files(package).joinpath(group)
        if folder.is_dir():
            configs = sorted(folder.iterdir(), key=lambda file: file.name)
            yield from (config for config in configs if config.name.endswith(".yaml"))


def _inspect(point: EntryPoint) -> ConfigPackage:
    dist = point.dist
    package = ConfigPackage(name=point.value, distribution=f"{dist.name} {dist.version}" if dist else point.name)
    if not re.fullmatch(r"\w+(\.\w+)*", point.value):
        return replace(package, error="its entry point does not name a package")
    try:
        root = files(point.value)
        configs = tuple(sorted(_config_names(root)))
    except Exception as error:  # noqa: BLE001  (it runs code of another package)
        return replace(package, error=f"it cannot be imported: {error or type(error).__name__}")
    if not root.joinpath("__init__.py").is_file():  # Hydra requires it
        return replace(package, error="it has no __init__.py")
    if not configs:
        return replace(package, error="it contains no YAML file")
    return replace(package, configs=configs)


def _config_names(folder: Traversable, prefix: str = "") -> Iterator[str]:
    for path in folder.iterdir():
        if path.name.endswith(".yaml"):
            yield prefix + path.name.removesuffix(".yaml")
        elif path.is_dir():
            yield from _config_names(path, f"{prefix}{path.name}/")
