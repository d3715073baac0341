"""The facts on one model as rows of a table of two columns: what it is, how it was trained, and its licence."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from arogya_bench.report.columns import Row
from arogya_bench.report.run_links import run_links
from arogya_bench.report.wording import UNDEFINED, format_significant, is_undefined
from arogya_bench.report.words import ENGLISH, load_words

MINUTE_S, HOUR_S = 60, 3600
MILLION = 1_000_000
KINDS = {
    "local": "runs on the machine of its user",
    "API": "behind an API: images leave the machine",
    "control": "a control, which is never recommended",
    "imported": "imported predictions",
}


def fact_rows(model: Row) -> list[dict[str, Any]]:
    """The facts of a row of the table ``models``, in their order; those that are missing say why.

    Returns:
        Rows with ``fact``, ``value`` and ``links``, the runs that are named.
    """
    absent: Mapping[str, str] = json.loads(model["absent"] or "{}")
    rows = []
    for label, key, format_value in FACTS:
        value = model.get(key)
        if not _is_empty(value):
            rows.append({"fact": label, "value": format_value(value), "links": ()})
        elif key in absent:
            rows.append({"fact": label, "value": f"{UNDEFINED} ({absent[key]})", "links": ()})
    return [*rows, *_run_rows(model)]


def _run_rows(model: Row) -> Iterator[dict[str, Any]]:
    for label, key in (("evaluations on clean images", "run_ids"), ("fits", "fit_run_ids")):
        if not _is_empty(model.get(key)):
            yield {"fact": label, "value": "", "links": run_links(model[key])}


def _is_empty(value: object) -> bool:
    return is_undefined(value) or value in ("", "{}") or (isinstance(value, list) and not value)


def format_duration(seconds: object) -> str:
    """Format a duration with three digits, in seconds, minutes or hours."""
    value = float(str(seconds))
    if value < 2 * MINUTE_S:
        return f"{format_significant(value)} s"
    if value < 2 * HOUR_S:
        return f"{format_significant(value / MINUTE_S)} min"
    return f"{format_significant(value / HOUR_S)} h"


def _format_parameters(count: object) -> str:
    value = float(str(count))
    return f"{format_significant(value / MILLION)} million" if value >= MILLION else f"{value:,.0f}"


def _format_settings(text: object) -> str:
    return ", ".join(f"{name} = {value}" for name, value in json.loads(str(text)).items())


def _name_metric(rule: object) -> str:
    """The rule with the term of the field for the metric that it watches."""
    terms = load_words(ENGLISH).terms
    return " ".join(terms[word].spoken if "_" in word and word in terms else word for word in str(rule).split())


def _join(values: Any) -> str:
    return ", ".join(map(str, values))


FACTS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("kind", "kind", lambda kind: KINDS.get(kind, str(kind))),
    ("adapter", "adapter", str),
    ("version of the adapter", "adapter_version", str),
    ("architecture", "architecture", str),
    ("settings", "settings", _format_settings),
    ("started from", "start_weights", str),
    ("datasets that its weights have seen, as declared", "trained_on", str),
    ("training option", "training", str),
    ("end of training", "stop_rule", _name_metric),
    ("drawn for each training image", "training_augmentation", str),
    ("epoch that was kept, by fit", "best_epochs", _join),
    ("time of a fit", "fit_seconds", format_duration),
    ("fitted on", "hardware", str),
    ("seeds", "seeds", _join),
    ("licence", "licence", str),
    ("commercial use", "commercial_use", str),
    ("parameters", "parameters", _format_parameters),
    ("size on disk (MB)", "size_mb", format_significant),
    ("size of its images (pixels)", "image_size", str),
    ("calibration of its probabilities", "calibration", str),
    ("labels from boxes", "label_rule", str),
    ("model of the API", "api_model", str),
    ("version that answered", "api_model_version", str),
    ("prompt", "prompt", str),
    ("imported from", "imported_from", str),
    ("digest of the imported file", "imported_digest", str),
    ("noted by its runs", "notes", str),
)  # what is shown, the column of the table, and how it is formatted
