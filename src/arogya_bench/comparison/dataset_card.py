"""What a comparison says of the data of a block: the test cases, and a card of where they come from."""

from collections.abc import Mapping
from typing import Any

import yaml

from arogya_bench.analysis.study import Study
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.errors import ArtifactMissing
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord, read_dataset_input
from arogya_bench.tracking.tags import CASES_LEFT_OUT, EXCLUDED_CASES, IMPORTED_FROM, POSITIVE_CLASS

SITE_COLUMN = "site"
PERMISSIONS = ("external_api", "thumbnails")  # options of a dataset: allowed or denied
NOT_ALLOWED = "denied"
REMOVED = {"cases_left_out": CASES_LEFT_OUT, "unusable_cases": EXCLUDED_CASES}  # by the user; by the gate
UNSTATED = ("", "unstated", "unknown")  # what readers write where nobody said it


def describe_test_cases(study: Study | None) -> dict[str, object]:
    """Patients, cases and sites of the test split; each None where it is not known.

    Sites are the values of a metadata column of that name.
    """
    if study is None:
        return {"patients": None, "cases": None, "sites": None}
    metadata = study.cases.predictions.metadata
    sites = next((values for name, values in metadata.items() if name.lower() == SITE_COLUMN), ())
    named = {str(site) for site in sites if str(site) not in ("", "nan", "None")}
    return {
        "patients": study.cases.groups if study.grouped else None,
        "cases": study.cases.cases,
        "sites": len(named) or None,
    }


def describe_source(block: ComparableRuns) -> dict[str, object]:
    """The card of a dataset: licence, source, version and citation, classes, and what may be done with its images.

    It is read from the newest finished evaluation that read the images; of imported rows alone, less is known, and
    what is not known is None.
    """
    runs = sorted(block.all_runs, key=lambda run: (run.start_time, run.run_id))
    newest = next((run for run in reversed(runs) if IMPORTED_FROM not in run.tags), runs[-1])
    stated, options = read_dataset_input(block.store, newest.run_id, block.name), _read_options(block, newest)
    reader = str(options.get("_target_", "")).rpartition(".")[2]
    return {
        **{name: _stated(stated.get(name)) for name in ("licence", "source", "version", "citation")},
        "reader": reader or None,
        "image_size": options.get("image_size"),
        "classes": _class_names(stated, options),
        "positive_class": newest.tags.get(POSITIVE_CLASS),
        **{name: int(newest.tags.get(tag, 0)) if reader else None for name, tag in REMOVED.items()},
        **{name: options.get(name) or (NOT_ALLOWED if reader else None) for name in PERMISSIONS},
    }


def _read_options(block: ComparableRuns, run: RunRecord) -> Mapping[str, Any]:
    """The options of the dataset in the config of a run; empty for a run without one, as imported runs are."""
    try:
        with fetch_artifact(run, "config.yaml", uri=block.store.uri) as path:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except ArtifactMissing:
        return {}
    return (config.get("dataset") if isinstance(config, dict) else None) or {}


def _class_names(stated: Mapping[str, Any], options: Mapping[str, Any]) -> list[str] | None:
    counted = stated.get("classes")
    if isinstance(counted, Mapping):
        return list(counted)
    listed = options.get("classes")
    return list(listed) if isinstance(listed, list) and listed else None


def _stated(value: object) -> str | None:
    return None if value is None or str(value) in UNSTATED else str(value)
