"""A small network trained with three seeds, held against limits: which models may be deployed, by their bounds?

Another seed gives another network, so one fit says little about the recipe. With several seeds, the spread between them
is in every interval and in the verdict. Run it in a folder of its own: it writes MLflow's store there.
"""

import arogya_bench

SEEDS = [1, 2, 3]
LIMITS = {
    "metric": "f1_macro",
    "margin": 0.03,  # a loss below it counts as none
    "limits": {
        "accuracy": {"at_least": 0.5},  # the lower bound counts, not the estimate
        "ece": {"at_most": 0.4},  # the upper bound counts
    },
}

if __name__ == "__main__":
    sweep = arogya_bench.run(
        model=["prior", "opencv", "cnn"],
        dataset="synthetic",
        training="quick",
        seed=SEEDS,
        experiment="three_seeds",
        overrides={
            "dataset.cases": 300,
            "dataset.classes": 3,
            "dataset.image_size": 32,
            "dataset.separation": 3,
            "image_size": 32,
            "model.channels": [8, 16],
            "split.train": 0.4,
            "split.validation": 0.1,
            "split.test": 0.5,
        },
    )
    comparison = sweep.compare(limits=LIMITS)
    comparison.to_html("three_seeds.html")
    print(comparison)
    for row in comparison.limits.itertuples():
        print(f"{row.model}, {row.limit}: {row.verdict}. {row.reason}")
