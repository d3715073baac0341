"""What the user chose about the analyses of a comparison."""

from dataclasses import dataclass

DEFAULT_TEST, DEFAULT_CORRECTION = "group_t", "max_t"
DEFAULT_MARGIN = 0.02  # of the deciding metric, that a cheaper model may be worse


@dataclass(frozen=True, kw_only=True)
class AnalysisOptions:
    """Settings of the analyses; the same for every dataset.

    Attributes:
        margin: Largest loss of the deciding metric that counts as none.
        test: Of the pairs, one of ``pair_test_check.TESTS``.
        correction: Of their p-values, one of ``pair_test_check.CORRECTIONS``.
        positive_class: The class that operating points and net benefit are about; None takes the last of two classes,
            and each class in turn against the others if there are more.
        sensitivity: That a threshold must reach on validation.
        specificity: That another threshold must reach on validation.
        prevalence: Of the positive class where the model is to be used; None takes that of the test cases.
        threshold_probabilities: At which net benefit is computed.
        subgroups: Metadata columns; None takes every column that divides the cases into few large parts.
        robustness_floor: Worst acceptable value of the deciding metric under degradation; None takes 90 % of the value
            on clean images.
        extra_metrics: Further metrics that are scored with intervals, such as those that have a limit; a task without
            such a metric does not score it.
    """

    margin: float = DEFAULT_MARGIN
    test: str = DEFAULT_TEST
    correction: str = DEFAULT_CORRECTION
    positive_class: str | None = None
    sensitivity: float = 0.95
    specificity: float = 0.9
    prevalence: float | None = None
    threshold_probabilities: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5)
    subgroups: tuple[str, ...] | None = None
    robustness_floor: float | None = None
    extra_metrics: tuple[str, ...] = ()
