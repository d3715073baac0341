"""What the model of an API needs before its job may start: a price, a consent, a key and a service."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arogya_bench.api_models.model import ApiModel
from arogya_bench.errors import RequirementMissing
from arogya_bench.evaluation.job import Job, PlannedJob
from arogya_bench.sweeps.sweep_prices import SweepPrices

DENIED = "denied"


@dataclass(frozen=True, kw_only=True)
class SkippedJob:
    """A job that is left out of a sweep, and why."""

    planned: PlannedJob
    reason: RequirementMissing


@dataclass(frozen=True, kw_only=True)
class RequirementCheck:
    """Checks the jobs of one sweep; several jobs of one model and dataset are one question to its service."""

    prices: SweepPrices
    _answers: dict[tuple[str, str, str], RequirementMissing | None] = field(default_factory=dict)

    def reason_to_skip(self, planned: PlannedJob) -> RequirementMissing | None:
        """What a job lacks; None if it may start.

        Raises:
            RequirementMissing: Instead, with ``sweep.missing=stop``.
            PriceError: If its tokens are billed and have no price.
            ConfigError: If its settings contradict each other.
        """
        model = planned.job.model
        if not isinstance(model, ApiModel):
            return None
        self.prices.token_rates(model)
        key = (repr(model), planned.dataset.name, external_api(planned.job))
        if key not in self._answers:
            self._answers[key] = _missing_requirement(model, planned)
        reason = self._answers[key]
        if reason is not None and _sweep_settings(planned.job).get("missing") == "stop":
            raise reason
        return reason


def external_api(job: Job) -> str:
    """What the dataset of a job says of models behind APIs; the source of another package may say nothing."""
    return str(getattr(job.source, "external_api", DENIED))


def _missing_requirement(model: ApiModel, planned: PlannedJob) -> RequirementMissing | None:
    try:
        model.check_access(dataset=planned.dataset.name, external_api=external_api(planned.job))
    except RequirementMissing as reason:
        return reason
    return None


def _sweep_settings(job: Job) -> Mapping[str, object]:
    settings: Mapping[str, object] = job.config.get("sweep", {})
    return settings
