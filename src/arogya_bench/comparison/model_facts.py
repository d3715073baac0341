"""What the runs of a leaderboard row say of its model: the evaluation, its config, the fits, and their cards."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.tracking.artifacts import find_artifacts
from arogya_bench.tracking.model_cards import read_card_params
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import FIT_RUN_ID

CONFIG_FILE = "config.yaml"
OWN_ADAPTERS = "arogya_bench.models."  # whose docstrings say what they are; stored names of others are not imported
MODEL_PARAM = "model."


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known of the model of one row.

    Attributes:
        runs: On clean images, one per seed and fold.
        fits: The fits behind them that are in the store, in the same order.
        config: Of the first run; empty for one without, as imported runs are.
        card: Params of the model that the first fit logged.
    """

    name: str
    runs: tuple[RunRecord, ...]
    fits: tuple[RunRecord, ...]
    config: Mapping[str, Any] = field(repr=False)
    card: Mapping[str, str] = field(repr=False)

    def tag(self, name: str) -> str:
        """A tag of the first run; empty without it."""
        return self.runs[0].tags.get(name, "")

    def setting(self, name: str) -> str | None:
        """A field of the adapter as text; None if it has no such field, or the field is not set."""
        value = self.runs[0].params.get(f"{MODEL_PARAM}{name}")
        return None if value in (None, "None", "") else value

    @property
    def settings(self) -> dict[str, str]:
        """The fields of the adapter that are set, by name."""
        names = [key.removeprefix(MODEL_PARAM) for key in self.runs[0].params if key.startswith(MODEL_PARAM)]
        return {name: value for name in sorted(names) if (value := self.setting(name)) is not None}

    @property
    def training(self) -> Mapping[str, Any]:
        """The training options of its config; empty if they are not known."""
        return self.config.get("training") or {}

    @property
    def best_epochs(self) -> list[int]:
        """The epoch that was kept, of each fit that has epochs."""
        return [int(fit.metrics["best_epoch"]) for fit in self.fits if "best_epoch" in fit.metrics]

    @property
    def adapter_summary(self) -> str:
        """The first sentence of the documentation of an adapter of this package; empty for another one."""
        module, _, name = str((self.config.get("model") or {}).get("_target_", "")).rpartition(".")
        if not module.startswith(OWN_ADAPTERS):
            return ""
        try:
            adapter = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):  # of another version, or without its framework
            return ""
        return str(adapter.__doc__ or "").strip().partition("\n")[0].replace("`", "")


def read_model_facts(block: ComparableRuns, digests: Mapping[str, str]) -> dict[str, ModelFacts]:
    """Read what the runs say of each row of display names and digests."""
    runs = {
        name: [run for seed in block.seeds(row, CLEAN) for run in block.parts((row, CLEAN, seed))]
        for name, row in digests.items()
    }
    configs = find_artifacts([of_row[0] for of_row in runs.values()], CONFIG_FILE, _parse, uri=block.store.uri)
    fits = {name: _fits_of(of_row, block) for name, of_row in runs.items()}
    fitted = [name for name, of_row in fits.items() if of_row]
    cards = dict(zip(fitted, read_card_params(block.store, [fits[name][0] for name in fitted]), strict=True))
    return {
        name: ModelFacts(name=name, runs=tuple(of_row), fits=fits[name], config=config or {}, card=cards.get(name, {}))
        for (name, of_row), config in zip(runs.items(), configs, strict=True)
    }


def _fits_of(runs: Sequence[RunRecord], block: ComparableRuns) -> tuple[RunRecord, ...]:
    named = dict.fromkeys(run.tags.get(FIT_RUN_ID, "") for run in runs)
    return tuple(block.fits[fit] for fit in named if fit in block.fits)


def _parse(path: Path) -> Mapping[str, Any]:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    return config if isinstance(config, dict) else {}
