"""The words of reports: languages, files with words of one's own, and what a report becomes in them."""

import re

import pytest
import yaml

from arogya_bench.errors import ConfigError
from arogya_bench.report.checklist_sections import CHECKLISTS, FILLED, OPEN, PARTLY, load_checklist
from arogya_bench.report.columns import Column, Link
from arogya_bench.report.content import arrange_report, build_report
from arogya_bench.report.section import Section
from arogya_bench.report.structure import Chapter, Report, SectionGroup
from arogya_bench.report.text_words import INTERVAL, SENTENCE_END, TextWords
from arogya_bench.report.translation import translate_report
from arogya_bench.report.words import ENGLISH, GROUPS, TERM_FIELDS, Words, languages, load_words
from arogya_bench.scoring.tasks import TASKS

GERMAN = load_words("de")


def untranslated(report, words):
    """For each group, the English texts of a report that a language has no words for; values and notes excepted."""
    sections = [*report.sections, *(section for dataset in report.datasets for section in dataset.sections)]
    texts = TextWords(words=words)
    titles = [report.title, *(chapter.title for dataset in report.datasets for chapter in dataset.chapters)]
    titles += [term for term, _ in report.methods] + [section.title for section in sections]
    columns = [column for section in sections for column in (*section.columns, *section.left_out)]
    headers = [
        column.header.removesuffix(INTERVAL)
        for column in columns
        if not column.verbatim and not texts.code_of(column) and not words.find("headers", column.header)
    ]
    sentences = [sentence for section in sections for sentence in SENTENCE_END.split(section.note.strip())]
    return {
        "titles": [text for text in dict.fromkeys(titles) if words.find("titles", text) is None],
        "headers": [text for text in dict.fromkeys(headers) if words.find("headers", text) is None],
        "sentences": [text for text in dict.fromkeys(sentences) if text and words.find("sentences", text) is None],
    }


@pytest.mark.parametrize("language", sorted(set(languages()) - {ENGLISH}))
def test_every_language_has_the_words_of_the_english_one(language):
    own, english = load_words(language), load_words(ENGLISH)

    assert own.language == language
    assert {group: set(own.texts[group]) for group in GROUPS} == {group: set(english.texts[group]) for group in GROUPS}
    for code, term in english.terms.items():
        translated = own.terms[code]
        for name in TERM_FIELDS:
            assert bool(getattr(term, name)) == bool(getattr(translated, name)), f"{code}: {name}"
        if term.explanation:
            assert translated.explanation != term.explanation


@pytest.mark.parametrize("group", GROUPS)
def test_a_translation_fills_in_what_the_english_text_fills_in(group):
    for english, own in GERMAN.texts[group].items():
        places = {pattern.expression.pattern for pattern in GERMAN.patterns[group] if pattern.translation == own}
        assert ("{" in english) == bool(places)
        assert sorted(_places(english)) == sorted(_places(own)), english


def _places(text):
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def test_every_metric_has_a_plain_name_and_an_explanation():
    english = load_words()

    for task in TASKS.values():
        for name in task.metrics:
            assert english.terms[name].explanation
            assert "_" not in english.terms[name].label


@pytest.mark.parametrize("name", ["comparison", "measured", "with_apis", "degraded", "incomplete", "twofold"])
def test_german_has_a_word_for_every_title_header_and_note(name, request):
    report = arrange_report(request.getfixturevalue(name))

    assert untranslated(report, GERMAN) == {"titles": [], "headers": [], "sentences": []}


def test_a_report_in_german(comparison):
    report = build_report(comparison, GERMAN)
    (dataset,) = report.datasets
    board = dataset.sections[0]

    assert report.language == "de"
    assert report.title == "Modellvergleich: study"
    assert dataset.summary.question == "Welches dieser Modelle soll für synthetic-60x3 eingesetzt werden?"
    assert dataset.summary.numbers[0].label == "Ausgleich von Übersehenem und Fehlalarmen (Makro-F1) von opencv"
    assert board.title == "Rangliste auf unveränderten Bildern"
    assert "Modell" in board.headers
    assert "Makro-F1 [95-%-KI]" in board.brief().headers
    assert ("f1_macro", GERMAN.terms["f1_macro"].label, GERMAN.terms["f1_macro"].explanation) in report.glossary


def test_what_stays_english_is_marked_and_said(comparison):
    report = build_report(comparison, GERMAN)

    (warning,) = [text for text in report.datasets[0].warnings if "AB302" in text]
    assert warning.startswith("[en] Warning AB302")
    assert "[en]" in dict(report.methods)["Sprache"]
    assert "[en]" not in report.datasets[0].reason


def test_in_english_nothing_is_marked_and_no_metric_has_its_name_in_mlflow(comparison):
    report = build_report(comparison)
    (dataset,) = report.datasets
    texts = [report.subtitle, dataset.reason, *dataset.notes, *(section.note for section in dataset.sections)]
    headers = [header for section in dataset.sections for header in section.headers]

    assert not any("[en]" in text or "f1_macro" in text for text in (*texts, *headers))
    assert "balance of misses and false alarms (macro F1) [95 % CI]" in headers


def test_numbers_are_the_same_in_every_language(comparison):
    english, german = build_report(comparison), build_report(comparison, GERMAN)

    for own, other in zip(english.datasets[0].sections, german.datasets[0].sections, strict=True):
        assert [[cell.sort for cell in row if isinstance(cell.sort, float)] for row in own.cells] == [
            [cell.sort for cell in row if isinstance(cell.sort, float)] for row in other.cells
        ]


def test_names_of_models_are_no_words(renamed):
    comparison = renamed("opencv", "rank")

    robustness = {section.name: section for section in build_report(comparison, GERMAN).datasets[0].sections}[
        "robustness"
    ]

    assert "rank" in robustness.headers


def test_a_file_changes_some_words_and_leaves_the_others(comparison, tmp_path):
    path = tmp_path / "clinic.yaml"
    path.write_text(
        "headers: {model: system}\nterms: {f1_macro: {name: overall mark}}\nlanguage: en-IN\n", encoding="utf-8"
    )

    report = build_report(comparison, load_words(path))

    board = report.datasets[0].sections[0]
    assert board.headers[1:3] == ["system", "overall mark (macro F1) [95 % CI]"]
    assert board.title == "Leaderboard on clean images"
    assert report.language == "en-IN"


def test_a_file_may_build_on_another_language(tmp_path):
    path = tmp_path / "haus.yaml"
    path.write_text("base: de\nlanguage: de\nheaders: {model: System}\n", encoding="utf-8")

    words = load_words(path)

    assert words.find("headers", "model") == "System"
    assert words.find("headers", "pair") == "Paar"
    assert words.terms["accuracy"].field == "Genauigkeit"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("header: {model: system}", "unknown key 'header'. Did you mean 'headers'"),
        ("headers: {modle: system}", "headers has the unknown key 'modle'. Did you mean 'model'"),
        ("terms: {f1_makro: {name: x}}", "Did you mean 'f1_macro'"),
        ("terms: {f1_macro: {label: x}}", "terms.f1_macro has the unknown key 'label'"),
        ("terms: {f1_macro: {name: [x]}}", "must be a text"),
        ("headers: {model: 3}", "must be a text"),
        ("sentences: {'{metric} of every seed.': '{metrik} je Startwert.'}", "'{metrik}'"),
        ("headers: [model]", "must be a group of keys"),
        ("base: fr", "unknown base 'fr'"),
        ("- a", "no group of keys"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path, text, problem):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_words(path)

    assert problem in str(caught.value)


def test_an_unknown_language_names_those_that_are_there():
    with pytest.raises(ConfigError, match="choose from de, en"):
        load_words("fr")


def test_words_can_be_loaded_again_from_their_source(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("headers: {model: system}", encoding="utf-8")
    words = load_words(path)

    assert isinstance(words, Words)
    assert load_words(words.source).texts == words.texts
    assert load_words(GERMAN.source) is GERMAN


def test_a_comparison_carries_its_wording_into_every_report(comparison):
    german = comparison.with_wording("de")

    assert build_report(german).language == "de"
    assert yaml.safe_load(german.to_json())["about"]["wording"] == "de"
    assert "wording" not in comparison.about


def test_a_column_without_a_value_is_left_out_with_its_reason_in_the_language(comparison):
    (dataset,) = build_report(comparison, GERMAN).datasets

    reason = "Nicht gezeigt: Zeit für ein Bild (Median, ms), Kosten von 1000 Bildern (USD): nicht gemessen."
    assert reason in dataset.sections[0].footnotes


def test_a_place_for_a_metric_takes_one_word():
    assert GERMAN.find("headers", "macro F1 of every kind of model") is None
    assert Column(header="x", format_cell=str).verbatim is False


def test_the_ends_of_a_range_are_numbers_and_no_sentences():
    texts = TextWords(words=GERMAN)
    sentence = "All models see the same images, each resized to the input of the model. Nothing was found to warn of."

    assert texts.value("0.2 to 0.3") == "0.2 bis 0.3"
    assert texts.value("2026-11-02 to 2026-11-30") == "2026-11-02 bis 2026-11-30"
    assert texts.value(sentence) == sentence
    assert texts.prose(sentence) == f"[en] {sentence}"


def test_a_file_for_a_variety_of_english_marks_nothing(comparison):
    words = load_words({"language": "en-IN", "base": "en", "sentences": {"No result.": "Nothing."}})

    (dataset,) = build_report(comparison, words).datasets

    assert words.marker == ""
    assert dataset.summary.answer == build_report(comparison).datasets[0].summary.answer


def test_a_file_in_another_language_marks_what_it_leaves_in_english():
    texts = TextWords(words=load_words({"language": "fr", "sentences": {"No result.": "Aucun r\u00e9sultat."}}))

    assert texts.prose("No result. Every class counts.") == "Aucun r\u00e9sultat. [en] Every class counts."


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("1,024 [190, 1,729] D", "1\u00a0024 [190, 1\u00a0729] D"),
        ("0.545 [0.483, 0.616]", "0.545 [0.483, 0.616]"),
        ("seed=1,200,3", "seed=1,200,3"),
        ("2,000,000", "2\u00a0000\u00a0000"),
    ],
)
def test_no_thousands_separator_reads_as_a_decimal_one(english, german):
    assert TextWords(words=GERMAN).value(english) == german
    assert TextWords(words=load_words()).value(english) == english


def test_german_words_have_one_decimal_separator_and_none_of_thousands():
    texts = [own for group in GROUPS for own in GERMAN.texts[group].values()]
    texts += [getattr(term, name) for term in GERMAN.terms.values() for name in TERM_FIELDS]

    numbers = [text for text in texts if re.search(r"(?<!seed=)\b\d+,\d|\b\d\.000\b", text)]
    assert [text for text in numbers if "seed=1,2,3" not in text] == []


def test_a_link_to_a_place_has_the_title_of_the_place():
    column = Column(header="where", format_cell=str, links_of=lambda _: (Link(text="Data", anchor="data"),))
    section = Section(name="x", title="Data", note="", columns=(column,), records=("a",))
    chapter = Chapter(name="data", title="Data", groups=(SectionGroup(name="all", sections=(section,)),))
    report = Report(
        title="", subtitle="", datasets=(), methods=(), methods_title="", sections_title="", appendix=(chapter,)
    )

    ((cell,),) = translate_report(report, GERMAN).appendix[0].sections[0].cells

    assert [link.text for link in cell.links] == ["Daten"]


def test_checklists_are_whole_in_german():
    items = [item for name in CHECKLISTS for item in load_checklist(name).items]
    texts = TextWords(words=GERMAN)

    asked = [f"To be filled in by a person: {item.person}." for item in items if item.person]
    said = [texts.prose(text) for text in (*(item.topic for item in items), *asked)]

    assert [text for text in said if "[en]" in text] == []
    assert [item.person for item in items if item.person and GERMAN.find("values", item.person) is None] == []
    assert None not in [GERMAN.find("values", status) for status in (FILLED, PARTLY, OPEN)]
