"""Evaluations of models behind APIs in the form that ``arogya-bench run`` logs, with made-up answers."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.evaluation.job import prepare
from arogya_bench.evaluation.run_items import cell_tags, job_params
from arogya_bench.models.prior import Prior
from arogya_bench.scoring.label_table import predictions_to_table
from arogya_bench.tracking.items import Params, ParquetTable, Scalars, Tags
from arogya_bench.tracking.runs import finish_run, start_run, write_items
from arogya_bench.tracking.tags import (
    API,
    API_CONTROL,
    API_FIRST_ASKED,
    API_LAST_ASKED,
    API_MODEL_VERSION,
    API_TERMS,
    API_TIER,
)

MODEL_ID = "gemini-3.5-flash-lite"
TERMS = "the provider forbids use in clinical practice and for medical advice"
USD_PER_CASE = 0.000831  # 1,520 tokens at 0.30 and 150 at 2.50 USD a million


@dataclass(frozen=True, kw_only=True)
class HostedModel(Prior):
    """A model behind an API, as far as the tags and params of its runs go."""

    adapter_name: ClassVar[str] = "test_hosted"
    adapter_version: ClassVar[int] = 1
    seeded: ClassVar[bool] = False

    id: str = MODEL_ID
    control: str = field(default="none", metadata={"identity": "unless default"})
    batch: bool = field(default=False, metadata={"identity": "unless default"})


@dataclass(frozen=True, kw_only=True)
class Answered:
    """How the cases of an evaluation ended, in order: first the failures, then the answers.

    Attributes:
        failures: Status to number of cases.
        latency_ms: Median of the answers; they are lognormal.
        retried: Number of answers with a second attempt.
        fresh: Number of answers that are not reused although ``reused`` says so.
        usage: Tokens of one attempt: input, cached, output, thinking.
    """

    failures: tuple[tuple[str, int], ...] = ()
    latency_ms: float = 900.0
    wait_ms: float = 250.0
    retried: int = 0
    usage: tuple[int | None, ...] = (1520, None, 150, None)
    usd: float | None = USD_PER_CASE
    reused: bool = False
    fresh: int = 0
    version: str = MODEL_ID
    agreement: float | None = None

    def columns(self, count):
        """The columns of answers of ``count`` cases."""
        failed = [status for status, number in self.failures for _ in range(number)]
        statuses = [*failed, *["ok"] * (count - len(failed))]
        attempts = [2 if len(failed) <= i < len(failed) + self.retried else 1 for i in range(count)]
        draws = np.random.default_rng(3).lognormal(sigma=0.3, size=count)
        old = [self.reused and i >= self.fresh for i in range(count)]
        times = [None if old[i] else float(self.latency_ms * draws[i]) for i in range(count)]
        waits = [None if old[i] else float(self.wait_ms * (i % 3)) for i in range(count)]
        retries = [None if old[i] else 2000.0 * (attempts[i] - 1) for i in range(count)]
        tokens = [[None if used is None else used * tries for tries in attempts] for used in self.usage]
        return {
            "answer_status": tuple(statuses),
            "answer_attempts": tuple(attempts),
            **dict(zip((f"answer_{name}_tokens" for name in ("input", "cached", "output", "thinking")),
                       map(tuple, tokens), strict=True)),
            "answer_usd": tuple(None if self.usd is None else self.usd * tries for tries in attempts),
            "answer_latency_ms": tuple(times),
            "answer_wait_ms": tuple(waits),
            "answer_retry_ms": tuple(retries),
            "answer_reused": tuple(old),
            "answer_model_version": (self.version,) * count,
            "answer_probability_sum": tuple(1.0 if status == "ok" else None for status in statuses),
            "answer_agreement": (self.agreement,) * count,
        }  # fmt: skip


def write_evaluation(store, job, predictions_of, answered=None, tags=None, metrics=None):
    """Log the evaluation of a model under each condition of its job; return the id of the first run.

    Args:
        store: Where to.
        job: With the model.
        predictions_of: Makes up predictions of the test cases; cases that failed lose theirs.
        answered: How the cases ended, if an API was asked; one per condition, or one for all.
        tags: Beside those of the job.
        metrics: Of the run.
    """
    planned = prepare(job)
    conditions = planned.job.conditions
    outcomes = answered if isinstance(answered, tuple) else (answered,) * len(conditions)
    run_ids = []
    for condition, outcome in zip(conditions, outcomes, strict=True):
        predictions = _lose_failed(predictions_of(planned.split.test), outcome)
        run_ids.append(start_run(store, job.model_name, cell_tags(planned, condition)))
        rows = ParquetTable(file="predictions.parquet", rows=predictions_to_table(predictions))
        params, scalars = Params(values=job_params(planned)), Scalars(values=metrics or {})
        write_items(store, run_ids[-1], [params, scalars, Tags(values=tags or {}), rows])
        finish_run(store, run_ids[-1])
    return run_ids[0]


def _lose_failed(predictions, answered):
    """Add the columns of answers, and remove the probabilities of cases without one."""
    if answered is None:
        return predictions
    columns = answered.columns(len(predictions.case_ids))
    failed = np.array([status != "ok" for status in columns["answer_status"]])
    table = np.where(failed[:, None], np.nan, predictions.probabilities)
    return replace(predictions, probabilities=table, answers=columns)


def api_tags(
    *,
    api="gemini",
    version=MODEL_ID,
    tier="paid",
    terms=TERMS,
    first="2026-11-28",
    last=None,
    batch=False,
    control="none",
):
    """The tags that an evaluation by an API has beside the others."""
    return {
        API: api,
        API_MODEL_VERSION: version,
        API_FIRST_ASKED: f"{first}T08:00:00+00:00",
        API_LAST_ASKED: f"{last or first}T09:30:00+00:00",
        API_TIER: tier,
        **({API_TERMS: terms} if terms else {}),
        **({} if control == "none" else {API_CONTROL: control}),
    }


@dataclass(frozen=True, kw_only=True)
class ApiStudy:
    """Writes evaluations of local models and of models behind APIs on the same cases into a store.

    Attributes:
        job_of: The fixture of that name, as ``guessed``.
        source: Of the cases.
    """

    store: Any
    job_of: Any
    guessed: Any
    source: Any

    def local(self, name, *, skill=1.0, draw=1, noise=()):
        """Log the evaluation of a local model, also under noise; return the id of its first run."""
        return write_evaluation(self.store, self.job(name, None, noise=noise), self.made_up(skill, draw))

    def hosted(self, name="gemini", answered=None, *, skill=1.0, draw=0, seed=42, control="none", **more):
        """Log the evaluation of a model behind an API; ``tags`` are those of ``api_tags``, ``metrics`` of the run.

        With the severities ``noise``, ``answered`` may be a tuple: for clean images, then for each of them.
        """
        tags = api_tags(control=control, **more.get("tags", {}))
        model = HostedModel(control=control, **{key: more[key] for key in ("id", "batch") if key in more})
        job = self.job(name, model, seed=seed, noise=more.get("noise", ()))
        predictions_of = self.made_up(skill, draw)
        return write_evaluation(self.store, job, predictions_of, answered or Answered(), tags, more.get("metrics"))

    def job(self, name, model, **fields):
        """A job on the cases of this study."""
        split = SplitPolicy(train=0.2, validation=0.2, test=0.6)
        return self.job_of(name, model, source=self.source, split=split, **fields)

    def made_up(self, skill, draw):
        """A function that makes up predictions."""
        return lambda cases: self.guessed(cases, skill=skill, seed=draw)


def write_typical_study(study):
    """A local model, one behind an API that 25 of 100 cases fail with, its two controls, and a server of one's own."""
    study.local("cnn", skill=1.8)
    failures = (("blocked", 20), ("truncated", 5))
    answered = Answered(failures=failures, retried=8, usage=(1520, 200, 150, 30), agreement=0.92)
    dates = {"first": "2026-11-26", "last": "2026-11-28"}
    study.hosted("gemini", answered, skill=4.0, tags=dates, metrics={"api_possible_usd": 0.01})
    study.hosted("gemini", control="blank", skill=0.0, draw=3)
    study.hosted("gemini", Answered(reused=True), control="shuffled_labels", skill=0.0, draw=4)
    own = {"tier": "own", "terms": "", "version": "medgemma-4b", "api": "openai_compatible"}
    study.hosted("medgemma", Answered(usd=None, latency_ms=300.0, version="medgemma-4b"), skill=1.2, draw=5, tags=own)


def compare_typical_study(store, job_of, guessed, source):
    """Write the typical study and compare it."""
    from arogya_bench import compare

    write_typical_study(ApiStudy(store=store, job_of=job_of, guessed=guessed, source=source))
    return compare("study", tracking_uri=store.uri)


NOISE = (0.05, 0.1)  # severities
UNDER_NOISE = ("gaussian_noise_0.05", "gaussian_noise_0.1")


def compare_degraded_study(store, job_of, guessed, source):
    """Compare a local model, one behind an API that noise makes fail, its control, and one that never fails."""
    from arogya_bench import compare

    study = ApiStudy(store=store, job_of=job_of, guessed=guessed, source=source)
    study.local("cnn", skill=1.8, noise=NOISE)
    failures = ((("blocked", 5),), (), (("blocked", 20), ("refused", 40)))
    study.hosted("gemini", tuple(Answered(failures=failed) for failed in failures), skill=4.0, noise=NOISE)
    study.hosted("gemini", control="blank", skill=0.0, draw=3, noise=NOISE)
    study.hosted("medgemma", skill=1.2, draw=5, noise=NOISE, tags={"tier": "own", "terms": "", "api": "vllm"})
    return compare("study", tracking_uri=store.uri)
