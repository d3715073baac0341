"""The content of a report, which HTML, PDF, figures and the terminal share."""

from collections.abc import Mapping
from typing import Any

from arogya_bench.analysis.literature import NO_SUCH_DATASET
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.selection import ALL_VARIANTS
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.gate.findings import format_finding
from arogya_bench.report.api_sections import describe_apis
from arogya_bench.report.chapters import TITLES, build_chapters, measurement_facts, rows_of
from arogya_bench.report.checklist_sections import build_checklists
from arogya_bench.report.columns import Row
from arogya_bench.report.combining_sections import across_datasets_section, literature_section
from arogya_bench.report.section import Section
from arogya_bench.report.sections import missing_section
from arogya_bench.report.speed_methods import describe_measuring
from arogya_bench.report.structure import Chapter, DatasetReport, Report, SectionGroup
from arogya_bench.report.summary import build_summary, summarise_failure
from arogya_bench.report.translation import translate_report
from arogya_bench.report.words import Words, load_words
from arogya_bench.runtime.console import plural

TITLE = "Model comparison"
METHODS_TITLE = "Methods"
SECTIONS_TITLE = "Beyond one dataset"
NO_RESULT = "no-result"
DIRECTIONS = {"high": "higher is better", "low": "lower is better"}


def build_report(comparison: ComparisonTables, words: Words | None = None) -> Report:
    """Arrange a comparison as a report in the given words; by default in those it names, or English."""
    return translate_report(arrange_report(comparison), words or load_words(comparison.about.get("wording")))


def arrange_report(comparison: ComparisonTables) -> Report:
    """Arrange a comparison as a report with the texts and metric names of its sections."""
    about = comparison.about
    metrics = dict.fromkeys(f"{facts['metric']} ({DIRECTIONS[facts['direction']]})" for facts in about["datasets"])
    evaluations = plural(int(about["evaluations"]), "evaluation")
    datasets = (
        *(_build_dataset_report(comparison, verdict) for verdict in to_records(comparison.verdict)),
        *(_build_failed_report(comparison, facts) for facts in about.get("datasets_without_result", ())),
    )
    return Report(
        title=f"{TITLE}: {about['experiment']}",
        subtitle=f"Primary metric: {', '.join(metrics) or about['metric']}. {evaluations} read from MLflow."
        + _filter_note(about)
        + _without_result_note(about),
        datasets=datasets,
        methods=(*_describe_methods(about), *describe_apis(to_records(comparison.api))),
        methods_title=METHODS_TITLE,
        sections=_build_common_sections(comparison),
        sections_title=SECTIONS_TITLE,
        about=about,
        appendix=build_checklists(comparison, datasets),
    )


def _build_common_sections(comparison: ComparisonTables) -> tuple[Section, ...]:
    elsewhere = [row for row in to_records(comparison.literature) if row["note"] == NO_SUCH_DATASET]
    sections = (
        across_datasets_section(to_records(comparison.across_datasets)),
        literature_section(elsewhere, elsewhere=True),
    )
    return tuple(section.without_empty_columns() for section in sections if section.records)


def _filter_note(about: Mapping[str, Any]) -> str:
    """Which evaluations of the experiments were read, if not all."""
    sentences = [
        f"Only evaluations that match the filter: {about['where']}." if about.get("where") else "",
        f"Only evaluations of the sweep {about['sweep']}." if about.get("sweep") else "",
        f"Only {plural(len(about['run_ids']), 'evaluation')} named by run id." if about.get("run_ids") else "",
        "All variants of every model, although the best on the test split looks better than it is."
        if about.get("variants") == ALL_VARIANTS
        else "",
    ]
    return "".join(f" {sentence}" for sentence in sentences if sentence)


def _without_result_note(about: Mapping[str, Any]) -> str:
    names = ", ".join(str(facts["dataset"]) for facts in about.get("datasets_without_result", ()))
    return f" Without a result, because no evaluation finished: {names}." if names else ""


def _build_failed_report(comparison: ComparisonTables, facts: Mapping[str, Any]) -> DatasetReport:
    dataset = str(facts["dataset"])
    missing = missing_section(rows_of(comparison, "missing", dataset)).without_empty_columns()
    reason = f"{facts['reason']} The same sweep evaluates what is missing."
    return DatasetReport(
        dataset=dataset,
        status=NO_RESULT,
        headline="No result",
        reason=reason,
        warnings=(),
        caveats=(),
        summary=summarise_failure(dataset, reason),
        chapters=(Chapter(name="data", title=TITLES["data"], groups=(SectionGroup(name="all", sections=(missing,)),)),),
    )


def _build_dataset_report(comparison: ComparisonTables, verdict: Row) -> DatasetReport:
    dataset = str(verdict["dataset"])
    facts = next(facts for facts in comparison.about["datasets"] if facts["dataset"] == dataset)
    measured = measurement_facts(comparison.about, dataset)
    return DatasetReport(
        dataset=dataset,
        status=str(verdict["verdict"]),
        headline=f"{str(verdict['verdict']).capitalize()}: {verdict['models']}".rstrip(": "),
        reason=str(verdict["reason"]),
        warnings=tuple(format_finding(finding) for finding in facts.get("gate_findings", ())),
        caveats=(*facts.get("caveats", ()), *measured.get("caveats", ())),
        summary=build_summary(comparison, verdict, facts),
        chapters=build_chapters(comparison, dataset, facts),
        notes=tuple(note for note in str(verdict.get("notes") or "").splitlines() if note),
    )


def _describe_methods(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    summaries = {str(facts["metric"]): str(facts["summary"]) for facts in about["datasets"]}
    described = [
        ("Primary metric", "; ".join(f"{name}: {summary}" for name, summary in summaries.items())),
        ("Intervals", f"{100 * about['confidence']:.0f} %, {about['interval']}; "
                      f"{about['resamples']:,} resamples, shared by all models"),
        ("Tests", f"paired and two-sided at level {about['alpha']}; pairs after {about['correction']}"),
        *([("Verdict", str(about["verdict_rule"]))] if "verdict_rule" in about else []),
        ("Robustness", "fraction of the clean score that is retained, on the same resamples for "
                       "every model"),
        *describe_measuring(about),
        ("Splits", ", ".join(str(facts["split_digest"]) for facts in about["datasets"])),
        ("Inputs", f"digest {about['key']} of the evaluated runs and missing cells"),
    ]  # fmt: skip
    return [(term, text) for term, text in described if text]
