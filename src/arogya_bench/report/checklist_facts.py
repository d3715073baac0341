"""What a comparison knows of the items of reporting checklists: one sentence for each fact, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arogya_bench.comparison.verdict_words import join_names
from arogya_bench.report import checklist_data as data
from arogya_bench.report.checklist_data import Evidence
from arogya_bench.report.columns import Row
from arogya_bench.report.wording import format_with_interval, is_undefined
from arogya_bench.report.words import ENGLISH, load_words
from arogya_bench.runtime.console import plural

DETECTION, SEGMENTATION = "detection", "segmentation"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that the report tells.

    Attributes:
        tell: In a sentence; empty if it is not known.
        place: The section or chapter that says more; empty for none.
    """

    tell: Callable[[Evidence], str]
    place: str = ""


def _planning(known: Evidence) -> str:
    rows = _rows_with(known, "planning", "detectable_difference")
    seen = [float(row["detectable_difference"]) for row in rows]
    if not seen:
        return ""
    return f"The smallest difference in accuracy that such cases would show for a pair of models is {min(seen):.3f}."


def _rows_with(known: Evidence, table: str, column: str) -> list[Row]:
    """The rows of a table that have a value; the others say why they have none."""
    return [row for row in known.tables.get(table, ()) if not is_undefined(row.get(column))]


def _per_class(known: Evidence) -> str:
    counts = {str(row["class"]): row["cases"] for row in known.tables["per_class"]}
    return f"Test cases: {', '.join(f'{name} {count}' for name, count in counts.items())}." if counts else ""


def _models(known: Evidence) -> str:
    return f"{plural(len(known.models), 'model')}: {join_names(known.models, 'and')}." if known.models else ""


def _software(known: Evidence) -> str:
    version = known.about.get("version")
    if not version or not known.has_own_runs:
        return ""
    return f"arogya-bench {version}; each run logs the versions of its libraries."


def _metrics(known: Evidence) -> str:
    terms = load_words(ENGLISH).terms
    primary, *others = (
        terms[code].spoken if code in terms else code
        for code in (known.facts["metric"], *known.facts["secondary_metrics"])
    )
    beside = f", beside it {join_names(others, 'and')}" if others else ""
    return f"The primary metric is {primary}{beside}."


def _test_part(known: Evidence) -> str:
    return "Evaluated on the test part, which no training used." if known.trained_all else ""


def _selection(known: Evidence) -> str:
    if not known.trained_all:
        return ""
    kept = "Networks keep the epoch that is best on the validation part." if known.has_networks else ""
    chosen = "Variants were chosen by their score on the validation part." if known.tables["variants"] else ""
    return " ".join(filter(None, [kept, chosen]))


def _recalibration(known: Evidence) -> str:
    return "No model was adapted to the test cases." if known.trained_all else ""


def _blinded(known: Evidence) -> str:
    return "Models are given test images, never their true classes." if known.has_own_runs else ""


def _output(known: Evidence) -> str:
    task = known.facts["task"]
    if task in (DETECTION, SEGMENTATION):
        return "Boxes, each with a class and a score." if task == DETECTION else "A mask for each image."
    rows = known.tables["calibration"]
    return (
        "One probability for each class." if rows and len(_rows_with(known, "calibration", "ece")) == len(rows) else ""
    )


def _thresholds(known: Evidence) -> str:
    rows = known.tables["operating_points"]
    locked = list(dict.fromkeys(str(row["target"]) for row in _rows_with(known, "operating_points", "threshold")))
    if locked:
        names = join_names(locked, "and")
        return f"Thresholds for {names} were chosen on the validation part, where its cases suffice, before the test."
    return "The most probable class is the answer; no other threshold was chosen." if rows else ""


def _uncertainty(known: Evidence) -> str:
    unit = "patients" if known.facts.get("grouped", True) else "cases"
    level, resamples = 100 * known.about["confidence"], known.about["resamples"]
    return f"{level:.0f} % intervals from {resamples:,} resamples of {unit}."


def _tests(known: Evidence) -> str:
    if not known.tables["pairwise"]:
        return "No two models were compared."
    return (
        f"Paired two-sided tests at level {known.about['alpha']}; of the table of pairs by {known.about['correction']}."
    )


def _robustness(known: Evidence) -> str:
    conditions = {str(row["condition"]) for row in _rows_with(known, "robustness", "value")}
    return f"{plural(len(conditions), 'degraded condition')} of the test images." if conditions else ""


def _stability(known: Evidence) -> str:
    sources = list(dict.fromkeys(str(row["source"]) for row in _rows_with(known, "rank_stability", "tau")))
    return f"The order of the models was examined over {join_names(sources, 'and')}." if sources else ""


def _subgroups(known: Evidence) -> str:
    columns = list(dict.fromkeys(str(row["column"]) for row in _rows_with(known, "subgroup_gaps", "gap")))
    return f"Subgroups by {join_names(columns, 'and')}, with the gap between best and worst." if columns else ""


def _performance(known: Evidence) -> str:
    row: Row = next(iter(known.tables["leaderboard"]), {})
    metric = str(known.facts["metric"])
    if not row or is_undefined(row.get(metric)):
        return ""
    first = [str(other["model"]) for other in known.tables["leaderboard"] if other.get(metric) == row[metric]]
    are = "is" if len(first) == 1 else "are"
    value = format_with_interval(row, metric)
    return f"{join_names(first, 'and')} {are} first with {metric} {value}; the leaderboard has all models."


def _limitations(known: Evidence) -> str:
    sentences = [f"{text.rstrip('.')}." for text in known.summary.not_shown]
    return f"What is not shown: {' '.join(sentences)}" if sentences else ""


def _datasets(known: Evidence) -> str:
    names = [str(facts["dataset"]) for facts in known.about["datasets"]]
    return f"Datasets: {join_names(names, 'and')}." if len(names) > 1 else ""


def _listed(table: str, column: str, sentence: str) -> Callable[[Evidence], str]:
    """Tell a sentence if a table has a value in a column."""

    def tell(known: Evidence) -> str:
        return sentence if _rows_with(known, table, column) else ""

    return tell


def _always(sentence: str) -> Callable[[Evidence], str]:
    """Tell a sentence that holds for every comparison."""
    return lambda _: sentence


FACTS: Mapping[str, Fact] = {
    "accuracy": Fact(
        tell=_listed("per_class", "specificity", "Sensitivity and specificity of each class, with intervals."),
        place="per-class",
    ),
    "availability": Fact(
        tell=lambda known: f"Runs, answers and settings are in the MLflow experiment {known.about['experiment']}.",
        place="runs",
    ),
    "blinded": Fact(tell=_blinded),
    "calibration": Fact(
        tell=_listed("calibration", "ece", "Calibration errors, slope and intercept."), place="calibration"
    ),
    "classes": Fact(tell=data.describe_classes),
    "confusion": Fact(
        tell=_listed("confusion", "count", "Each model has a table of answers by true class."), place="models"
    ),
    "datasets": Fact(tell=_datasets),
    "disjoint": Fact(tell=data.describe_disjoint),
    "ensembles": Fact(
        tell=_listed("ensembles", "value", "What pairs and triples of the models would score together."),
        place="ensembles",
    ),
    "errors": Fact(
        tell=_listed("errors", "case_id", "The most confident mistakes of each model, by case."), place="errors"
    ),
    "exclusions": Fact(tell=data.describe_exclusions),
    "gate": Fact(tell=data.describe_gate),
    "image_only": Fact(tell=data.describe_image_only),
    "inputs": Fact(tell=data.describe_inputs),
    "internal": Fact(tell=_test_part),
    "licence": Fact(tell=data.describe_licence),
    "limitations": Fact(tell=_limitations),
    "literature": Fact(
        tell=_listed("literature", "value", "Published numbers stand beside ours, and are not compared with them."),
        place="literature",
    ),
    "metrics": Fact(tell=_metrics, place="leaderboard"),
    "missing": Fact(tell=data.describe_missing, place="missing"),
    "models": Fact(tell=_models, place="models"),
    "net_benefit": Fact(
        tell=_listed("net_benefit", "net_benefit", "Net benefit by threshold probability."), place="net-benefit"
    ),
    "output": Fact(tell=_output),
    "per_class": Fact(tell=_per_class, place="per-class"),
    "performance": Fact(tell=_performance, place="leaderboard"),
    "planning": Fact(tell=_planning, place="planning"),
    "question": Fact(tell=data.describe_question),
    "recalibration": Fact(tell=_recalibration),
    "robustness": Fact(tell=_robustness, place="robustness"),
    "roc": Fact(tell=_listed("roc", "auroc", "ROC curves of each model and class."), place="models"),
    "sample": Fact(tell=data.describe_sample),
    "selection": Fact(tell=_selection, place="variants"),
    "sites": Fact(tell=data.describe_sites),
    "software": Fact(tell=_software),
    "source": Fact(tell=data.describe_source, place="data"),
    "split": Fact(tell=data.describe_split, place="data"),
    "splits": Fact(tell=data.describe_splits, place="data"),
    "stability": Fact(tell=_stability, place="rank-stability"),
    "stored": Fact(tell=_always("Every answer is stored in the run of its evaluation in MLflow."), place="runs"),
    "subgroups": Fact(tell=_subgroups, place="subgroups"),
    "tests": Fact(tell=_tests, place="pairwise"),
    "thresholds": Fact(tell=_thresholds, place="operating-points"),
    "training": Fact(tell=data.describe_training, place="models"),
    "unanswered": Fact(
        tell=_always("A case that a model gives no answer for counts as wrong, and stays in every number.")
    ),
    "uncertainty": Fact(tell=_uncertainty),
    "verdict": Fact(tell=lambda known: known.summary.answer),
    "weights": Fact(tell=data.describe_weights, place="models"),
}
