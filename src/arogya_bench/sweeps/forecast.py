"""Forecasts what a planned sweep takes, from the history of its experiment."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from arogya_bench.api_models.model import ApiModel
from arogya_bench.evaluation.job import Job, PlannedJob, prepare
from arogya_bench.prices.spending import JobCost
from arogya_bench.runtime.digests import digest_of, model_identity
from arogya_bench.sweeps.history import History
from arogya_bench.sweeps.job_result import job_key
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.sweeps.sweep_prices import SweepPrices


@dataclass(frozen=True, kw_only=True)
class JobForecast:
    """The work of one job that no earlier job of the sweep does: numbers of cells, pending cells and fits.

    Attributes:
        asked_images: Number of test images that an API has to be asked about.
    """

    planned: PlannedJob
    cells: int
    pending: int
    fits: int
    asked_images: int

    @property
    def images(self) -> int:
        """Number of test images that the model has to predict."""
        return self.pending * len(self.planned.split.test)


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """The jobs of one model on one dataset; None stands for an amount without previous runs.

    Attributes:
        seconds: Duration of all jobs, one after the other.
        longest_seconds: Duration of the longest job that can be forecast; 0 without one.
        megabytes: Size of the files that the jobs add to the store.
        usd: Price of the API calls; None if it is not known.
    """

    model: str
    dataset: str
    cells: int
    finished: int
    fits: int
    seconds: float | None
    longest_seconds: float
    megabytes: float | None
    usd: float | None


@dataclass(frozen=True, kw_only=True)
class ForecastSum:
    """The sum of the known amounts, None if there are none, and the models that it leaves out."""

    value: float | None
    unknown_models: tuple[str, ...]


def forecast_rows(plan: SweepPlan, history: History, prices: SweepPrices) -> list[ForecastRow]:
    """Forecast a plan, one row for each model and dataset."""
    groups: dict[tuple[str, str], list[JobForecast]] = defaultdict(list)
    for forecast in job_forecasts(plan, history):
        groups[forecast.planned.job.row_name, forecast.planned.dataset.name].append(forecast)
    return [_forecast_row(model, dataset, forecasts, history, prices) for (model, dataset), forecasts in groups.items()]


def forecast_costs(plan: SweepPlan, history: History, prices: SweepPrices, *, alone: bool) -> dict[str, JobCost]:
    """Forecast what each job with pending cells takes, by its overrides.

    ``alone`` counts the API calls of each job as if no image shared its request with another or with another job: a
    job that does not fit in a budget leaves them to the next.
    """
    return {
        job_key(forecast.planned.job.overrides): JobCost(
            row=forecast.planned.job.row_name,
            seconds=_job_seconds(forecast, history),
            api_usd=_api_usd([replace(forecast, asked_images=forecast.images) if alone else forecast], prices),
        )
        for forecast in job_forecasts(plan, history)
        if forecast.pending
    }


def sum_known(rows: Sequence[ForecastRow], amount: Callable[[ForecastRow], float | None]) -> ForecastSum:
    """Add up the known amounts of rows with pending cells."""
    pending = [(row.model, amount(row)) for row in rows if row.cells > row.finished]
    known = [value for _, value in pending if value is not None]
    unknown = tuple(dict.fromkeys(model for model, value in pending if value is None))
    return ForecastSum(value=sum(known) if known or not unknown else None, unknown_models=unknown)


def parallel_jobs(plan: SweepPlan, workers: int) -> int:
    """Number of jobs that run at once: jobs with pending cells, without exclusive ones."""
    shared = sum(not planned.job.exclusive for planned in plan.jobs_with(plan.pending))
    return max(1, min(workers, shared))


def job_forecasts(plan: SweepPlan, history: History) -> list[JobForecast]:
    """Forecast each job; cells, fits and questions to an API that several jobs share count for the first."""
    forecasts = []
    counted: set[str] = set()
    questions = _answered_questions(plan)
    fitted = set(history.fits)
    for planned in plan.jobs:
        cells = set(planned.cell_keys.values()) - counted
        pending = cells & plan.pending
        fits = {planned.fit_key} - fitted if pending else set()
        asked = {what for key, what in _questions(planned).items() if key in pending} - questions
        counted |= cells
        fitted |= fits
        questions |= asked
        forecasts.append(
            JobForecast(
                planned=planned,
                cells=len(cells),
                pending=len(pending),
                fits=len(fits),
                asked_images=len(asked) * _images_per_question(planned),
            )
        )
    return forecasts


def _questions(planned: PlannedJob) -> dict[str, tuple[object, ...]]:
    """What is asked in each cell, by its key.

    An API is asked the same for all seeds of a row that no seed changes, and for the control that shuffles its answers.
    """
    if not isinstance(planned.job.model, ApiModel):
        return {key: (key,) for key in planned.cell_keys.values()}
    job = _without_shuffling(planned.job)
    row = digest_of({"model": model_identity(job.model), "training": job.training.identity})
    seed = job.seed if getattr(job.model, "seeded", True) else None
    data = planned.dataset.digest, planned.split.digest
    return {key: (row, *data, name, seed) for name, key in planned.cell_keys.items()}


def _answered_questions(plan: SweepPlan) -> set[tuple[object, ...]]:
    """What the finished cells of a plan have asked, and those of the rows whose answers it shuffles."""
    reused = plan.reused
    answered = {what for planned in plan.jobs for key, what in _questions(planned).items() if key in reused}
    for planned in plan.jobs:
        job = _without_shuffling(planned.job)
        if job is not planned.job and job.resume:
            shuffled = prepare(job, planned.dataset, check=False)
            answered |= {what for key, what in _questions(shuffled).items() if key in plan.finished}
    return answered


def _without_shuffling(job: Job) -> Job:
    """The job whose answers a control shuffles; the same job if it is no such control."""
    if not isinstance(job.model, ApiModel) or job.model.control != "shuffled_labels":
        return job
    return replace(job, model=replace(cast("Any", job.model), control="none"))


def _images_per_question(planned: PlannedJob) -> int:
    """Number of different images of a cell: blank ones are equal, if all images have one size."""
    return 1 if getattr(planned.job.model, "control", "none") == "blank" else len(planned.split.test)


def _forecast_row(
    model: str, dataset: str, forecasts: Sequence[JobForecast], history: History, prices: SweepPrices
) -> ForecastRow:
    cells = sum(forecast.cells for forecast in forecasts)
    seconds = [_job_seconds(forecast, history) for forecast in forecasts]
    return ForecastRow(
        model=model,
        dataset=dataset,
        cells=cells,
        finished=cells - sum(forecast.pending for forecast in forecasts),
        fits=sum(forecast.fits for forecast in forecasts),
        seconds=weighted_sum(*((1, job_seconds) for job_seconds in seconds)),
        longest_seconds=max(job_seconds or 0.0 for job_seconds in seconds),
        megabytes=weighted_sum(*((1, _job_megabytes(forecast, history)) for forecast in forecasts)),
        usd=_api_usd(forecasts, prices),
    )


def _api_usd(forecasts: Sequence[JobForecast], prices: SweepPrices) -> float | None:
    return weighted_sum(
        *(
            (forecast.asked_images, prices.api_usd_per_image(forecast.planned.job, forecast.planned.dataset.classes))
            for forecast in forecasts
        )
    )


def _job_seconds(forecast: JobForecast, history: History) -> float | None:
    job = forecast.planned.job
    fit_seconds = history.fit_seconds.get((job.model_name, forecast.planned.dataset.digest))
    return weighted_sum((forecast.images, history.seconds_per_case.get(job.row_name)), (forecast.fits, fit_seconds))


def _job_megabytes(forecast: JobForecast, history: History) -> float | None:
    job = forecast.planned.job
    return weighted_sum(
        (forecast.pending, history.cell_mb.get(job.row_name)), (forecast.fits, history.fit_mb.get(job.model_name))
    )


def weighted_sum(*terms: tuple[int, float | None]) -> float | None:
    """Sum up count times amount; None if the amount of a non-zero count is unknown."""
    if any(count and amount is None for count, amount in terms):
        return None
    return sum(count * cast("float", amount) for count, amount in terms if count)
