"""What 1,000 images cost, recomputed from what was measured."""

import dataclasses
import json
from datetime import date

import pandas as pd
import pytest
from measurement_runs import HARDWARE, SERVER

from arogya_bench import Comparison, compare
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.errors import ConfigError, PriceError
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList
from arogya_bench.report.content import arrange_report
from arogya_bench.tracking.items import Params, Scalars
from arogya_bench.tracking.runs import finish_run, start_run, write_items

OFFICE = Machine(cpus=4, memory_gb=32, per_hour=0.36)
PRICES = PriceList(name="mine", source="an invoice", valid_from="2026-09-01", machines={"office": OFFICE})


@pytest.fixture
def compared(store):
    def build(prices=PRICES, **options):
        return compare("study", tracking_uri=store.uri, prices=prices, **options)

    return build


def row_of(table, model):
    (row,) = table[table["model"] == model].to_dict("records")
    return row


def test_a_local_cost_by_hand(measured, compared):
    """0.36 USD an hour at 100 images/s and half of the time in use: 0.36 / 3,600 / 100 · 1,000 · 2 = 0.002 USD."""
    measured("a", {"rates": {1: 50.0, 8: 100.0, 32: 90.0}})

    found = compared()

    row = row_of(found.cost, "a")
    assert row["cost_per_1k_images_usd"] == pytest.approx(0.002)
    assert row["cost_per_1k_images_usd.ci_low"] == pytest.approx(0.002 / 1.02)
    assert row["cost_per_1k_images_usd.ci_high"] == pytest.approx(0.002 / 0.98)
    assert (row["batch"], row["images_per_s"], row["priced_machine"], row["usd_per_hour"]) == (8, 100.0, "office", 0.36)
    assert "the cheapest machine with 2 processors, 1.8 GB and no GPU: office at 0.36 USD an hour" in row["assumption"]
    assert row_of(found.leaderboard, "a")["cost_per_1k_images_usd"] == row["cost_per_1k_images_usd"]


def test_another_price_list_changes_cost_and_key_and_nothing_else(measured, compared):
    measured("a")
    twice = dataclasses.replace(PRICES, machines={"office": dataclasses.replace(OFFICE, per_hour=0.72)})

    before, after = compared(), compared(twice)

    column = "cost_per_1k_images_usd"
    assert row_of(after.cost, "a")[column] == pytest.approx(2 * row_of(before.cost, "a")[column])
    assert after.about["key"] != before.about["key"]
    assert after.measurements.equals(before.measurements)
    assert before.about["prices"]["name"] == "mine"


def test_a_newer_measurement_changes_the_key(measured, compared, store):
    measured("a", {"p50": 10.0})
    before = compared().about["key"]
    measured("a", {"p50": 11.0})

    assert compared().about["key"] != before
    assert compared().about["key"] == compared().about["key"]


def test_a_list_that_expires_adds_a_warning_and_keeps_the_key(measured, store):
    measured("a")
    prices = dataclasses.replace(PRICES, valid_to="2026-12-31")

    def on(day):
        choice = PriceChoice(prices=prices, named=True, today=day)
        return Comparison.from_store(store, metric="f1_macro", prices=choice)

    before, after = on(date(2026, 12, 31)), on(date(2027, 1, 1))

    assert "expired" not in row_of(before.cost, "a")["assumption"]
    assert "expired on 2026-12-31" in row_of(after.cost, "a")["assumption"]
    assert after.about["key"] == before.about["key"]


def test_energy_and_carbon_are_part_of_the_cost(measured, compared):
    measured("a", {"energy": 50.0, "rates": {1: 100.0}})
    counted = dataclasses.replace(PRICES, energy_per_kwh=0.4, grid_g_co2_per_kwh=400.0, grid_source="a grid")

    row = row_of(compared(counted).cost, "a")

    assert row["energy_usd_per_1k_images"] == pytest.approx(0.02)
    assert row["co2_g_per_1k_images"] == pytest.approx(20.0)
    assert row["cost_per_1k_images_usd"] == pytest.approx(0.022)


@pytest.fixture
def fitted(store):
    """Log a finished fit of the roster; return the tag of its evaluations."""

    def build(hours, device="cpu"):
        run_id = start_run(store, "fit", {"arogya.kind": "fit", "arogya.dataset_digest": "0" * 32})
        write_items(store, run_id, [Params(values={"device": device}), Scalars(values={"fit_seconds": 3600 * hours})])
        finish_run(store, run_id)
        return {"arogya.fit_run_id": run_id}

    return build


def test_training_costs_the_hours_of_the_fits_of_all_seeds(measured, compared, fitted):
    """2 hours of an office at 0.36 an hour; a fit on another device has no price, nor has one that is lost."""
    measured("a", tags=fitted(0.5), seed=1)
    measured("a", tags=fitted(1.5), seed=2)
    measured("other", tags=fitted(9.0, "cuda:0"))
    measured("lost")

    found = compared().cost

    row = row_of(found, "a")
    assert (row["training_hours"], row["training_usd"]) == pytest.approx((2.0, 0.72))
    assert pd.isna([row_of(found, name)["training_usd"] for name in ("other", "lost")]).all()


def test_a_processor_pays_for_no_gpu_beside_it(measured, compared):
    measured("a", {"machine": SERVER, "device": "cpu"})
    large = Machine(cpus=16, memory_gb=64, per_hour=0.8)
    prices = dataclasses.replace(PRICES, machines={"large": large})

    assert row_of(compared(prices).cost, "a")["priced_machine"] == "large"


def test_rows_on_gpu_and_processor_of_one_machine_have_a_machine_each(measured, compared):
    measured("net", {"machine": SERVER, "device": "cuda:0", "gpu": 900.0})
    measured("prior", {"machine": SERVER, "device": "cpu", "threads": 1})
    gpu, small = Machine(cpus=4, memory_gb=16, gpu="A10G", per_hour=1.6), Machine(cpus=1, memory_gb=4, per_hour=0.1)
    prices = dataclasses.replace(PRICES, machines={"gpu": gpu, "small": small})

    found = compared(prices).cost

    assert (row_of(found, "net")["priced_machine"], row_of(found, "prior")["priced_machine"]) == ("gpu", "small")


@pytest.mark.parametrize(
    ("numbers", "box", "problem"),
    [
        (
            {},
            {"cpus": 1, "memory_gb": 0.1},
            "has 1 of the 2 processors that were used; has 0.1 GB, and 2.5 GB are needed",
        ),
        ({"machine": SERVER, "device": "cuda:0"}, {}, "has no GPU, and NVIDIA A10G was used"),
    ],
)
def test_a_machine_that_the_list_names_must_have_what_was_used(measured, compared, numbers, box, problem):
    """Its cost would be too low: a throughput of two processors at the price of one."""
    measured("a", {"rates": {1: 90.0, 64: 244.0}, **numbers})
    machines = {"box": Machine(**{"cpus": 2, "memory_gb": 8, "per_hour": 0.1, **box})}

    with pytest.raises(PriceError, match=problem) as refused:
        compared(dataclasses.replace(PRICES, machine="box", machines=machines))

    assert "add to the price list, under machines" in refused.value.fix
    assert "+prices" not in refused.value.fix


def test_one_gpu_is_needed_of_a_machine_with_several(measured, compared, monkeypatch):
    two = ("Two GPUs", "c" * 12)
    cards = ["NVIDIA L4 (24 GB)", "NVIDIA A10G (24 GB)"]
    monkeypatch.setitem(HARDWARE, two, {"cpu": "Intel Xeon", "cores": 16, "memory": "64 GB", "gpus": cards})
    measured("a", {"machine": two, "device": "cuda:1"})
    single = Machine(cpus=4, memory_gb=16, gpu="A10G", per_hour=1.6)

    row = row_of(compared(dataclasses.replace(PRICES, machines={"single": single})).cost, "a")

    assert row["priced_machine"] == "single"
    assert "2 processors, 2.5 GB and NVIDIA A10G: single" in row["assumption"]


def test_a_gpu_is_priced_with_a_gpu(measured, compared):
    measured("a", {"machine": SERVER, "device": "cuda:0", "gpu": 900.0})
    large, gpu = Machine(cpus=16, memory_gb=64, per_hour=0.8), Machine(cpus=16, memory_gb=64, gpu="A10G", per_hour=1.6)
    prices = dataclasses.replace(PRICES, machines={"large": large, "gpu": gpu})

    assert row_of(compared(prices).cost, "a")["priced_machine"] == "gpu"


def test_an_unlisted_machine_is_an_error_for_a_list_that_the_user_named(measured, compared):
    measured("a", {"machine": SERVER, "threads": 16})

    with pytest.raises(PriceError, match="has no machine with 16 processors, 2 GB and no GPU"):
        compared()


def test_an_unlisted_machine_leaves_the_default_cost_absent_with_the_reason(measured, store):
    measured("a", {"threads": 1000})

    found = compare("study", tracking_uri=store.uri)

    row = row_of(found.cost, "a")
    assert pd.isna(row["cost_per_1k_images_usd"])
    assert row["note"].startswith("no cost: The price list")
    assert pd.isna(row_of(found.leaderboard, "a")["cost_per_1k_images_usd"])


def test_lost_hardware_is_an_error_unless_the_list_names_the_machine(measured, compared):
    measured("a", {"document": False, "device": "cuda:0"})

    with pytest.raises(PriceError, match="hardware of the measurement is not in the store"):
        compared()
    row = row_of(compared(dataclasses.replace(PRICES, machine="office")).cost, "a")
    assert row["priced_machine"] == "office"
    assert "whether it has what was used is not known: office" in row["assumption"]


def test_an_api_of_the_list_has_a_row_in_usd(measured, compared):
    measured("a")
    prices = dataclasses.replace(PRICES, currency="EUR", usd_per_unit=1.1, api={"gemini": ApiPrice(per_1k_images=2.0)})

    row = row_of(compared(prices).cost, "gemini")

    assert (row["kind"], row["cost_per_1k_images_usd"]) == ("API", pytest.approx(2.2))


def test_an_api_on_the_leaderboard_has_its_price_there(logged, compared):
    logged("gemini")
    prices = dataclasses.replace(PRICES, api={"gemini": ApiPrice(per_1k_images=2.0)})

    found = compared(prices)

    assert row_of(found.leaderboard, "gemini")["cost_per_1k_images_usd"] == 2.0
    assert len(found.cost) == 1


def test_a_measured_model_with_an_api_price_keeps_its_local_cost(measured, compared):
    """Its latency is local, and so is the cost beside it on the leaderboard and in the Pareto table."""
    measured("gemini", {"rates": {1: 100.0}})

    found = compared(dataclasses.replace(PRICES, api={"gemini": ApiPrice(per_1k_images=2.0)}))

    assert found.cost["kind"].tolist() == ["local", "API"]
    assert found.cost["cost_per_1k_images_usd"].tolist() == pytest.approx([0.002, 2.0])
    for table in (found.leaderboard, found.pareto):
        assert row_of(table, "gemini")["cost_per_1k_images_usd"] == pytest.approx(0.002)
    (advice,) = found.recommendations.query("kind == 'API or machine'").to_dict("records")
    assert advice["recommendation"].startswith("gemini (API) costs less than gemini below 131,400 images a month")
    (dataset,) = arrange_report(found).datasets
    (shown,) = [section for section in dataset.sections if section.name == "cost"]
    assert [row[0] for row in shown.rows] == ["gemini", "gemini (API)"]
    (speed,) = [section for section in dataset.sections if section.name == "speed"]
    assert speed.rows[0][-2] == "0.00200"
    assert any(note.startswith("gemini (API): a price for") for note in shown.footnotes)


def test_nothing_measured_has_no_cost_and_names_no_prices(logged, compared):
    logged("a")

    found = compared()

    assert found.cost.empty
    assert found.about["prices"] is None


def test_latency_and_cost_are_numbers_also_where_nothing_is_measured(logged, compared):
    logged("a")

    board = compared().leaderboard

    assert pd.isna(board["latency_p50_ms"].mean())
    assert pd.isna(board["cost_per_1k_images_usd"].mean())


def test_words_of_an_earlier_version_become_no_number(logged, compared):
    logged("a")
    stored = json.loads(compared().to_json())
    for row in stored["leaderboard"]:
        row |= {"latency_p50_ms": "not measured", "cost_per_1k_images_usd": "not measured"}
        del row["latency_grade"]
    for table in ("measurements", "throughput", "latency_pairs", "cost", "pareto", "recommendations"):
        del stored[table]
    for key in ("measurements", "prices", "margin"):
        del stored["about"][key]

    again = Comparison.from_json(json.dumps(stored))

    assert pd.isna(again.leaderboard["latency_p50_ms"].mean())
    assert again.cost.empty
    assert list(again.cost.columns)[:2] == ["dataset", "model"]


def test_a_measured_comparison_is_read_back_as_it_was(measured, logged, compared):
    measured("a", {"memory_ended_at": 128})
    logged("b")
    found = compared()

    again = Comparison.from_json(found.to_json())

    assert again.to_json() == found.to_json()
    assert again.pareto["on_front"].dtype == "boolean"


def test_about_names_machine_device_and_prices(measured, compared):
    measured("a")

    about = compared(margin=0.05).about

    (facts,) = about["measurements"]
    assert (facts["machine"], facts["device"], facts["measured"]) == ("AMD Ryzen 7, 2 cores, 24 GB, no GPU", "cpu", 1)
    assert about["prices"]["currency"] == "USD"
    assert about["prices"]["source"] == "an invoice"
    assert about["margin"] == 0.05


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_refused(compared, margin):
    with pytest.raises(ConfigError, match="margin"):
        compared(margin=margin)


def test_an_unknown_price_list_is_refused(compared):
    with pytest.raises(ConfigError):
        compared("no-such-list")
