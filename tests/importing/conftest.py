from functools import partial

import pandas as pd
import pytest

EXPERIMENT = "study"


@pytest.fixture
def imported(store, command):
    """Import a file into the store of this test."""
    options = ("--tracking-uri", store.uri, "--experiment", EXPERIMENT, "--resamples", "0")
    return partial(_import, command, options)


def _import(command, options, *words):
    return command("import", *map(str, words), *options)


@pytest.fixture
def runs(store):
    """The finished evaluations of the store, oldest first."""
    from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, search_runs

    return lambda: search_runs(store, FINISHED_EVALUATIONS)


@pytest.fixture
def table():
    """Six cases of three patients, with probabilities of two classes; columns can be changed or added."""

    def build(**columns):
        positive = [0.9, 0.2, 0.4, 0.1, 0.6, 0.3]
        frame = {
            "case": [f"c{number}" for number in range(6)],
            "patient": ["p0", "p0", "p1", "p1", "p2", "p2"],
            "label": ["malignant", "benign", "malignant", "benign", "malignant", "benign"],
            "p_malignant": positive,
            "p_benign": [1 - value for value in positive],
        }
        kept = {name: values for name, values in {**frame, **columns}.items() if values is not None}
        return pd.DataFrame(kept)

    return build


@pytest.fixture
def read(tmp_path):
    """Read the text of a CSV file, or a frame written as one, as the rows of an import."""
    from arogya_bench.importing.columns import ColumnOptions
    from arogya_bench.importing.rows import ImportRequest, read_rows
    from arogya_bench.importing.table_files import read_table

    def build(content, *, model="m", seed="", known=(), **options):
        path = tmp_path / "predictions.csv"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.to_csv(path, index=False)
        request = ImportRequest(model=model, seed=seed, columns=ColumnOptions(**options))
        return read_rows(read_table(path, file_format="csv"), request, known)

    return build
