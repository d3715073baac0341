"""Predictions that another tool wrote into a CSV: imported, compared, and held against limits. No images are needed.

Run it in a folder of its own: it writes predictions.csv and MLflow's store there. With a CSV of yours, delete
`write_predictions`; docs/importing.md lists which names of columns are found.
"""

import numpy as np
import pandas as pd

import arogya_bench
from arogya_bench.cli.main import main

FILE = "predictions.csv"
LIMITS = {"positive_class": "malignant", "limits": {"sensitivity": {"at_least": 0.75}, "ece": {"at_most": 0.15}}}


def write_predictions(file: str) -> None:
    """Invent what two models say of the lesions of 250 patients, two photographs of each."""
    rng = np.random.default_rng(7)
    patient = np.repeat(np.arange(250), 2)
    malignant = np.repeat(rng.random(250) < 0.4, 2)
    evidence = np.where(malignant, 2.0, -2.0) + rng.normal(0, 1.2, patient.size)
    tables = []
    for model, noise in (("large", 0.5), ("small", 3.0)):
        probability = 1 / (1 + np.exp(-(evidence + rng.normal(0, noise, patient.size))))
        tables.append(
            pd.DataFrame(
                {
                    "case": [f"photo-{number:03}" for number in range(patient.size)],
                    "patient": patient,
                    "label": np.where(malignant, "malignant", "benign"),
                    "model": model,
                    "p_benign": 1 - probability,
                    "p_malignant": probability,
                }
            )
        )
    pd.concat(tables).to_csv(file, index=False)


if __name__ == "__main__":
    write_predictions(FILE)
    if main(["import", FILE, "--dataset", "clinic", "--experiment", "imported_csv"]) != 0:
        raise SystemExit("The file was refused; the message above says why.")
    comparison = arogya_bench.compare("imported_csv", limits=LIMITS)
    print(comparison)
    for row in comparison.limits.itertuples():
        print(f"{row.model}, {row.limit}: {row.verdict}. {row.reason}")
