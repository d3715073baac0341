"""Models behind APIs in a comparison: how answers ended, how long they took, and what is said of them."""

import dataclasses
import json
from datetime import date

import pandas as pd
import pytest
from api_runs import MODEL_ID, TERMS, USD_PER_CASE, Answered, HostedModel, api_tags, write_evaluation

from arogya_bench import Comparison, compare
from arogya_bench.comparison.api_table import API_COLUMNS
from arogya_bench.comparison.costs import PriceChoice
from arogya_bench.comparison.pareto import NOT_RANKED
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList, TokenPrice
from arogya_bench.statistics import wilson
from arogya_bench.statistics.percentiles import percentile
from arogya_bench.tracking.runs import get_run

GEMINI, BLANK, SHUFFLED = "gemini", "gemini+blank", "gemini+shuffled_labels"
TOKENS = {MODEL_ID: [TokenPrice(input_per_million=0.3, output_per_million=2.5, source="a page")]}
PRICES = PriceList(
    name="mine",
    source="an invoice",
    valid_from="2026-09-01",
    machines={"office": Machine(cpus=4, memory_gb=32, per_hour=0.36)},
    tokens=TOKENS,
)
COST = "cost_per_1k_images_usd"


def row_of(table, model):
    (row,) = table[table["model"] == model].to_dict("records")
    return row


def compared(study, prices=PRICES):
    return compare("study", tracking_uri=study.store.uri, prices=prices)


def test_every_model_behind_an_api_has_one_row_and_local_ones_have_none(typical):
    assert typical.api["model"].tolist() == [GEMINI, "medgemma", BLANK, SHUFFLED]
    assert list(typical.api.columns) == list(API_COLUMNS)


def test_failed_answers_stay_in_the_denominator(typical):
    """20 blocked and 5 truncated of 100: coverage 0.75, and accuracy over all 100."""
    row = row_of(typical.api, GEMINI)

    assert (row["cases"], row["coverage"], row["blocked_rate"], row["truncated_rate"]) == (100, 0.75, 0.2, 0.05)
    assert row["accuracy"] == pytest.approx(0.75 * row["accuracy_answered"])
    assert row_of(typical.leaderboard, GEMINI)["accuracy"] == pytest.approx(row["accuracy"])


def test_a_model_that_answered_in_place_of_another_is_named(api_study):
    study = api_study()
    study.hosted(tags={"version": "gemini-9-other"})

    (note, *_) = [line for line in compared(study).verdict["notes"][0].splitlines() if "model version" in line]

    assert f"model version gemini-9-other answered in place of {MODEL_ID}, asked" in note


def test_failures_of_the_service_can_be_asked_about_again(api_study):
    study = api_study()
    study.hosted(answered=Answered(failures=(("failed", 3),)))
    study.hosted("other", answered=Answered(failures=(("blocked", 3),)))

    leaderboard = compared(study).leaderboard

    assert "sweep.resume=false asks about those again" in row_of(leaderboard, GEMINI)["note"]
    assert "sweep.resume" not in row_of(leaderboard, "other")["note"]


def test_every_rate_has_wilsons_interval(typical):
    row = row_of(typical.api, GEMINI)

    for name, count in (("coverage", 75), ("blocked_rate", 20), ("truncated_rate", 5), ("refused_rate", 0)):
        low, high = wilson(count, 100).ci
        assert row[f"{name}.ci_low"] == pytest.approx(low, abs=1e-9)
        assert row[f"{name}.ci_high"] == pytest.approx(high, abs=1e-9)


def test_rates_of_patients_with_several_images_have_wider_intervals(api_study):
    study = api_study(patients=60, visits=4)
    study.hosted(answered=Answered(failures=(("blocked", 36),)))

    row = row_of(compared(study).api, "gemini")

    low, high = wilson(36, row["cases"]).ci
    assert row["groups"] < row["cases"]
    assert row["blocked_rate.ci_low"] < low
    assert row["blocked_rate.ci_high"] > high


def test_the_note_of_the_leaderboard_names_every_rate_above_0(typical):
    note = row_of(typical.leaderboard, GEMINI)["note"]

    assert "blocked 20.0 % [13.3, 28.9], truncated 5.0 % [2.2, 11.2]" in note
    assert "on 75 answered cases" in note
    assert "refused" not in note
    assert "no answer" not in row_of(typical.leaderboard, "medgemma")["note"]


def test_one_answered_case_is_no_plural(api_study):
    study = api_study()
    study.hosted(answered=Answered(failures=(("blocked", 99),)))
    study.local("cnn")

    assert "on 1 answered case;" in row_of(compared(study).leaderboard, "gemini")["note"]


def test_the_facts_are_those_of_the_runs(typical):
    row = row_of(typical.api, GEMINI)

    assert (row["api"], row["tier"], row["model_version"]) == ("gemini", "paid", MODEL_ID)
    assert (row["first_asked"][:10], row["last_asked"][:10]) == ("2026-11-26", "2026-11-28")
    assert row["terms"] == TERMS
    assert row_of(typical.api, "medgemma")["terms"] == ""


def test_latencies_have_the_bounds_of_order_statistics(typical):
    row = row_of(typical.api, GEMINI)
    expected = percentile(Answered().columns(100)["answer_latency_ms"], 50)

    name = "api_latency_p50_ms"
    assert row["answers_timed"] == 100
    assert (row[name], row[f"{name}.ci_low"], row[f"{name}.ci_high"]) == (expected.value, expected.low, expected.high)
    assert pd.isna(row["api_latency_p95_ms"])  # needs 130 answers


def test_the_time_of_an_answer_is_the_sum_of_its_spans(typical):
    """8 of 100 were asked again after 2 s; every third waits 0, 250 and 500 ms."""
    row = row_of(typical.api, GEMINI)

    assert row["retry_mean_ms"] == pytest.approx(160.0)
    assert row["wait_mean_ms"] == pytest.approx(247.5)
    assert row["wait_p50_ms"] == 250.0
    assert row["retried_share"] == 0.08
    assert row["attempts_per_case"] == pytest.approx(1.08)


def test_reused_answers_have_no_latency_and_the_note_says_why(typical):
    row = row_of(typical.api, SHUFFLED)

    assert row["answers_timed"] == 0
    assert pd.isna(row["api_latency_p50_ms"])
    assert "every answer was reused" in row["note"]


def test_seeds_that_reuse_the_answers_add_neither_cases_nor_times_nor_cost(api_study):
    """A zero-shot model has the same answers for every seed; only the first run has asked for them."""
    study = api_study()
    study.hosted(seed=2)
    study.hosted(answered=Answered(reused=True), seed=1)

    found = compared(study)
    row = row_of(found.api, "gemini")

    assert (row["cases"], row["groups"], row["answers_timed"]) == (100, 100, 100)
    assert row["coverage.ci_low"] == pytest.approx(wilson(100, 100).low)
    assert row[COST] == pytest.approx(1000 * USD_PER_CASE)


def test_probabilities_that_tie_are_counted(api_study):
    study = api_study()
    coarse = dataclasses.replace(study, guessed=lambda cases, **_: rounded(study.guessed(cases, skill=1.0)))
    coarse.hosted()

    row = row_of(compared(study).api, "gemini")

    assert row["distinct_probabilities"] == 2
    assert row["ties"] == 100


def rounded(predictions):
    """One half for the two most probable classes."""
    order = predictions.probabilities.argsort(axis=1).argsort(axis=1)
    return dataclasses.replace(predictions, probabilities=(order > 0) / 2.0)


def test_the_verdict_names_dates_version_and_coverage_of_every_api_row(typical):
    notes = typical.verdict["notes"].iloc[0].splitlines()

    (gemini,) = [note for note in notes if note.startswith(f"{GEMINI} is a model behind an API")]
    assert f"model version {MODEL_ID}, asked from 2026-11-26 to 2026-11-28 (UTC), paid tier" in gemini
    assert "75.0 % [65.7, 82.5] of 100 cases answered; the others count as wrong." in gemini
    (own,) = [note for note in notes if note.startswith("medgemma is a model behind an API")]
    assert "tier" not in own
    assert any("may change a model behind its name" in note for note in notes)


def test_controls_are_shown_and_never_recommended(typical):
    verdict = typical.verdict.iloc[0]

    assert typical.leaderboard["model"].isin([BLANK, SHUFFLED]).sum() == 2
    assert not {BLANK, SHUFFLED} & set(verdict["models"].split(", "))
    assert f"{BLANK} cannot be recommended: it is a control, which sees a grey image" in verdict["notes"]
    assert not {BLANK, SHUFFLED} & set(typical.recommendations["model"])


def test_the_note_says_what_controls_show(typical):
    notes = typical.verdict["notes"].iloc[0]

    assert f"{BLANK} shows what the prompt alone yields: f1_macro 0." in notes
    assert f"{GEMINI} is shown to be better: its answers come from the images too." in notes
    assert f"{SHUFFLED} shows what the frequencies of the answers alone yield" in notes


def test_a_model_no_better_than_its_control_is_not_said_to_read_images(api_study):
    study = api_study()
    study.hosted(skill=0.0)
    study.hosted(control="blank", skill=0.0, draw=1)

    notes = compared(study).verdict["notes"].iloc[0]

    assert f"{GEMINI} is not shown to be better: nothing shows that it reads the images." in notes


def test_a_control_is_compared_with_the_model_of_its_id_alone(api_study):
    study = api_study()
    for draw, name in enumerate(("g-1", "g-2")):
        study.hosted(id=name, skill=4.0, draw=draw)
        study.hosted(id=name, control="blank", skill=0.0, draw=3 + draw)

    notes = compared(study).verdict["notes"].iloc[0].splitlines()

    (first,) = [note for note in notes if note.startswith("gemini+blank (id=g-1) shows what the prompt alone yields")]
    assert "gemini (id=g-1) is shown to be better" in first
    assert "g-2" not in first


def test_a_control_of_other_settings_is_compared_with_every_model_of_its_id(api_study):
    """Blank images need not be sent with each setting of the model."""
    study = api_study()
    study.hosted(skill=4.0, batch=True)
    study.hosted(id="g-2", skill=4.0, draw=1)
    study.hosted(control="blank", skill=0.0, draw=3)

    notes = compared(study).verdict["notes"].iloc[0].splitlines()

    (control,) = [note for note in notes if note.startswith("gemini+blank shows")]
    assert f"gemini (batch=True, id={MODEL_ID}) is shown to be better" in control
    assert "g-2" not in control


def test_a_control_that_is_best_leads_no_verdict(api_study):
    """A prompt that names the classes may do well; it is no model to deploy."""
    study = api_study()
    study.hosted(control="blank", skill=4.0)
    study.hosted(skill=1.0, draw=1)
    study.local("cnn", skill=2.0, draw=2)

    found = compared(study)

    assert found.leaderboard["model"].iloc[0] == BLANK
    assert found.verdict["models"].iloc[0] == "cnn"


def test_the_terms_and_the_unknown_training_data_are_caveats(typical):
    caveats = typical.about["datasets"][0]["caveats"]

    assert f"Research comparison (gemini): {TERMS}." in caveats
    assert any(caveat.startswith("Nobody outside the provider knows whether gemini was trained") for caveat in caveats)


def test_few_answers_have_no_times(api_study):
    """All blank images are one request: one answer has a time, and the others are that answer again."""
    study = api_study()
    study.hosted(answered=Answered(reused=True, fresh=1))

    row = row_of(compared(study).api, "gemini")

    assert row["answers_timed"] == 1
    assert pd.isna(row["latency_mean_ms"])
    assert row["note"] == "no latency: 1 answer was requested in these runs, and the median needs 11"


def test_a_server_of_ones_own_has_no_caveat_of_a_provider(api_study):
    study = api_study()
    study.hosted("medgemma", tags={"tier": "own", "terms": ""})

    found = compared(study)

    assert not any("provider" in caveat for caveat in found.about["datasets"][0]["caveats"])
    assert "provider" not in found.verdict["notes"].iloc[0]


def test_the_cost_is_that_of_the_tokens_by_hand(api_study):
    """10 of 100 asked twice: 1.1 · (1,520 · 0.30 + 150 · 2.50) / 1e6 USD an image."""
    study = api_study()
    study.hosted(answered=Answered(retried=10, usd=None))

    found = compared(study)

    row = row_of(found.cost, "gemini")
    assert row["kind"] == "API"
    assert row[COST] == pytest.approx(1.1 * 0.831, rel=1e-9)
    assert row[f"{COST}.ci_low"] < row[COST] < row[f"{COST}.ci_high"]
    assert "1,672 input and 165 output tokens an image, failed attempts and repeats included" in row["assumption"]
    assert "0.3 USD a million of input" in row["assumption"]
    assert "(a page, from 2026-09-01)" in row["assumption"]
    for table in (found.leaderboard, found.api):
        assert row_of(table, "gemini")[COST] == row[COST]


def test_the_logged_cost_and_that_of_the_same_prices_agree(api_study):
    study = api_study()
    study.hosted(answered=Answered(retried=3, failures=(("blocked", 7),)))

    by_tokens, logged = (compared(study, prices) for prices in (PRICES, without_tokens()))

    assert row_of(by_tokens.cost, "gemini")[COST] == pytest.approx(row_of(logged.cost, "gemini")[COST], rel=1e-9)
    assert by_tokens.about["key"] != logged.about["key"]


def without_tokens(**changes):
    return dataclasses.replace(PRICES, tokens={}, **changes)


def test_a_list_without_the_model_leaves_the_logged_cost_and_says_so(api_study):
    study = api_study()
    study.hosted()

    row = row_of(compared(study, without_tokens()).cost, "gemini")

    assert row[COST] == pytest.approx(1000 * USD_PER_CASE)
    assert "as its runs logged it" in row["assumption"]
    assert f"has no price of '{MODEL_ID}'" in row["note"]


def test_a_price_that_was_entered_by_hand_comes_before_the_logged_cost(api_study):
    study = api_study()
    study.hosted()

    found = compared(study, without_tokens(api={"gemini": ApiPrice(per_1k_images=2.0)})).cost

    assert found[COST].tolist() == [2.0]
    assert "entered by hand" in found["assumption"].iloc[0]


def test_batch_mode_takes_half_of_the_price(api_study):
    study = api_study()
    study.hosted(batch=True)

    row = row_of(compared(study).cost, "gemini")

    assert row[COST] == pytest.approx(0.831 / 2)
    assert "in batch mode" in row["assumption"]


def test_the_price_is_that_of_the_day_of_the_request(api_study):
    study = api_study()
    study.hosted(tags={"first": "2026-11-30"})
    study.hosted("later", tags={"first": "2026-12-01"})

    found = compared(study, doubled_in_december())

    assert row_of(found.cost, "later")[COST] == pytest.approx(2 * row_of(found.cost, "gemini")[COST])


def test_answers_before_and_after_a_change_of_the_price_keep_the_logged_cost(api_study):
    study = api_study()
    study.hosted(answered=Answered(usd=0.001), tags={"first": "2026-11-30", "last": "2026-12-01"})

    row = row_of(compared(study, doubled_in_december()).cost, "gemini")

    assert row[COST] == pytest.approx(1.0)
    assert "changed between 2026-11-30 and 2026-12-01" in row["note"]


def doubled_in_december():
    before = TokenPrice(input_per_million=0.3, output_per_million=2.5, valid_to="2026-11-30")
    after = TokenPrice(input_per_million=0.6, output_per_million=5.0, valid_from="2026-12-01")
    return dataclasses.replace(PRICES, tokens={MODEL_ID: [before, after]})


def test_the_version_that_answered_is_priced_and_not_the_one_that_was_asked_for(api_study):
    study = api_study()
    study.hosted(answered=Answered(version="gemini-4-argon"), tags={"version": "gemini-4-argon"})
    dear = TokenPrice(input_per_million=3.0, output_per_million=25.0)

    found = compared(study, dataclasses.replace(PRICES, tokens={**TOKENS, "gemini-4-argon": [dear]}))

    assert row_of(found.cost, "gemini")[COST] == pytest.approx(8.31)


def test_cases_without_a_version_are_priced_as_the_others(api_study):
    """A request that timed out has no version, and the list knows only the one that answered."""
    study = api_study()
    dear = TokenPrice(input_per_million=3.0, output_per_million=25.0)
    silent = Answered(version=None, failures=(("timed_out", 10),))
    study.hosted(answered=silent, tags={"version": "gemini-4-argon"})

    found = compared(study, dataclasses.replace(PRICES, tokens={"gemini-4-argon": [dear]}))

    assert row_of(found.cost, "gemini")[COST] == pytest.approx(8.31)


def test_the_free_tier_has_the_cost_of_the_paid_one_and_says_so(api_study):
    study = api_study()
    study.hosted(tags={"tier": "free"})

    row = row_of(compared(study).cost, "gemini")

    assert row[COST] == pytest.approx(0.831)
    assert "the free tier bills nothing" in row["assumption"]


def test_an_api_that_answers_nothing_is_shown_with_its_rates(api_study):
    study = api_study()
    study.hosted(answered=Answered(failures=(("blocked", 100),)))
    study.local("cnn")

    found = compared(study)

    row = row_of(found.api, "gemini")
    assert (row["coverage"], row["blocked_rate"], row["accuracy"]) == (0.0, 1.0, 0.0)
    assert pd.isna(row["accuracy_answered"])
    assert "gemini cannot be recommended: it gave no answer." in found.verdict["notes"].iloc[0]


def test_what_failed_attempts_may_have_cost_besides_is_said(typical):
    assert row_of(typical.api, GEMINI)["possible_usd"] == 0.01
    assert "may have been billed up to 0.010 USD besides" in row_of(typical.cost, GEMINI)["assumption"]


def test_a_server_of_ones_own_has_no_cost_and_a_note(typical):
    row = row_of(typical.cost, "medgemma")

    assert pd.isna(row[COST])
    assert "its machine is what it costs" in row["note"]
    assert not {BLANK, SHUFFLED} & set(typical.cost["model"])


def test_an_api_is_on_no_front_of_latency_and_may_be_on_that_of_cost(api_study, measured):
    study = api_study(patients=60)
    measured("cnn", {"p50": 10.0}, skill=2.0)
    study.hosted(skill=5.0, draw=1)

    found = compared(study)

    row = row_of(found.pareto, "gemini")
    assert (row["kind"], row["note"]) == ("API", NOT_RANKED)
    assert pd.isna(row["on_front"])
    assert row["on_cost_front"]
    assert pd.isna(row_of(found.leaderboard, "gemini")["latency_p50_ms"])
    assert found.measurements["model"].tolist() == ["cnn"]


def test_an_api_that_was_measured_all_the_same_stands_beside_no_local_latency(api_study, measured):
    from measurement_runs import write_measurement

    study = api_study(patients=60)
    measured("cnn", {"p50": 10.0})
    run_id = study.hosted()
    write_measurement(study.store, get_run(study.store.uri, run_id).tags, p50=800.0)

    found = compared(study)

    assert found.measurements["model"].tolist() == ["cnn"]
    assert pd.isna(row_of(found.leaderboard, "gemini")["latency_p50_ms"])


def test_a_recommendation_that_names_an_api_names_the_limits_of_its_use(api_study, measured):
    study = api_study(patients=60)
    measured("cnn", {"p50": 10.0}, skill=2.0)
    study.hosted(skill=2.0, draw=1)

    rows = compared(study).recommendations

    (advice,) = rows[rows["kind"] == "API or machine"].to_dict("records")
    assert advice["recommendation"].endswith(f"Research comparison: {TERMS}.")


def test_a_comparison_with_apis_is_read_back_as_it_was(typical, tmp_path):
    again = Comparison.from_json(typical.to_json())
    typical.to_csv(tmp_path)

    assert again.to_json() == typical.to_json()
    assert pd.read_csv(tmp_path / "api.csv")["model"].tolist() == typical.api["model"].tolist()


def test_a_comparison_of_an_earlier_version_has_an_empty_table(typical):
    stored = json.loads(typical.to_json())
    del stored["api"]
    for row in (*stored["leaderboard"], *stored["pareto"]):
        row.pop("kind")

    again = Comparison.from_json(json.dumps(stored))

    assert again.api.empty
    assert list(again.api.columns) == list(API_COLUMNS)


def test_a_store_without_the_columns_of_answers_still_has_its_coverage(api_study):
    study = api_study()
    write_evaluation(study.store, study.job("gemini", HostedModel()), study.made_up(1.0, 0), tags=api_tags())

    row = row_of(compared(study).api, "gemini")

    assert (row["coverage"], row["answers_timed"]) == (1.0, 0)
    assert pd.isna(row["blocked_rate"])
    assert pd.isna(row["input_tokens_per_case"])
    assert "do not say how answers failed" in row["note"]


def test_the_key_does_not_depend_on_the_day_of_the_comparison(api_study):
    study = api_study()
    study.hosted()

    def on(day):
        choice = PriceChoice(prices=PRICES, named=True, today=day)
        return Comparison.from_store(study.store, metric="f1_macro", prices=choice)

    assert on(date(2026, 12, 1)).about["key"] == on(date(2027, 12, 1)).about["key"]
