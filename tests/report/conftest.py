"""Comparisons with something to show in every section."""

from dataclasses import replace

import pandas as pd
import pytest

from arogya_bench.comparison.caveats import UNGROUPED_CAVEAT


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
