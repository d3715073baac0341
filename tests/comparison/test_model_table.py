"""The table of models says what each row is, from its runs, and why a fact is missing."""

import json

import pytest
import yaml

from arogya_bench import compare
from arogya_bench.comparison.model_table import NO_EPOCHS, NO_FIT, NOT_COUNTED, UNDECLARED, UNKNOWN_IMPORT
from arogya_bench.tracking.items import Params, Scalars, Tags, Text
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, FINISHED_FITS, search_runs, write_items

TRAINING = {
    "epochs": 10, "patience": 5, "monitor": "f1_macro", "flip": True, "rotation": 15.0, "brightness": 0.2,
    "contrast": 0.0, "noise": [0.0, 0.0], "zoom": [0.8, 1.2], "crop": 1.0,
}  # fmt: skip
NETWORK = {"_target_": "arogya_bench.models.resnet50.ResNet50"}


@pytest.fixture
def only(store):
    """The row of the only model, and the reasons of its missing facts."""

    def row():
        (found,) = compare("study", tracking_uri=store.uri).models.to_dict("records")
        return found, json.loads(found["absent"])

    return row


@pytest.fixture
def add(store):
    """Log more items of the only run that a filter finds."""

    def write(query, *items):
        (run,) = search_runs(store, query)
        write_items(store, run.run_id, items)

    return write


def test_rows_are_described_in_the_order_of_the_leaderboard(comparison):
    models = comparison.models

    assert list(models["model"]) == list(comparison.leaderboard["model"])
    prior = models.set_index("model").loc["prior"]
    assert prior["adapter"] == "prior"
    assert prior["fit_seconds"] > 0
    assert prior["size_mb"] > 0
    assert json.loads(prior["absent"])["parameters"] == NOT_COUNTED
    assert json.loads(prior["absent"])["stop_rule"] == NO_EPOCHS


def test_the_sentence_on_guessing_agrees_with_the_leaderboard(comparison):
    board = comparison.leaderboard.set_index("model")

    for row in comparison.models.to_dict("records"):
        above = board.loc[row["model"], "above_chance"]
        assert row["above_chance"] == above
        assert (f"{row['model']} beats class frequencies" in row["chance"]) == bool(above)
        assert (f"{row['model']} does not beat class frequencies" in row["chance"]) != bool(above)
        assert f"f1_macro {board.loc[row['model'], 'f1_macro']:.3f}" in row["chance"]


def test_a_network_says_how_it_was_trained(fitted, add, only):
    fitted("net")
    add(FINISHED_FITS, Scalars(values={"best_epoch": 7, "fit_seconds": 90.0}))
    add(
        FINISHED_EVALUATIONS,
        Text(file="config.yaml", text=yaml.safe_dump({"model": NETWORK, "training": TRAINING})),
        Params(values={"model.weights": "imagenet"}),
    )

    row, absent = only()

    assert row["description"] == "torchvision's ResNet-50, all layers trained."
    assert row["start_weights"] == "ImageNet weights"
    assert row["stop_rule"] == (
        "at most 10 epochs, fewer if 5 epochs in a row bring no better f1_macro on validation; the best epoch is kept"
    )
    assert row["training_augmentation"] == (
        "mirrored left to right, rotated up to 15°, brightness up to ±20% of full scale, zoom of 0.8 to 1.2"
    )
    assert (row["best_epochs"], row["fit_seconds"]) == ([7], 90.0)
    assert not {"stop_rule", "training_augmentation", "fit_seconds"} & set(absent)


def test_a_stored_name_of_another_package_is_not_imported(logged, add, only):
    logged("theirs")
    config = {"model": {"_target_": "json.JSONDecoder"}}
    add(FINISHED_EVALUATIONS, Text(file="config.yaml", text=yaml.safe_dump(config)))

    row, absent = only()

    assert row["description"] == "The adapter prior, version 1."
    assert absent["size_mb"] == absent["fit_seconds"] == NO_FIT
    assert absent["licence"] == UNDECLARED


def test_imported_predictions_are_called_so(logged, only):
    logged("csv", tags={"arogya.imported_from": "scores.csv"})

    row, absent = only()

    assert row["kind"] == "imported"
    assert row["description"].startswith("Predictions imported from scores.csv;")
    assert set(absent.values()) == {UNKNOWN_IMPORT}


def test_a_model_behind_an_api_names_what_was_asked(logged, add, only):
    logged("vlm", tags={"arogya.api": "gemini"})
    add(
        FINISHED_EVALUATIONS,
        Params(values={"model.id": "gemini-x", "model.prompt": "Look.", "model.shots": 2}),
        Tags(values={"arogya.api_model_version": "gemini-x-001"}),
    )

    row, _ = only()

    assert row["description"] == (
        "The model gemini-x behind an API (gemini), asked with 2 examples of each class; nothing is trained here."
    )
    assert (row["kind"], row["api_model_version"], row["prompt"]) == ("API", "gemini-x-001", "Look.")
