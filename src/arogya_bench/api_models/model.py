"""A model behind an API, as evaluations and sweeps see it: who may send what, and what a cell returns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from arogya_bench.api_models.calls import Outcome
from arogya_bench.prices.price_list import PriceList
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.types import Image, ImageBatch, Probabilities


@dataclass(frozen=True, kw_only=True)
class ApiAccess:
    """What an evaluation grants to a model behind an API; without it nothing is sent.

    Attributes:
        dataset: Name, for messages.
        external_api: What the config of the dataset says: ``allowed`` or ``denied``.
        scope: Digest of store and experiment, over which the budget is counted.
        budget_usd: None means no limit.
        prices: Of tokens; None without a price list.
        description: Of the cell, for the progress bar.
        seed: Of the job, for controls that draw at random.
    """

    dataset: str
    external_api: str
    scope: str
    budget_usd: float | None
    prices: PriceList | None
    description: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class CellAnswers:
    """How an API answered the cases of one cell.

    Attributes:
        probabilities: Shape (n, classes); a row of NaN for a case without an answer.
        columns: One tuple of n values for each of ``types.ANSWER_COLUMNS``.
        texts: Of each case, such as findings, diagnosis and recommendation; never evaluated.
        outcomes: Of each case, one per repeat.
        request: What was sent with every image: prompt, schema, parameters, format of the images.
        sent: Number of requests that this evaluation sent.
        spent_usd: What it spent, by the tokens that were reported; None without prices.
        possible_usd: What its failed attempts may have been billed besides.
    """

    probabilities: Probabilities
    columns: Mapping[str, tuple[object, ...]]
    texts: tuple[Mapping[str, str], ...]
    outcomes: tuple[tuple[Outcome, ...], ...]
    request: Mapping[str, object]
    sent: int
    spent_usd: float | None
    possible_usd: float


@runtime_checkable
class CellPredictor(Protocol):
    """What ``load`` of such a model returns: it takes the images of a whole cell, not batches."""

    def answer_cell(self, images: Iterable[Image], count: int, access: ApiAccess) -> CellAnswers:
        """Ask the API about ``count`` images, read one by one when they are sent.

        Raises:
            RequirementMissing: If a key, a consent or the service is missing.
            ApiError: If the API cannot be used any further; what was answered stays in the ledger.
            BudgetExceeded: If the next request could pass the budget.
        """

    def __call__(self, images: ImageBatch) -> Probabilities:
        """Always raises RequirementMissing: images without a dataset have no consent to be sent."""


@runtime_checkable
class ApiModel(Protocol):
    """The part of the adapter of an API that local models lack.

    Attributes:
        control: ``none``, or the control that the row is: ``blank`` or ``shuffled_labels``.
        batch: Whether requests are sent in the batch mode of the provider.
    """

    control: str
    batch: bool
    adapter_name: ClassVar[str]

    @property
    def tier(self) -> str:
        """``paid``, ``free``, or ``own`` for a server of one's own."""

    @property
    def terms(self) -> str:
        """What the terms of the provider limit, a clause without a full stop for reports; empty for nothing."""

    @property
    def price_name(self) -> str | None:
        """Name of the model in ``prices.tokens``; None if nobody bills its tokens."""

    def check_access(self, *, dataset: str, external_api: str) -> None:
        """Check consent, key and service, in this order, without sending anything of the data.

        Raises:
            RequirementMissing: If one is missing: the row is skipped.
            ConfigError: If the settings contradict each other, such as two different keys.
        """

    def least_seconds(self, cases: int) -> float | None:
        """How long asking about so many cases takes at least, by the limits of requests; None without such a limit."""

    def estimate_tokens(self, classes: tuple[str, ...]) -> tuple[TokenUsage, TokenUsage]:
        """What one case with all its repeats is likely to take, and at most without retries."""
