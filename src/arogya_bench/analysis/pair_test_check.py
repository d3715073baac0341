"""Which tests of pairs fit which data; a test that does not fit is refused before anything is computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arogya_bench.analysis.case_scores import CASE_SCORES, RIGHT_OR_WRONG
from arogya_bench.analysis.options import DEFAULT_TEST, AnalysisOptions
from arogya_bench.errors import ConfigError

JOINT_CORRECTIONS = ("max_t", "romano_wolf")  # from the joint distribution, which the default test estimates
CORRECTIONS: Mapping[str, str] = {
    "max_t": "adjustment by the largest of all correlated statistics of one dataset (single-step max-t)",
    "romano_wolf": "adjustment by the largest of the correlated statistics that remain (Romano-Wolf, step-down)",
    "holm": "Holm's adjustment",
    "bonferroni": "Bonferroni's adjustment",
    "bh": "Benjamini and Hochberg's adjustment, of the false discovery rate",
}
AUROC_METRICS = ("auroc", "auroc_macro_ovr")


@dataclass(frozen=True, kw_only=True)
class TestedData:
    """What decides whether a test fits.

    Attributes:
        dataset: Display name.
        classes: Number of classes; None if it is not known yet.
        seeds: The largest number of seeds of a row.
    """

    dataset: str
    metric: str
    classes: int | None
    cases: int
    groups: int
    seeds: int


def check_pair_test(options: AnalysisOptions, data: TestedData) -> None:
    """Raise ConfigError unless test and correction are known, go together, and fit the data."""
    _check_names(options)
    reason = TESTS[options.test](data)
    if not reason:
        return
    fitting = [name for name, misfit in TESTS.items() if not misfit(data)]
    raise ConfigError(
        f"The test {options.test} does not fit {data.dataset}: {reason}.",
        fix=f"use one that does: {', '.join(fitting)}. {DEFAULT_TEST} is the default and fits all data.",
    )


def _check_names(options: AnalysisOptions) -> None:
    for what, name, known in (("test", options.test, TESTS), ("correction", options.correction, CORRECTIONS)):
        if name not in known:
            raise ConfigError(f"Unknown {what} of pairs: {name!r}.", fix=f"use one of {', '.join(known)}.")
    if options.correction in JOINT_CORRECTIONS and options.test != DEFAULT_TEST:
        others = ", ".join(name for name in CORRECTIONS if name not in JOINT_CORRECTIONS)
        raise ConfigError(
            f"The correction {options.correction} needs the joint distribution of all pairs, which only the test "
            f"{DEFAULT_TEST} estimates, and not {options.test}.",
            fix=f"choose the correction holm with the test {options.test} (possible: {others}).",
        )


def _fits_all(data: TestedData) -> str:
    del data
    return ""


def _needs_mean(data: TestedData) -> str:
    if data.metric in CASE_SCORES:
        return _needs_one_fit(data)
    return f"it needs one score per patient, and {data.metric} is no mean over cases ({', '.join(CASE_SCORES)} are)"


def _needs_one_fit(data: TestedData) -> str:
    return f"it compares two fits, and a row has {data.seeds} seeds" if data.seeds > 1 else ""


def _needs_single_cases(data: TestedData) -> str:
    if data.cases != data.groups:
        return f"it needs one case per patient, and {data.groups} patients have {data.cases} cases"
    return _needs_one_fit(data)


def _mcnemar_misfit(data: TestedData) -> str:
    if data.metric not in RIGHT_OR_WRONG:
        return f"it compares how often models are right ({', '.join(RIGHT_OR_WRONG)}), and {data.metric} decides"
    return _needs_single_cases(data)


def _delong_misfit(data: TestedData) -> str:
    if data.metric not in AUROC_METRICS:
        return f"it compares AUROCs, and {data.metric} decides"
    if data.classes not in (2, None):
        return f"it is defined for two classes, and the dataset has {data.classes}"
    return _needs_single_cases(data)


TESTS: Mapping[str, Callable[[TestedData], str]] = {
    "group_t": _fits_all,
    "bootstrap": _fits_all,
    "paired_t": _needs_mean,
    "wilcoxon": _needs_mean,
    "mcnemar": _mcnemar_misfit,
    "delong": _delong_misfit,
}  # by name, why it does not fit; empty if it does
