"""Limits files that a user names: what a model must be shown to meet, and the settings of the analyses."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from arogya_bench.comparison.requirements import LICENCE, ROBUSTNESS, WORST_SUBGROUP, Limit, Requirements
from arogya_bench.configuration.advice import first_line
from arogya_bench.configuration.validation import validate
from arogya_bench.errors import ConfigError, did_you_mean

KIND_FIELDS: Mapping[str, tuple[str, ...]] = {
    LICENCE: ("commercial", "allowed"),
    WORST_SUBGROUP: ("at_least", "at_most", "column", "metric"),
    ROBUSTNESS: ("at_least", "at_most"),
}  # what may be said of a limit; of any other: ``at_least`` or ``at_most``
SHARES = ("sensitivity", "specificity", "prevalence")


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """The keys of a limits file beside ``limits``; see ``AnalysisOptions``."""

    metric: str | None = None
    margin: float | None = None
    test: str | None = None
    correction: str | None = None
    positive_class: str | None = None
    prevalence: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None
    threshold_probabilities: list[float] | None = None
    subgroups: list[str] | None = None
    robustness_floor: float | None = None


@dataclass(frozen=True, kw_only=True)
class LimitFields:
    """What may be said of a limit."""

    at_least: float | None = None
    at_most: float | None = None
    column: str | None = None
    metric: str | None = None
    commercial: bool | None = None
    allowed: list[str] | None = None


def load_limits(source: str | Path | Mapping[str, Any]) -> Requirements:
    """Read limits from a YAML file, or from a mapping with the same keys.

    Raises:
        UserError: If there is no such file, or it is not valid.
    """
    node = _read(Path(source)) if isinstance(source, str | Path) else OmegaConf.create(dict(source))
    if not isinstance(node, DictConfig) or not len(node):
        raise ConfigError(
            "There are no limits.", fix="write at least one, such as limits: {accuracy: {at_least: 0.9}}."
        )
    _check_keys(node)
    masked = OmegaConf.masked_copy(node, [str(key) for key in node if key != "limits"])
    settings = validate(LimitSettings, masked, "limits file")
    entries = node.get("limits") or {}
    if not isinstance(entries, Mapping):
        raise ConfigError(f"limits is {entries!r}, but must be a group of limits.", fix="name each limit.")
    given = {name: _plain(value) for name, value in vars(settings).items() if value is not None and name != "metric"}
    _check_settings(given)
    limits = tuple(_limit(str(name), cast("DictConfig", entry)) for name, entry in entries.items())
    return Requirements(limits=limits, metric=settings.metric, settings=given)


def _check_keys(node: DictConfig) -> None:
    known = ("limits", *(each.name for each in fields(LimitSettings)))
    unknown = next((str(key) for key in node if key not in known), None)
    if unknown is not None:
        raise ConfigError(
            f"A limits file has no field {unknown!r}.{did_you_mean(unknown, known)}",
            fix=f"choose one of: {', '.join(known)}.",
        )


def _read(path: Path) -> object:
    if not path.is_file():
        raise ConfigError(f"There is no limits file {path}.", fix="name a YAML file; docs/deciding.md shows one.")
    try:
        return OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {first_line(error)}.", fix="correct its YAML; docs/deciding.md shows one."
        ) from error


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _check_settings(given: Mapping[str, Any]) -> None:
    margin = given.get("margin", 0.0)
    if not (isfinite(margin) and margin >= 0):
        raise ConfigError(f"The margin {margin} is not a number from 0.", fix="give one such as 0.02.")
    for name in SHARES:
        if name in given and not 0 < given[name] < 1:
            raise ConfigError(f"{name} is {given[name]:g}.", fix=f"give a {name} between 0 and 1, such as 0.9.")
    for value in given.get("threshold_probabilities", ()):
        if not 0 < value < 1:
            raise ConfigError(f"threshold_probabilities holds {value:g}.", fix="give probabilities between 0 and 1.")


def _limit(name: str, entry: DictConfig) -> Limit:
    path = f"limits.{name}"
    if not isinstance(entry, Mapping):
        example = "commercial: true" if name == LICENCE else f"at_least: {entry}"
        raise ConfigError(f"{path} is {entry!r}.", fix=f"write {name}: {{{example}}}.")
    stated = validate(LimitFields, entry, path)
    given = {key: value for key, value in vars(stated).items() if value is not None}
    allowed = KIND_FIELDS.get(name, ("at_least", "at_most"))
    if unfit := [key for key in given if key not in allowed]:
        raise ConfigError(f"{path} takes no {unfit[0]}.", fix=f"give {_join(allowed)}.")
    if name == LICENCE:
        if given.get("commercial") is not True:
            raise ConfigError(f"{path} does not say commercial: true.", fix="say so, or leave this limit out.")
        return Limit(quantity=name, allowed=tuple(given.get("allowed", ())))
    if len({"at_least", "at_most"} & set(given)) != 1:
        raise ConfigError(f"{path} must have either at_least or at_most.", fix=f"write {name}: {{at_least: 0.9}}.")
    return Limit(quantity=name, **given)


def _join(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}"
