"""The settings in which the whole verdict is simulated, each with its planted truth and its goals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.statistics.verdict_measures import Goal
from benchmarks.statistics.verdict_studies import RowTruth, StudyDesign

MAX_SIZE = 0.06
FITS_ALIKE = 0.4  # share of the variance of the score that the fits of a row have in common, beside that of all fits
NO_WRONG_LEADER = Goal(measure="wrong leader", at_most=MAX_SIZE, is_error=True)
NO_WRONG_PAIR = Goal(measure="wrong pair", at_most=MAX_SIZE, is_error=True)
CONSISTENT = (Goal(measure="contradicted p", at_most=0.0), Goal(measure="contradicted claim", at_most=0.0))
SIZE = (NO_WRONG_LEADER, NO_WRONG_PAIR, *CONSISTENT)

Section = Literal["null", "power", "coverage", "detectable"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One kind of study, judged by one metric.

    Attributes:
        best: The row that is truly best; None if none is, so that naming any is an error.
        plants_detectable: Whether the second row is made worse than the first by the mean detectable difference that
            such studies print.
    """

    name: str
    section: Section
    design: StudyDesign
    goals: tuple[Goal, ...]
    metric: str = "f1_macro"
    best: str | None = None
    plants_detectable: bool = False

    @property
    def name_in_full(self) -> str:
        """A name that no other setting has."""
        return f"{self.section}: {self.name}"

    @property
    def needs_resamples(self) -> bool:
        """Whether intervals of rows are read; nothing else of a verdict is resampled."""
        return any(goal.measure == "row covered" for goal in self.goals)


def equal_shares(classes: int) -> tuple[float, ...]:
    return (1 / classes,) * classes


def rows_of(accuracies: Sequence[float], classes: int) -> tuple[RowTruth, ...]:
    """Rows whose recalls all equal their accuracy, named A, B, C and so on."""
    return tuple(
        RowTruth(name=chr(ord("A") + number), recalls=(accuracy,) * classes)
        for number, accuracy in enumerate(accuracies)
    )


def ordinary_design(accuracies: Sequence[float], *, patients: int = 300, classes: int = 3) -> StudyDesign:
    """Classes of equal size, and one fit of each accuracy."""
    return StudyDesign(patients=patients, shares=equal_shares(classes), rows=rows_of(accuracies, classes))


def seeded_design(accuracies: Sequence[float], points: float, *, seeds: int = 3, alike: bool = True) -> StudyDesign:
    """An ordinary design whose rows have several fits.

    Args:
        accuracies: Of each row, in the mean over all seeds.
        points: Standard deviation of the accuracy between seeds, in percentage points.
        seeds: Of each row.
        alike: Whether the fits of a row err on the same cases more often than those of different rows.
    """
    design = ordinary_design(accuracies)
    rows = tuple(replace(row, seeds=seeds, seed_spread=points / 100) for row in design.rows)
    return replace(design, rows=rows, row_correlation=FITS_ALIKE if alike else 0.0)


def with_difference(design: StudyDesign, difference: float) -> StudyDesign:
    """The same design, whose second row has recalls below those of the first by this difference."""
    first, second = design.rows
    recalls = tuple(max(0.0, recall - difference) for recall in first.recalls)
    return replace(design, rows=(first, replace(second, recalls=recalls)))


def _null_settings() -> Iterator[Setting]:
    for models, classes in ((2, 3), (5, 5), (12, 3)):
        for patients in (50, 100, 300):
            design = ordinary_design([0.85] * models, patients=patients, classes=classes)
            yield _null(f"{models} equal models, {patients} patients, {classes} classes", design)
    tied = ordinary_design([0.85, 0.85, 0.6, 0.6, 0.6])
    yield _null("2 equal models far above 3 others, 300 patients", tied)
    for models in (2, 5):
        design = ordinary_design([0.85] * models, patients=100)
        clustered = replace(design, images=3, icc=0.6)
        yield _null(f"{models} equal models, 100 patients with 3 images each, ICC .6", clustered)


def _seed_settings() -> Iterator[Setting]:
    for points in (1.5, 3.0):
        for alike in (True, False):
            for models in (2, 5):
                design = seeded_design([0.85] * models, points, alike=alike)
                yield _null(f"{models} equal models{_seeds_text(points, alike)}, 300 patients", design)
        design = seeded_design([0.85] * 5, points)
        fixed = [replace(row, seeds=1, seeded=False, seed_spread=0.0) for row in design.rows[2:]]
        mixed = replace(design, rows=(*design.rows[:2], *fixed))
        yield _null(f"5 equal models, only 2 of them with {points:g} points between 3 seeds, 300 patients", mixed)
    tied = seeded_design([0.85, 0.85, 0.6, 0.6, 0.6], 3.0)
    steady = [replace(row, seed_spread=0.005) for row in tied.rows[2:]]
    tied = replace(tied, rows=(*tied.rows[:2], *steady))
    yield _null("2 equal models with 3 points between 3 seeds, far above 3 that vary by .5 points, 300 patients", tied)
    uneven = seeded_design([0.85] * 2, 3.0)
    uneven = replace(uneven, rows=(replace(uneven.rows[0], seeds=5), uneven.rows[1]))
    yield _null("2 equal models, 5 seeds against 3, spread 3 points, 300 patients", uneven)


def _rare_class_settings() -> Iterator[Setting]:
    for patients in (100, 300):
        for classes in (3, 5):
            for rare in (2, 3, 5):
                design = _rare_class_design([0.85] * 2, rare, classes, patients)
                for metric in ("f1_macro", "balanced_accuracy", "accuracy"):
                    yield _null(f"class of {rare}, {classes} classes, {patients} patients, {metric}", design, metric)


def _rare_class_design(accuracies: Sequence[float], rare: int, classes: int, patients: int) -> StudyDesign:
    others = (1 - rare / patients) / (classes - 1)
    shares = (rare / patients, *[others] * (classes - 1))
    return StudyDesign(patients=patients, shares=shares, rows=rows_of(accuracies, classes), mix="fixed")


def _class_mix_settings() -> Iterator[Setting]:
    recalls = ((0.95, 0.5), (0.5, 0.95))
    rows = tuple(RowTruth(name=name, recalls=pair) for name, pair in zip("AB", recalls, strict=True))
    for mix in ("fixed", "random"):
        design = StudyDesign(patients=150, shares=equal_shares(2), rows=rows, mix=mix)
        for metric in ("accuracy", "f1_macro"):
            yield _null(f"opposite recalls, {mix} class mix, 150 patients, {metric}", design, metric)


def _special_settings() -> Iterator[Setting]:
    present = (*equal_shares(3), 0.0)
    missing = StudyDesign(patients=200, shares=present, rows=rows_of([0.85] * 2, 4))
    yield _null("2 equal models, class missing from the truth, 200 patients", missing)
    worse = RowTruth(name="worse", recalls=(0.81,) * 3, wrong_answers=(0, 1))
    better = RowTruth(name="better", recalls=(0.9,) * 3, wrong_answers=(2,))
    yield Setting(
        name="accuracy .81 against .90, whose errors are a class missing from the truth, 200 patients",
        section="power",
        design=StudyDesign(patients=200, shares=(0.5, 0.5, 0.0), rows=(better, worse)),
        goals=(Goal(measure="best named", at_least=0.9), Goal(measure="wrong leader", at_most=0.0), *CONSISTENT),
        best="better",
    )
    coin = RowTruth(name="coin", recalls=(0.9, 0.1))
    constant = RowTruth(name="constant", recalls=(1.0, 0.0), seeded=False)
    chance = StudyDesign(patients=300, shares=(0.9, 0.1), rows=(coin, constant))
    yield Setting(
        name="coin against a constant answer, 300 patients, class of 10 %",
        section="null",
        design=chance,
        goals=(NO_WRONG_LEADER,),
    )


def _coverage_settings() -> Iterator[Setting]:
    for patients in (100, 200, 300):
        low, high = (0.92, 1.0) if patients < 200 else (0.93, 0.97)
        goals = tuple(Goal(measure=name, at_least=low, at_most=high) for name in ("row covered", "difference covered"))
        shares = (0.5, 0.3, 0.2)
        design = StudyDesign(patients=patients, shares=shares, rows=rows_of([0.85, 0.78], 3))
        for metric in ("f1_macro", "accuracy", "balanced_accuracy", "auroc_macro_ovr"):
            yield Setting(
                name=f"{metric}, {patients} patients",
                section="coverage",
                design=design,
                goals=(*goals, *CONSISTENT),
                metric=metric,
                best="A",
            )


def _power_settings() -> Iterator[Setting]:
    four_worse = [0.85, 0.75, 0.75, 0.75, 0.75]
    yield _power(".85 against .75", ordinary_design([0.85, 0.75]), 0.9)
    yield _power(".85 against four of .75", ordinary_design(four_worse), 0.75)
    for alike in (True, False):
        for points, goal in ((1.5, 0.7), (3.0, 0.4)):
            design = seeded_design(four_worse, points, alike=alike)
            yield _power(f".85 against four of .75{_seeds_text(points, alike)}", design, goal)
        yield _power(f".85 against .75{_seeds_text(3.0, alike)}", seeded_design([0.85, 0.75], 3.0, alike=alike), 0.65)


def _rare_power_settings() -> Iterator[Setting]:
    """A class of two must not hide a large difference, nor the interval of a row forget it."""
    for accuracies, classes, metric, goal in (
        ((0.85, 0.75), 3, "accuracy", 0.8),
        ((0.85, 0.75), 3, "f1_macro", 0.5),
        ((0.85, 0.75), 5, "f1_macro", 0.5),
        ((0.95, 0.6), 5, "balanced_accuracy", 0.8),
    ):
        better, worse = accuracies
        design = _rare_class_design(accuracies, 2, classes, 300)
        setting = _power(f"{better:g} against {worse:g}, class of 2, {classes} classes, {metric}", design, goal)
        yield replace(setting, metric=metric)
    for metric in ("balanced_accuracy", "f1_macro"):
        covered = tuple(Goal(measure=name, at_least=0.92) for name in ("row covered", "difference covered"))
        yield Setting(
            name=f"{metric}, class of 2, 3 classes, 300 patients",
            section="coverage",
            design=_rare_class_design((0.85, 0.78), 2, 3, 300),
            goals=(*covered, *CONSISTENT),
            metric=metric,
            best="A",
        )


def _seeds_text(points: float, alike: bool) -> str:
    return f" x 3 seeds that err {'alike' if alike else 'independently'}, spread {points:g} points"


def _detectable_settings() -> Iterator[Setting]:
    for patients in (100, 300):
        yield Setting(
            name=f"2 models, {patients} patients",
            section="detectable",
            design=ordinary_design([0.85, 0.85], patients=patients),
            goals=(Goal(measure="best named", at_least=0.7, at_most=0.88), *CONSISTENT),
            best="A",
            plants_detectable=True,
        )


def _null(name: str, design: StudyDesign, metric: str = "f1_macro") -> Setting:
    return Setting(name=name, section="null", design=design, goals=SIZE, metric=metric)


def _power(name: str, design: StudyDesign, goal: float) -> Setting:
    goals = (Goal(measure="best named", at_least=goal), *SIZE)
    return Setting(name=f"{name}, 300 patients", section="power", design=design, goals=goals, best="A")


SETTINGS = (
    *_null_settings(),
    *_seed_settings(),
    *_rare_class_settings(),
    *_class_mix_settings(),
    *_special_settings(),
    *_power_settings(),
    *_rare_power_settings(),
    *_detectable_settings(),
    *_coverage_settings(),
)
