"""Tests of three or more models: Friedman, Nemenyi and Cochran's Q."""

from dataclasses import dataclass
from math import factorial, sqrt

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import check_share
from arogya_bench.metrics.result import Result
from arogya_bench.statistics.t_tests import remove_rounding_noise
from arogya_bench.types import Floats

MIN_DATASETS = 10
MIN_COCHRAN_CELLS = 24  # discordant rows times models (Tate and Brown 1970)
ALL_EQUAL_NOTE = "all models are equal in every row"


@dataclass(frozen=True, kw_only=True)
class Friedman(Result):
    """Result of a Friedman test on the ranks of models within rows.

    Attributes:
        mean_ranks: Shape (models,), 1 is the best; ties share the mean of their ranks.
        chi2: Statistic, tie-corrected.
        p_value: Of ``chi2``, with models - 1 degrees of freedom.
        iman_davenport_F: From ``chi2``, less conservative; None if all rows have the same ranking.
        p_F: Of ``iman_davenport_F``, preferable from ten rows on. If all rows have the same
            ranking it is (1/k!)^(n - 1), exactly.
        kendall_w: Kendall's W, the agreement of the rows, 0 to 1.
        n: Number of rows (datasets or cases).
    """

    mean_ranks: Floats
    chi2: float
    p_value: float
    iman_davenport_F: float | None
    p_F: float
    chi2_no_tie_correction: float
    iman_davenport_F_no_tie: float | None
    p_F_no_tie: float
    kendall_w: float
    method: str = "Friedman, Iman-Davenport"


@dataclass(frozen=True, kw_only=True)
class Nemenyi(Result):
    """Result of Nemenyi's test of all pairs of models by their mean ranks.

    Attributes:
        mean_ranks: Shape (models,), 1 is the best.
        p_values: Shape (models, models), adjusted for all pairs; None under ten rows.
        critical_difference: Of mean ranks; None under ten rows.
        n: Number of rows (datasets or cases).
    """

    mean_ranks: Floats
    p_values: Floats | None
    critical_difference: float | None
    alpha: float
    method: str = "Nemenyi"


@dataclass(frozen=True, kw_only=True)
class CochranQ(Result):
    """Result of Cochran's test of whether several models are right equally often.

    Attributes:
        q: Statistic; 0 if all models agree in every case.
        discordant: Number of cases that some models get right and others wrong.
    """

    q: float
    df: int
    p_value: float
    discordant: int
    method: str = "Cochran's Q"


def friedman(table: ArrayLike) -> Friedman:
    """Compare models over many datasets, or over cases.

    Source: Friedman 1937, tie-corrected; Iman and Davenport 1980: F = (n - 1)chi2 / (n(k - 1) -
    chi2) with k - 1 and (k - 1)(n - 1) degrees of freedom.

    Args:
        table: Shape (rows, models), higher is better.

    Raises:
        UndefinedMetric: With fewer than two rows.
    """
    ranks = _rank_rows(table)
    n, k = ranks.shape
    means = ranks.mean(axis=0)
    spread = float(((means - (k + 1) / 2) ** 2).sum())
    plain = 12 * n * spread / (k * (k + 1))
    # Sum of squares of ranks without ties, which ties reduce.
    untied = n * (k**3 - k) / 12
    observed = float(((ranks - (k + 1) / 2) ** 2).sum())
    chi2 = plain * untied / observed if observed else 0.0
    f, p_f = _iman_davenport(chi2, n, k)
    f_plain, p_plain = _iman_davenport(plain, n, k)
    return Friedman(
        mean_ranks=means,
        chi2=chi2,
        p_value=float(chdtrc(k - 1, chi2)),
        iman_davenport_F=f,
        p_F=p_f,
        chi2_no_tie_correction=plain,
        iman_davenport_F_no_tie=f_plain,
        p_F_no_tie=p_plain,
        kendall_w=chi2 / (n * (k - 1)),
        n=n,
        groups=n,
        note=_friedman_note(n, has_spread=bool(observed), same_ranking=f is None),
    )


def _friedman_note(n: int, *, has_spread: bool, same_ranking: bool) -> str:
    if not has_spread:
        return ALL_EQUAL_NOTE
    notes = ["all rows rank the models in the same order"] if same_ranking else []
    if n < MIN_DATASETS:
        notes.append(f"only {n} rows: F rejects too often, chi-squared too rarely")
    return "; ".join(notes)


def nemenyi(table: ArrayLike, *, alpha: float = 0.05) -> Nemenyi:
    """Compare all pairs of models by their mean ranks; not computed under ten rows.

    Source: Nemenyi 1963, Demšar 2006: critical difference q √(k(k + 1)/6n).

    Args:
        table: Shape (rows, models), higher is better.
        alpha: Significance level over all pairs.

    Raises:
        UndefinedMetric: With fewer than two rows.
    """
    check_share(alpha, "alpha")
    ranks = _rank_rows(table)
    n, k = ranks.shape
    means = ranks.mean(axis=0)
    enough = n >= MIN_DATASETS
    unit = sqrt(k * (k + 1) / (6 * n))
    apart = np.abs(means[:, None] - means) / unit * sqrt(2)
    return Nemenyi(
        mean_ranks=means,
        p_values=np.clip(scipy.stats.studentized_range.sf(apart, k, np.inf), 0.0, 1.0) if enough else None,
        critical_difference=nemenyi_critical_value(k, alpha=alpha) * unit if enough else None,
        alpha=alpha,
        n=n,
        groups=n,
        note="" if enough else f"not computed: {n} rows, a critical difference needs {MIN_DATASETS}",
    )


def nemenyi_critical_value(models: int, *, alpha: float = 0.05) -> float:
    """Return the quantile of the studentized range with infinite df, divided by √2."""
    if models < 2:
        raise ValueError(f"{models} models: a comparison needs at least 2")
    return float(scipy.stats.studentized_range.ppf(1 - alpha, models, np.inf)) / sqrt(2)


def cochran_q(table: ArrayLike) -> CochranQ:
    """Test whether models are right equally often, for one case per group.

    Source: Cochran 1950: Q = (k - 1)(k Σ C² - T²)/(k T - Σ R²), of columns C, rows R, total T.

    Args:
        table: Shape (cases, models), 1 where a model is right, else 0.

    Raises:
        UndefinedMetric: Without cases.
    """
    hits = np.asarray(table, dtype=np.float64)
    if hits.ndim != 2 or hits.shape[1] < 2 or not np.isin(hits, (0, 1)).all():
        raise ValueError(f"a table of shape {hits.shape}, not (cases, models) of 0 and 1")
    n, k = hits.shape
    if not n:
        raise UndefinedMetric("no cases")
    rows, columns = hits.sum(axis=1), hits.sum(axis=0)
    discordant = int(((rows > 0) & (rows < k)).sum())
    spread = float((rows * (k - rows)).sum())
    q = (k - 1) * k * float(((columns - columns.mean()) ** 2).sum()) / spread if spread else 0.0
    few = f"only {discordant} discordant cases: chi-squared is approximate"
    return CochranQ(
        q=q,
        df=k - 1,
        p_value=float(chdtrc(k - 1, q)),
        discordant=discordant,
        n=n,
        groups=n,
        note=ALL_EQUAL_NOTE if not discordant else few if discordant * k < MIN_COCHRAN_CELLS else "",
    )


def _iman_davenport(chi2: float, n: int, k: int) -> tuple[float | None, float]:
    remainder = n * (k - 1) - chi2
    if remainder <= 1e-9 * n * k:
        # F is infinite; this is the probability that all rows have the same ranking by chance.
        return None, float(1 / factorial(k)) ** (n - 1)
    f = (n - 1) * chi2 / remainder
    return f, float(fdtrc(k - 1, (k - 1) * (n - 1), f))


def _rank_rows(table: ArrayLike) -> Floats:
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise ValueError(f"a table of shape {values.shape}, not (rows, models) of finite numbers")
    if len(values) < 2:
        raise UndefinedMetric(f"{len(values)} rows: ranks need at least 2")
    ranked: Floats = scipy.stats.rankdata(-remove_rounding_noise(values), axis=1)
    return ranked
