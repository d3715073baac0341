"""The part of the page docs/calibration.md on the whole verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill

from benchmarks.statistics.verdict_measures import Count
from benchmarks.statistics.verdict_results import SettingResult, render_share, unmet_goals
from benchmarks.statistics.verdict_settings import FITS_ALIKE, MAX_SIZE, Section, Setting

LINE_WIDTH = 120  # of the page, tables apart
NOTHING = "\u2013"
SettingResults = Sequence[tuple[Setting, SettingResult]]


@dataclass(frozen=True, kw_only=True)
class PageSection:
    """A table of settings that are read together.

    Attributes:
        columns: Measure by the head of its column.
    """

    title: str
    intro: str
    columns: dict[str, str]


SECTIONS: dict[Section, PageSection] = {
    "null": PageSection(
        title="No row is better than all others",
        intro="Share of studies in per cent in which the verdict names a row although none is the best, and in which "
        "the table of pairs, corrected over all pairs, shows a difference where there is none.",
        columns={"a row named": "wrong leader", "a false pair shown": "wrong pair"},
    ),
    "power": PageSection(
        title="One row is the best",
        intro="Share of studies in per cent in which the verdict names the row that is truly the best, and in which it "
        "names another one.",
        columns={"best named": "best named", "another named": "wrong leader", "a false pair shown": "wrong pair"},
    ),
    "detectable": PageSection(
        title="The detectable difference",
        intro="The true difference is the mean of those that such studies print as detectable with 80 % power. Share "
        "of studies in per cent in which the better row is then named.",
        columns={"best named": "best named"},
    ),
    "coverage": PageSection(
        title="Intervals beside the verdict",
        intro="Share in per cent of the 95 % intervals of a row, and of the uncorrected 95 % intervals of a "
        "difference, that contain the true value. Classes of 50, 30 and 20 %, drawn anew in each study; rows of "
        "accuracy .85 and .78.",
        columns={"row": "row covered", "difference": "difference covered"},
    ),
}


def render_verdict(results: SettingResults) -> str:
    """Render how the studies were drawn, the goals that are missed, and one table per section."""
    texts = [text for setting, result in results for text in unmet_goals(setting, result)]
    blocks = [
        "## The whole verdict",
        fill(_render_intro(results), LINE_WIDTH),
        fill(f"**Violations**: {'; '.join(texts) or 'none'}.", LINE_WIDTH),
    ]
    for name, section in SECTIONS.items():
        of_section = [(setting, result) for setting, result in results if setting.section == name]
        if of_section:
            blocks += [f"### {section.title}", fill(section.intro, LINE_WIDTH)]
            blocks.append("\n".join(_render_rows(section, of_section)))
    return "\n\n".join(blocks) + "\n"


def _render_intro(results: SettingResults) -> str:
    studies = max(result.studies for _, result in results)
    resamples = max(result.resamples for _, result in results)
    minutes = sum(result.seconds for _, result in results) / 60
    return (
        f"Whole studies with a planted truth, up to {studies:,} per setting, each judged as `arogya-bench compare` "
        f"does; intervals of single rows have {resamples:,} resamples. A fit is right about a case if a normal score "
        "falls below a threshold; 30 % of the "
        "variance of the score is common to all fits, and of fits that err alike another "
        f"{100 * FITS_ALIKE:.0f} % to those of a row. Wrong answers are spread over the other classes. If not said "
        "otherwise, macro F1 decides, an accuracy is .85, classes are equally frequent, and each study draws its own "
        "class mix. In studies with a rare class the mix is fixed. "
        f"A rate of errors above {100 * MAX_SIZE:.0f} % by more than a standard error of the simulation, and any other "
        "share outside its goal, is a violation, in bold. In every study, a p-value below 5 % has to agree with the "
        "interval beside it, and a claim with its simultaneous interval. "
        f"The settings took {minutes:.0f} minutes of processor time in all."
    )


def _render_rows(section: PageSection, results: SettingResults) -> Iterator[str]:
    with_planted = any(setting.plants_detectable for setting, _ in results)
    planted = ["planted", "printed", "prints none"] * with_planted
    heads = ["setting", *section.columns, *planted, "goal", "studies", "ms per study"]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for setting, result in results:
        cells = [_render_share(setting, result, measure) for measure in section.columns.values()]
        cells += _render_planted(result) if with_planted else []
        cells += [_render_goals(setting), f"{result.studies:,}", f"{1000 * result.seconds / result.studies:.0f}"]
        yield f"| {setting.name} | " + " | ".join(cells) + " |"


def _render_share(setting: Setting, result: SettingResult, measure: str) -> str:
    count = result.counts[measure]
    missed = any(goal.measure == measure and not goal.is_met(count) for goal in setting.goals)
    text = render_share(count)
    return f"**{text}**" if missed else text


def _render_planted(result: SettingResult) -> list[str]:
    differences = (result.planted, result.mean_printed)
    shown = [NOTHING if difference is None else f"{100 * difference:.1f} points" for difference in differences]
    return [*shown, f"{render_share(Count(result.studies - result.printed, result.studies))} %"]


def _render_goals(setting: Setting) -> str:
    """The goal of the first measure, which the section is about."""
    goal = setting.goals[0]
    low, high = round(100 * goal.at_least), round(100 * goal.at_most)
    if not low:
        return f"at most {high}"
    return f"at least {low}" if high == 100 else f"{low} to {high}"
