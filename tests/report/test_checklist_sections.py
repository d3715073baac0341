"""Reporting checklists: what the runs know is filled in, what they do not know is marked for a person."""

import re
from dataclasses import replace

import pytest

from arogya_bench.report.checklist_facts import FACTS
from arogya_bench.report.checklist_sections import CHECKLISTS, FILLED, OPEN, PARTLY, load_checklist
from arogya_bench.report.content import arrange_report, build_report
from arogya_bench.report.words import load_words

# As published: CLAIM 2024 has items 1 to 44; TRIPOD+AI 27 in 52 parts; STARD-AI 40 in 48 parts.
SIZES = {"claim": (44, 44), "tripod_ai": (27, 52), "stard_ai": (40, 48)}


@pytest.fixture(scope="module")
def chapter(comparison):
    (chapter,) = arrange_report(comparison).appendix
    return chapter


def with_reader(comparison, reader):
    """The comparison of a dataset whose images were read here, or of imported predictions alone."""
    datasets = [{**facts, "card": {**facts["card"], "reader": reader}} for facts in comparison.about["datasets"]]
    return replace(comparison, about={**comparison.about, "datasets": datasets})


def items_of(chapter, name):
    section = next(section for section in chapter.sections if section.name == name)
    return {entry.item.number: entry for entry in section.records}


@pytest.mark.parametrize("name", CHECKLISTS)
def test_has_every_item_of_the_publication_once(name):
    numbers = [item.number for item in load_checklist(name).items]
    main = [int(re.match(r"\d+", number)[0]) for number in numbers]

    assert (max(main), len(numbers)) == SIZES[name]
    assert sorted(set(main)) == list(range(1, max(main) + 1))
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", CHECKLISTS)
def test_names_its_publication_and_what_it_was_compared_with(name):
    checklist = load_checklist(name)

    assert checklist.doi.startswith("10.")
    assert checklist.checked
    assert all(fact in FACTS for item in checklist.items for fact in item.facts)


def test_every_fact_is_used():
    used = {fact for name in CHECKLISTS for item in load_checklist(name).items for fact in item.facts}

    assert used == set(FACTS)


def test_an_item_that_the_runs_answer_asks_nobody(chapter):
    answered = items_of(chapter, "claim")["29"]

    assert answered.status == FILLED
    assert "10,000 resamples of patients" in answered.answer
    assert "by a person" not in answered.answer


def test_what_the_runs_cannot_know_is_marked_for_a_person(chapter):
    funding = items_of(chapter, "claim")["44"]

    assert (funding.status, funding.links) == (OPEN, ())
    assert funding.answer == "To be filled in by a person: sources, and the role of the funders."


def test_an_item_is_answered_only_if_all_its_facts_are_known(chapter):
    """The study has no metadata by which patients could be divided."""
    performance = items_of(chapter, "claim")["37"]

    assert performance.status == PARTLY
    assert performance.answer.startswith("opencv and prior are first with")
    assert performance.answer.endswith("the performance in subgroups of patients.")


def test_the_counts_stand_at_the_head(chapter):
    for group in chapter.groups:
        (section,) = group.sections
        statuses = [entry.status for entry in section.records]
        counts = [len(statuses), *(statuses.count(status) for status in (FILLED, PARTLY, OPEN))]

        assert [int(number) for number in re.findall(r"\d+", group.sentences[0])] == counts


def test_links_lead_to_places_of_the_report(comparison, chapter):
    (dataset,) = arrange_report(comparison).datasets
    places = {part.name for part in (*dataset.chapters, *dataset.sections)}

    anchors = {link.anchor for section in chapter.sections for entry in section.records for link in entry.links}

    assert {"leaderboard", "pairwise", "per-class", "robustness"} <= anchors <= places


def test_what_differs_between_datasets_is_told_of_each(twofold):
    (chapter,) = arrange_report(with_reader(twofold, "Synthetic")).appendix

    disjoint = items_of(chapter, "claim")["20"].answer

    assert "clinic: The dataset names no patients" in disjoint


@pytest.mark.parametrize(("reader", "blinded"), [("Synthetic", FILLED), (None, OPEN)])
def test_of_imported_predictions_nothing_is_told_of_their_models(comparison, reader, blinded):
    (chapter,) = arrange_report(with_reader(comparison, reader)).appendix

    items = items_of(chapter, "stard-ai")

    assert items["17a"].status == blinded
    assert ("Split" in items["15b"].answer) == (reader is not None)


@pytest.mark.parametrize(
    ("column", "value"),
    [("imported_from", "predictions.csv"), ("adapter", "pyfunc"), ("settings", '{"trained": "none"}'), ("kind", "api")],
)
def test_with_one_row_from_elsewhere_nothing_is_told_of_the_training_of_all(comparison, column, value):
    own = with_reader(comparison, "Synthetic")
    brought = own.models.astype(object)
    brought.loc[0, column] = value

    trained, mixed = (
        items_of(arrange_report(tables).appendix[0], "claim") for tables in (own, replace(own, models=brought))
    )

    assert [trained[number].status for number in ("25", "32")] == [FILLED, FILLED]
    assert [mixed[number].status for number in ("25", "26", "32")] == [OPEN, OPEN, OPEN]


def test_only_networks_keep_an_epoch(comparison):
    own = with_reader(comparison, "Synthetic")
    network = own.models.assign(best_epochs=[[4], []])

    without, with_one = (
        items_of(arrange_report(tables).appendix[0], "claim")["26"] for tables in (own, replace(own, models=network))
    )

    assert without.status == OPEN
    assert "keep the epoch" in with_one.answer


def test_without_a_result_there_is_nothing_to_fill_in(comparison):
    failed = {"dataset": "synthetic-60x3", "split": "s", "reason": "No evaluation finished."}
    empty = {name: getattr(comparison, name).head(0) for name in ("verdict", "leaderboard")}
    about = {**comparison.about, "datasets": [], "datasets_without_result": [failed]}

    assert arrange_report(replace(comparison, about=about, **empty)).appendix == ()


def test_what_has_no_value_was_not_examined(comparison):
    """The table has rows without a value, which say why."""
    rows = comparison.rank_stability
    rows = rows.assign(tau=[0.9 if source == "resamples of the test cases" else None for source in rows["source"]])
    assert "methods of ranking" in set(rows["source"])

    items = items_of(arrange_report(replace(comparison, rank_stability=rows)).appendix[0], "stard-ai")

    assert "was examined over resamples of the test cases" in items["21"].answer
    assert "methods of ranking" not in items["21"].answer


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("roc", "auroc", "ROC curves"),
        ("per_class", "specificity", "Sensitivity and specificity of each class"),
        ("operating_points", "threshold", "Thresholds for sensitivity"),
    ],
)
def test_a_table_without_a_value_is_not_told(comparison, table, column, words):
    rows = getattr(comparison, table)
    empty = replace(comparison, **{table: rows.assign(**{column: float("nan")})})

    before, after = (items_of(arrange_report(tables).appendix[0], "claim")["38"] for tables in (comparison, empty))

    assert words in before.answer
    assert words not in after.answer


@pytest.mark.parametrize(("language", "marker"), [("en", ""), ("de", "[en] ")])
def test_metrics_have_the_names_of_the_field(comparison, language, marker):
    (chapter,) = build_report(comparison, load_words(language)).appendix
    section = next(section for section in chapter.sections if section.name == "claim")

    answers = [section.columns[3].cell(record).text for record in section.records]

    assert f"{marker}The primary metric is macro F1" in answers[27]
    assert not any("f1_macro" in answer for answer in answers)


@pytest.mark.parametrize(
    ("scores", "words"), [((0.5, 0.5), "opencv and prior are first"), ((0.5, 0.4), "opencv is first")]
)
def test_models_with_the_same_score_are_first_together(comparison, scores, words):
    board = comparison.leaderboard.assign(f1_macro=scores)

    answer = items_of(arrange_report(replace(comparison, leaderboard=board)).appendix[0], "claim")["37"].answer

    assert answer.startswith(f"{words} with")


def test_the_software_of_imported_predictions_is_not_known(comparison):
    (chapter,) = arrange_report(with_reader(comparison, None)).appendix

    assert items_of(chapter, "claim")["23"].status == OPEN


def test_german_has_words_for_statuses_and_places(comparison):
    (chapter,) = build_report(comparison, load_words("de")).appendix
    section = next(section for section in chapter.sections if section.name == "claim")

    status, where = (section.columns[place].cell(section.records[28]) for place in (2, 4))

    assert status.text == "aus den Läufen"
    assert [link.text for link in where.links] == ["Paarweiser Vergleich an denselben Fällen"]
