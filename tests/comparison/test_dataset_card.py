"""What a comparison says of its data: patients, sites, dates, and a card from what the runs logged."""

from importlib.metadata import version

import pytest
import yaml

from arogya_bench import compare, load_predictions
from arogya_bench.tracking.items import Text
from arogya_bench.tracking.runs import write_items


@pytest.fixture
def facts(store):
    def about():
        found = compare("study", tracking_uri=store.uri).about
        return found, found["datasets"][0]

    return about


def test_the_card_says_what_the_runs_logged(comparison):
    (dataset,) = comparison.about["datasets"]

    card = dataset["card"]

    assert card["licence"].startswith("Apache-2.0")
    assert card["source"] == "arogya-bench synthetic generator, seed 7"
    assert card["classes"] == ["alder", "birch", "cedar"]
    assert card["version"]
    assert card["citation"] is None


def test_patients_cases_and_sites_are_those_of_the_test_split(logged, facts):
    logged("a")

    about, dataset = facts()

    assert (dataset["patients"], dataset["cases"]) == (36, 72)
    assert about["version"] == version("arogya-bench")
    assert about["evaluated_from"] <= about["evaluated_to"]


def test_without_patients_there_is_no_number_of_them(logged, roster, facts):
    logged("a", source=roster(visits=1))

    _, dataset = facts()

    assert dataset["patients"] is None
    assert dataset["cases"] == 36


def test_sites_are_those_of_the_metadata_column(comparison, finished):
    (dataset,) = comparison.about["datasets"]

    stored = load_predictions(comparison.runs["run_id"][0], tracking_uri=finished.uri)

    assert dataset["sites"] == stored["site"].nunique() == 3


@pytest.mark.parametrize(("options", "allowed"), [({}, "denied"), ({"thumbnails": "allowed"}, "allowed")])
def test_options_of_the_dataset_are_denied_unless_they_are_allowed(logged, store, facts, options, allowed):
    run = logged("a")
    config = {"dataset": {"_target_": "arogya_bench.datasets.synthetic.Synthetic", "image_size": 32, **options}}
    write_items(store, run, [Text(file="config.yaml", text=yaml.safe_dump(config))])

    card = facts()[1]["card"]

    assert card["thumbnails"] == allowed
    assert card["external_api"] == "denied"
    assert (card["reader"], card["image_size"], card["cases_left_out"]) == ("Synthetic", 32, 0)


def test_what_imported_runs_do_not_know_is_none(logged, facts):
    logged("a", tags={"arogya.imported_from": "scores.csv"})

    card = facts()[1]["card"]

    assert [card[name] for name in ("thumbnails", "cases_left_out", "licence")] == [None, None, None]
