"""What the API calls of one job have cost, whether it succeeded or not."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from arogya_bench.api_models.ledger import CallLedger, ledger_path
from arogya_bench.api_models.model import ApiModel
from arogya_bench.errors import UserError
from arogya_bench.evaluation.evaluation import Evaluation
from arogya_bench.evaluation.job import Job
from arogya_bench.runtime.process import Process, current_process
from arogya_bench.tracking.runs import get_run

SPENT_USD = "api_spent_usd"  # metric of an evaluation by an API


@dataclass(frozen=True, kw_only=True)
class CallCosts:
    """The cost of the API calls of a job, in a process whose jobs run one after the other.

    Attributes:
        before: USD that the calls of this process had cost when the job began.
    """

    owner: Process
    before: float

    @classmethod
    def begin(cls, job: Job) -> Self | None:
        """Begin to count; None if the job calls no API, or the ledger of calls cannot be read."""
        owner = current_process()
        before = usd_of_process(job, owner)
        return None if before is None else cls(owner=owner, before=before)

    def end(self, evaluations: Sequence[Evaluation], store_uri: str) -> float | None:
        """USD that the job has cost by the ledger, or by its evaluations if these report more.

        They do for a batch that an earlier command submitted, and for an adapter that keeps no ledger.
        """
        total, reported = _usd_by_ledger(self.owner), 0.0
        if total is None:
            return None
        with suppress(UserError):  # without the store, the ledger says enough
            reported = sum(get_run(store_uri, each.run_id).metrics.get(SPENT_USD, 0.0) for each in evaluations)
        return max(total - self.before, reported)


def usd_of_process(job: Job, owner: Process) -> float | None:
    """USD that the API calls of a process cost by the ledger; None if the job calls no API or it cannot be read."""
    return _usd_by_ledger(owner) if isinstance(job.model, ApiModel) else None


def _usd_by_ledger(owner: Process) -> float | None:
    try:
        return float(CallLedger(ledger_path()).spent_by(str(owner)))
    except UserError:
        return None
