"""The chapter of a report on errors: the cases behind them, with pictures where the data allow it."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.analysis.errors import SHOWN_MISTAKES
from arogya_bench.report.api_outcome_sections import api_outcomes_section
from arogya_bench.report.columns import Column, Row, number, text
from arogya_bench.report.section import Section
from arogya_bench.report.structure import SectionGroup

Tables = Mapping[str, Sequence[Row]]
NOT_ALLOWED = "No pictures: dataset.thumbnails was not allowed when these runs were evaluated."
NOT_KEPT = "A case without a picture is not among the mistakes that its run keeps, or beyond the size of a report."
BOX_NOTE = (
    "True boxes are white, detected ones orange; the images with the most missed and false boxes come first, those of "
    "the first seed."
)


def error_groups(tables: Tables, facts: Mapping[str, Any]) -> tuple[SectionGroup, ...]:
    """The most confident mistakes of each model, the best first, and what all models miss.

    Args:
        tables: Of the dataset.
        facts: The entry of ``about`` on the dataset.
    """
    pictures = {str(row["case_id"]): str(row["image"]) for row in tables["thumbnails"] if row["model"] is None}
    consent = _describe_consent(facts)
    models = [str(row["model"]) for row in tables["leaderboard"]]
    return (
        SectionGroup(name="answers", title="Models behind APIs", sections=(api_outcomes_section(tables["api"]),)),
        *(_model_group(tables, model, number, pictures, consent) for number, model in enumerate(models, start=1)),
        SectionGroup(
            name="every-model",
            title="Every model",
            sections=(missed_section(tables["missed_by_all"], pictures, consent),),
        ),
    )


def errors_section(rows: Sequence[Row], pictures: Mapping[str, str], consent: str) -> Section:
    """Show the most confident mistakes of one model.

    Args:
        rows: Of the table ``errors``.
        pictures: Case id to data URI.
        consent: Why there are no pictures; empty if there are.
    """
    shown = [row for row in rows if row["position"] <= SHOWN_MISTAKES]
    note = (
        "The first to look at: a wrong label, an artefact, or a blind spot. The probability is that of the answer, the "
        "mean over the seeds, 0 for one that is right."
    )
    columns = (
        *_case_columns(pictures),
        number("confidence", "its probability"),
        *((_seeds(),) if any(row["seeds"] > 1 for row in shown) else ()),
        Column(
            header="other models that miss it",
            format_cell=lambda row: f"{row['other_models_wrong']} of {row['other_models']}",
            numeric=True,
            key="other_models_wrong",
        ),
    )
    return Section(
        name="errors",
        title="Most confident mistakes",
        note=f"{note} {consent or _describe_absent(shown, pictures)}".rstrip(),
        columns=columns,
        records=shown,
        detail=True,
    )


def missed_section(rows: Sequence[Row], pictures: Mapping[str, str], consent: str) -> Section:
    """Show the cases that every model misses; arguments as of ``errors_section``."""
    size = ""
    if rows:
        first = rows[0]
        listed = f"; {len(rows)} are listed" if first["total"] > len(rows) else ""
        size = f"{first['total']} cases, {100 * first['share']:.1f} % of all, for {first['models']} models{listed}. "
    note = f"{size}No choice among these models helps here: look at the labels and the images."
    return Section(
        name="missed-by-all",
        title="Cases that every model misses",
        note=f"{note} {consent or _describe_absent(rows, pictures)}".rstrip(),
        columns=(*_case_columns(pictures), number("confidence", "mean probability of the wrong answers")),
        records=rows,
        detail=True,
    )


def box_errors_section(rows: Sequence[Row]) -> Section:
    """Show the images in which a detector misses or invents most; rows of the table ``thumbnails``."""
    return Section(
        name="box-errors",
        title="Images with the most wrong boxes",
        note=BOX_NOTE,
        columns=(_case({str(row["case_id"]): str(row["image"]) for row in rows}), text("caption", "boxes")),
        records=rows,
        detail=True,
    )


def _model_group(tables: Tables, model: str, position: int, pictures: Mapping[str, str], consent: str) -> SectionGroup:
    def of_model(name: str) -> list[Row]:
        return [row for row in tables[name] if row["model"] == model]

    sections = (errors_section(of_model("errors"), pictures, consent), box_errors_section(of_model("thumbnails")))
    return SectionGroup(name=f"model-{position}", title=model, sections=sections)


def _case_columns(pictures: Mapping[str, str]) -> tuple[Column, ...]:
    return (_case(pictures), text("group_id", "group"), text("target", "truth"), text("predicted", "answer"))


def _case(pictures: Mapping[str, str]) -> Column:
    """The id of a case, with its picture if there is one."""
    return Column(
        header="case",
        format_cell=lambda row: str(row["case_id"]),
        image_of=lambda row: pictures.get(str(row["case_id"]), ""),
    )


def _seeds() -> Column:
    return Column(
        header="seeds that miss it",
        format_cell=lambda row: f"{row['seeds_wrong']} of {row['seeds']}",
        numeric=True,
        key="seeds_wrong",
    )


def _describe_consent(facts: Mapping[str, Any]) -> str:
    """Why there are no pictures; empty if the data of any run allowed them."""
    return "" if facts.get("thumbnails", {}).get("allowed") else NOT_ALLOWED


def _describe_absent(rows: Sequence[Row], pictures: Mapping[str, str]) -> str:
    return NOT_KEPT if any(str(row["case_id"]) not in pictures for row in rows) else ""
