"""What a comparison knows of its question and data, for reporting checklists: one sentence each, or none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arogya_bench.comparison.costs import LOCAL
from arogya_bench.comparison.verdict_words import join_names
from arogya_bench.report.columns import Row
from arogya_bench.report.structure import Summary
from arogya_bench.report.wording import is_undefined
from arogya_bench.runtime.console import plural

FROM_MLFLOW = "pyfunc"  # the adapter of models that were logged to MLflow by others
TEST = "test"  # the part of a split that models are compared on


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of one dataset of a comparison.

    Attributes:
        about: Of the comparison.
        facts: The entry of ``about`` on the dataset.
        tables: Rows of the dataset.
        summary: Its first screen.
    """

    about: Mapping[str, Any]
    facts: Mapping[str, Any]
    tables: Mapping[str, Sequence[Row]]
    summary: Summary

    @property
    def card(self) -> Mapping[str, Any]:
        """Where the data come from."""
        return self.facts.get("card") or {}

    @property
    def reads_images(self) -> bool:
        """Whether the images of the dataset were read here; of predictions alone much is not known."""
        return bool(self.card.get("reader"))

    @property
    def has_own_runs(self) -> bool:
        """Whether all models were evaluated here, none by imported predictions."""
        return self.reads_images and all(is_undefined(row["imported_from"]) for row in self.tables["models"])

    @property
    def trained_all(self) -> bool:
        """Whether all models were trained here; of others nobody can tell from runs what they have seen."""
        return self.has_own_runs and all(map(_is_trained_here, self.tables["models"]))

    @property
    def has_networks(self) -> bool:
        """Whether a model was trained here in epochs."""
        return any(row["best_epochs"] for row in self.tables["models"])

    @property
    def models(self) -> list[str]:
        """The models, best first."""
        return [str(row["model"]) for row in self.tables["leaderboard"]]


def _is_trained_here(row: Row) -> bool:
    """Not so of models behind APIs, of those that MLflow brings, and of networks that are evaluated as they are."""
    as_it_is = row["adapter"] == FROM_MLFLOW or json.loads(row["settings"] or "{}").get("trained") == "none"
    return bool(row["kind"] == LOCAL and not as_it_is)


def describe_question(known: Evidence) -> str:
    """What is asked, and what the answer rests on."""
    return f"{known.summary.question} The answer rests on {known.facts['metric']}."


def describe_source(known: Evidence) -> str:
    """Name, source, version, citation and licence of the data."""
    card = known.card
    stated = [f"{name} {card[name]}" for name in ("source", "version", "citation", "licence") if card.get(name)]
    return f"{'; '.join([str(known.facts['dataset']), *stated])}; digest {known.facts['digest']}."


def describe_licence(known: Evidence) -> str:
    """The licence of the data."""
    licence = known.card.get("licence")
    return f"The licence of the data is {licence}." if licence else ""


def describe_sites(known: Evidence) -> str:
    """How many sites the test cases come from."""
    sites = known.facts.get("sites")
    return f"The test cases come from {plural(int(sites), 'site')}." if sites else ""


def describe_exclusions(known: Evidence) -> str:
    """How many cases were left out."""
    left_out, unusable = (known.card.get(name) for name in ("cases_left_out", "unusable_cases"))
    if left_out is None or unusable is None:
        return ""
    return f"Left out by request: {plural(left_out, 'case')}; because of damage or rules: {plural(unusable, 'case')}."


def describe_gate(known: Evidence) -> str:
    """What the data gate found."""
    if not known.reads_images:
        return ""
    codes = list(dict.fromkeys(str(finding["code"]) for finding in known.facts.get("gate_findings", ())))
    return f"The data gate found {join_names(codes, 'and')}." if codes else "The data gate found nothing to warn of."


def describe_inputs(known: Evidence) -> str:
    """What models see."""
    if not known.has_own_runs:
        return ""
    return "All models see the same decoded images, each resized to the input of the model."


def describe_image_only(known: Evidence) -> str:
    """What the answers are predicted from."""
    return "The image, and columns of the metadata where the model of a row takes them." if known.has_own_runs else ""


def describe_classes(known: Evidence) -> str:
    """The classes, and the positive one."""
    classes, positive = known.card.get("classes"), known.card.get("positive_class")
    if not classes:
        return ""
    if len(classes) == 1:
        return f"The only class is {classes[0]}."
    return f"The classes are {join_names(classes, 'and')}{f'; {positive} is the positive one' if positive else ''}."


def describe_missing(known: Evidence) -> str:
    """Which answers are missing."""
    rows = known.tables["missing"]
    listed = f"; {plural(len(rows), 'evaluation')} without a result {'is' if len(rows) == 1 else 'are'} listed"
    return f"All models that are compared were given the same test cases{listed if rows else ''}."


def describe_split(known: Evidence) -> str:
    """How cases were assigned to parts."""
    return f"Split {known.facts['split']}, digest {known.facts['split_digest']}." if known.reads_images else ""


def describe_disjoint(known: Evidence) -> str:
    """Whether the images of a patient are in one part."""
    if not known.reads_images:
        return ""
    if not known.facts.get("grouped", True):
        return "The dataset names no patients: images of one patient may be in several parts."
    return "All images of a patient are in one part." if str(known.facts["split"]).startswith("group-") else ""


def describe_sample(known: Evidence) -> str:
    """How many cases and patients were tested."""
    row: Row = next(iter(known.tables["leaderboard"]), {})
    if not row:
        return ""
    groups = f" of {plural(int(row['groups']), 'patient')}" if known.facts.get("grouped", True) else ""
    return f"{plural(int(row['cases']), 'test case')}{groups}."


def describe_splits(known: Evidence) -> str:
    """Whether the parts of the split are counted."""
    if all(row["part"] == TEST for row in known.tables["splits"]):
        return ""
    return "Cases and patients of each class in each part of the split."


def describe_training(known: Evidence) -> str:
    """Where the training of the models stands; empty if that of one of them is not known."""
    rows = known.tables["models"]
    if not known.trained_all or not rows:
        return ""
    networks = ", and of networks the augmentation, the stopping rule and the epochs" if known.has_networks else ""
    return f"Settings of each model{networks}."


def describe_weights(known: Evidence) -> str:
    """What the weights of models start from, as far as it is known."""
    rows = known.tables["models"]
    stated = [f"{row['model']} from {row['start_weights']}" for row in rows if _starts(row)]
    others = [str(row["model"]) for row in rows if row["best_epochs"] and not _starts(row)]
    unknown = f" The runs do not say it of {join_names(others, 'and')}." if others else ""
    return f"Weights start: {join_names(stated, 'and')}.{unknown}" if stated else ""


def _starts(row: Row) -> bool:
    return not is_undefined(row["start_weights"])
