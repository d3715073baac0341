"""What is to be said of models behind APIs: on the leaderboard, in the verdict, and of their controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.table_rows import interval_columns
from arogya_bench.comparison.api_answers import OWN_SERVER, ApiAnswers
from arogya_bench.comparison.api_outcomes import accuracy_of_answered, coverage, failure_rates
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes

OUTAGE_NOTE = "timed out and failed are the service's: the same run with sweep.resume=false asks about those again"
UNDEFINED_NOTE = "metrics that read probabilities are undefined where a case has none"


@dataclass(frozen=True, kw_only=True)
class ControlFindings:
    """What a control shows, and what follows if a model is shown to be better than it, and if it is not."""

    yields: str
    shown: str
    not_shown: str


CONTROL_FINDINGS = {
    "blank": ControlFindings(
        yields="the prompt alone yields",
        shown=": its answers come from the images too",
        not_shown=": nothing shows that it reads the images",
    ),
    "shuffled_labels": ControlFindings(
        yields="the frequencies of the answers alone yield",
        shown=": its answers fit their cases",
        not_shown=": nothing shows that its answers fit their cases better than others",
    ),
}
OTHER_CONTROL = ControlFindings(yields="this control yields", shown="", not_shown="")


def outcome_note(answers: ApiAnswers) -> str:
    """How many answers failed and how, with intervals, and what holds on the others; empty if none failed."""
    rates = {name: rate for name, rate in failure_rates(answers).items() if rate.estimate > 0}
    if answers.answered.all() and not rates:
        return ""
    failed = ", ".join(f"{name.replace('_', ' ')} {percent_text(rate)}" for name, rate in rates.items())
    accuracy = accuracy_of_answered(answers)
    on_answered = (
        "" if accuracy is None else f"accuracy {percent_text(accuracy)} on {plural(accuracy.n, 'answered case')}"
    )
    return join_notes(
        f"no answer, which counts as wrong: {failed}" if failed else "some cases have no answer, which counts as wrong",
        on_answered,
        "" if answers.answered.all() else UNDEFINED_NOTE,
        OUTAGE_NOTE if {"timed_out", "failed"} & set(rates) else "",
    )


def percent_text(rate: Interval) -> str:
    """A share with its interval, such as ``20.0 % [13.3, 28.9]``."""
    text = f"{100 * rate.estimate:.1f} %"
    if rate.low is None or rate.high is None:
        return text
    return f"{text} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def verdict_notes(apis: Mapping[str, ApiAnswers], judgement: Judgement) -> list[str]:
    """One sentence per model behind an API, and one per control."""
    models = [answers for answers in apis.values() if not answers.control]
    notes = [_model_note(answers) for answers in models]
    if any(answers.tier != OWN_SERVER for answers in models):
        notes.append(
            "A provider may change a model behind its name at any time: the verdict holds for these versions and dates."
        )
    return [*notes, *(_control_note(answers, models, judgement) for answers in apis.values() if answers.control)]


def _model_note(answers: ApiAnswers) -> str:
    version = (answers.model_version or "not stated") + _substitution(answers)
    tier = f", {answers.tier} tier" if answers.tier in ("paid", "free") else ""
    failed = "" if answers.answered.all() else "; the others count as wrong"
    return (
        f"{answers.name} is a model behind an API: model version {version}, {asked_text(answers)}{tier}, "
        f"{percent_text(coverage(answers))} of {plural(answers.cases, 'case')} answered{failed}."
    )


def _substitution(answers: ApiAnswers) -> str:
    """Which model was asked for, if the version that answered does not begin with its name."""
    asked = answers.params("model.id")
    versions = [version for version in answers.model_version.split(", ") if version not in ("", "not stated")]
    replaced = versions and asked and not any(version.startswith(name) for version in versions for name in asked)
    return f" answered in place of {', '.join(asked)}" if replaced else ""


def asked_text(answers: ApiAnswers) -> str:
    """When it was asked, in days of UTC."""
    first, last = answers.first_asked[:10], answers.last_asked[:10]
    if not first:
        return "asked at an unknown time"
    return f"asked on {first} (UTC)" if first == last else f"asked from {first} to {last} (UTC)"


def _control_note(control: ApiAnswers, models: Sequence[ApiAnswers], judgement: Judgement) -> str:
    """What a control reaches, and whether the models that it belongs to are shown to be better."""
    metric = judgement.metric
    value = interval_columns(metric, judgement.intervals.get(control.name))
    estimate, low, high = value.values()
    reached = f"{estimate:.3f}" if isinstance(estimate, float) else "no value"
    interval = f" [{low:.3f}, {high:.3f}]" if isinstance(low, float) and isinstance(high, float) else ""
    findings = CONTROL_FINDINGS.get(control.control, OTHER_CONTROL)
    compared = [_against(control, answers, judgement) for answers in _models_of(control, models)]
    return " ".join(
        (f"{control.name} shows what {findings.yields}: {metric} {reached}{interval}.", *filter(None, compared))
    )


def _models_of(control: ApiAnswers, models: Sequence[ApiAnswers]) -> list[ApiAnswers]:
    """The models that a control belongs to: those with its settings, else those with its id."""
    named = [answers for answers in models if answers.model == control.model]
    same_settings = [answers for answers in named if answers.settings == control.settings]
    return same_settings or [answers for answers in named if answers.params("model.id") == control.params("model.id")]


def _against(control: ApiAnswers, answers: ApiAnswers, judgement: Judgement) -> str:
    pair = next((pair for pair in judgement.control_pairs if {pair.a, pair.b} == {control.name, answers.name}), None)
    if pair is None:
        return ""
    findings = CONTROL_FINDINGS.get(control.control, OTHER_CONTROL)
    if pair.better == answers.name:
        return f"{answers.name} is shown to be better{findings.shown}."
    return f"{answers.name} is not shown to be better{findings.not_shown}."
