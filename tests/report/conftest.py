"""Comparisons with something to show in every section."""

from dataclasses import replace

import pandas as pd
import pytest
from api_runs import compare_degraded_study, compare_typical_study
from measurement_runs import write_measurement

from arogya_bench import compare
from arogya_bench.comparison.caveats import UNGROUPED_CAVEAT
from arogya_bench.comparison.table_frames import to_table
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList
from arogya_bench.tracking.runs import search_runs

PRICES = PriceList(
    name="mine",
    source="an invoice",
    valid_from="2026-09-01",
    currency="EUR",
    usd_per_unit=1.1,
    machines={"office": Machine(cpus=4, memory_gb=32, per_hour=0.3)},
    api={"gemini": ApiPrice(per_1k_images=2.0)},
)


@pytest.fixture(scope="session")
def measured(study_folder, transplanted, tmp_path_factory):
    """The comparison of the finished sweep with measurements: opencv under good conditions, prior under bad ones."""
    store = transplanted(study_folder, tmp_path_factory.mktemp("measured"))
    for name, numbers in (
        ("opencv", {"memory_ended_at": 128, "reasons": "idle, recorded"}),
        ("prior", {"p50": 0.5, "grade": "D", "reasons": "throttled for 3 s", "requests": 700}),
    ):
        query = f"tags.`arogya.condition` = 'clean' and tags.`arogya.model` = '{name}'"
        (run,) = search_runs(store, query)
        write_measurement(store, run.tags, **numbers)
    found = compare("study", tracking_uri=store.uri, prices=PRICES)
    # The sweep is too small for a recommendation.
    advice = [
        {"dataset": "synthetic-60x3", "kind": "cheaper model", "model": "opencv", "recommendation": "Take opencv.",
         "evidence": "as stated", "margin": 0.02},
        {"dataset": "synthetic-60x3", "kind": "batch size", "model": "opencv", "recommendation": "opencv: batch 8",
         "evidence": "as stated"},
        {"dataset": "synthetic-60x3", "kind": "batch size", "model": "prior", "recommendation": "prior: batch 1",
         "evidence": "as stated"},
    ]  # fmt: skip
    front = found.pareto.assign(on_front=[True if model == "opencv" else None for model in found.pareto["model"]])
    return replace(
        found, recommendations=to_table("recommendations", advice), pareto=front.astype({"on_front": "boolean"})
    )


@pytest.fixture(scope="session")
def with_apis(empty_store_folder, transplanted, tmp_path_factory, job_of, guessed, roster):
    """The comparison of a local model, a model behind an API, its controls, and a server of one's own."""
    store = transplanted(empty_store_folder, tmp_path_factory.mktemp("with-apis"))
    return compare_typical_study(store, job_of, guessed, roster(patients=166, visits=1))


@pytest.fixture(scope="session")
def degraded(empty_store_folder, transplanted, tmp_path_factory, job_of, guessed, roster):
    """A comparison on clean and on noisy images, under which a model behind an API answers less often."""
    store = transplanted(empty_store_folder, tmp_path_factory.mktemp("degraded"))
    return compare_degraded_study(store, job_of, guessed, roster(patients=166, visits=1))


@pytest.fixture(scope="session")
def renamed(comparison):
    """Give a model of the comparison another name, wherever it stands."""

    def build(old, new):
        tables = {
            name: getattr(comparison, name).replace(old, new)
            for name in ("verdict", "leaderboard", "pairwise", "robustness")
        }
        return replace(comparison, **tables)

    return build


@pytest.fixture(scope="session")
def incomplete(comparison):
    """A comparison in which a cell failed."""
    absent = {
        "dataset": "synthetic-60x3",
        "model": "resnet50",
        "condition": "clean",
        "seed": "42",
        "status": "FAILED",
        "cause": "MemoryError",
        "message": "no room for the kernel",
    }
    return replace(comparison, missing=pd.DataFrame([absent]))


@pytest.fixture(scope="session")
def twofold(comparison):
    """The same models on two datasets, on the second with other values."""
    tables = {}
    for name in ("verdict", "leaderboard", "pairwise", "robustness"):
        table = getattr(comparison, name)
        tables[name] = pd.concat([table, table.assign(dataset="clinic")], ignore_index=True)
    tables["robustness"].loc[tables["robustness"]["dataset"] == "clinic", "value"] = 0.111
    (dataset,) = comparison.about["datasets"]
    ungrouped = {"dataset": "clinic", "grouped": False, "caveats": [UNGROUPED_CAVEAT]}
    datasets = [dataset, {**dataset, **ungrouped}]
    return replace(comparison, about={**comparison.about, "datasets": datasets}, **tables)


@pytest.fixture(scope="session")
def undefined(comparison):
    """A comparison whose deciding metric does not exist for the second model."""
    gone = ["f1_macro", "f1_macro.ci_low", "f1_macro.ci_high"]
    board = comparison.leaderboard.astype(object)
    board.loc[1, gone] = None
    pairs = comparison.pairwise.astype(object)
    pairs[["difference", "difference.ci_low", "difference.ci_high", "p_value", "p_adjusted"]] = None
    return replace(comparison, leaderboard=board, pairwise=pairs)


@pytest.fixture(scope="session")
def ungraded(comparison):
    """A comparison with a condition that has no severity."""
    rows = comparison.robustness.assign(augmentation="mirrored", condition="mirrored", severity=None, level=0)
    return replace(comparison, robustness=rows.drop_duplicates("model"))


@pytest.fixture(scope="session")
def filtered(comparison):
    """A comparison of the runs that match a filter."""
    return replace(comparison, about={**comparison.about, "where": "tags.`arogya.seed` = '42'"})
