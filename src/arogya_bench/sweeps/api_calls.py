"""What the API calls of a sweep are likely to cost, before it starts, and where the latency of APIs stands."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.markup import escape

from arogya_bench.api_models.model import ApiModel
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.prices.spending import format_usd
from arogya_bench.runtime.console import echo, format_duration, plural
from arogya_bench.sweeps.forecast import job_forecasts
from arogya_bench.sweeps.history import History
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.sweeps.skipped_cells import print_skipped
from arogya_bench.sweeps.sweep_prices import SweepPrices

SHORTEST_NAMED_S = 60.0  # a shorter time is not worth a word


@dataclass(frozen=True, kw_only=True)
class ApiEstimate:
    """What one row of an API is asked.

    Attributes:
        images: Number of images that no other row asks about; each is sent once for every repeat.
        blank: Whether they are those of the control without anything to see, one for each condition.
        expected_usd: None if nobody bills the tokens, as ``largest_usd``, which is that without retries.
        least_seconds: By the limits of requests; None without such a limit.
    """

    row: str
    images: int
    blank: bool
    expected_usd: Decimal | None
    largest_usd: Decimal | None
    least_seconds: float | None


def print_api_rows(plan: SweepPlan, prices: SweepPrices, budget_usd: float | None) -> None:
    """Print which rows of APIs are skipped or not measured, and what the others are likely to cost."""
    print_skipped(plan)
    if note := unmeasured_note(plan.jobs):
        echo(escape(note))
    estimates = api_estimates(plan, prices)
    for estimate in estimates:
        echo(f"API calls of {escape(estimate.row)}: {_describe(estimate)}")
    known = [estimate.largest_usd for estimate in estimates if estimate.largest_usd is not None]
    if not known:
        return
    if budget_usd is None:
        echo("API budget: no limit; budget.usd=USD sets one.")
        return
    passed = sum(known) > budget_usd
    warning = " The calls may cost more: a request that could pass the budget is not sent." if passed else ""
    echo(f"API budget: {format_usd(budget_usd)} for this experiment, less what earlier commands spent.{warning}")


def api_estimates(plan: SweepPlan, prices: SweepPrices) -> list[ApiEstimate]:
    """Estimate the calls of each row of an API that has pending cells, those that equal calls of others left out."""
    rows: dict[str, list[ApiEstimate]] = defaultdict(list)
    for forecast in job_forecasts(plan, History()):
        if forecast.pending and isinstance(forecast.planned.job.model, ApiModel):
            estimate = _estimate(forecast.planned, forecast.planned.job.model, forecast.asked_images, prices)
            rows[estimate.row].append(estimate)
    return [
        ApiEstimate(
            row=row,
            images=sum(estimate.images for estimate in estimates),
            blank=estimates[0].blank,
            expected_usd=_sum([estimate.expected_usd for estimate in estimates]),
            largest_usd=_sum([estimate.largest_usd for estimate in estimates]),
            least_seconds=sum(estimate.least_seconds or 0.0 for estimate in estimates) or None,
        )
        for row, estimates in rows.items()
    ]


def unmeasured_note(jobs: Sequence[PlannedJob]) -> str:
    """Which rows are asked to be measured and are not, since they run elsewhere; empty if there are none."""
    rows = dict.fromkeys(
        planned.job.row_name for planned in jobs if planned.job.measure and isinstance(planned.job.model, ApiModel)
    )
    if not rows:
        return ""
    names = f"{', '.join(rows)} {'is' if len(rows) == 1 else 'are'}"
    return f"{names} not measured: the latency of an API, over the network, is logged with its evaluations."


def _estimate(planned: PlannedJob, model: ApiModel, images: int, prices: SweepPrices) -> ApiEstimate:
    rates = prices.token_rates(model)
    expected, largest = model.estimate_tokens(planned.dataset.classes)
    return ApiEstimate(
        row=planned.job.row_name,
        images=images,
        blank=model.control == "blank",
        expected_usd=None if rates is None else images * rates.usd(expected),
        largest_usd=None if rates is None else images * rates.usd(largest),
        least_seconds=model.least_seconds(images),
    )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _describe(estimate: ApiEstimate) -> str:
    if not estimate.images:
        return "none of its own; equal requests are sent once."
    images = plural(estimate.images, "image")
    if estimate.blank:
        images += " (one for each condition, more if the images differ in size)"
    if estimate.expected_usd is None or estimate.largest_usd is None:
        return f"{images}, which nobody bills{_describe_time(estimate)}."
    expected, largest = format_usd(float(estimate.expected_usd)), format_usd(float(estimate.largest_usd))
    cost = f"about {expected} and at most {largest} without retries"
    return f"{images}, {cost}{_describe_time(estimate)}; answers of earlier runs are reused."


def _describe_time(estimate: ApiEstimate) -> str:
    if estimate.least_seconds is None or estimate.least_seconds < SHORTEST_NAMED_S:
        return ""
    return f", in at least {format_duration(estimate.least_seconds)} by its limit of requests"
