"""What holds for all requests of one call of a queue."""

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import uuid4

from arogya_bench.api_models.budget import ApiBudget
from arogya_bench.api_models.calls import ApiRequest
from arogya_bench.api_models.limits import QueueSettings
from arogya_bench.prices.tokens import TokenRates, TokenUsage
from arogya_bench.runtime.process import current_process


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sends, on whose account, and at what price.

    Attributes:
        account: Over which the limits are counted.
        rates: None if nobody bills the tokens.
        owner: The process, so that others can tell whether it still runs.
        run: Tells the calls of queues in one process apart.
    """

    account: str
    settings: QueueSettings
    budget: ApiBudget
    rates: TokenRates | None
    owner: str = field(default_factory=lambda: str(current_process()))
    run: str = field(default_factory=lambda: uuid4().hex)

    def usd(self, usage: TokenUsage) -> Decimal | None:
        """The price of some tokens; None if nobody bills them."""
        return None if self.rates is None else self.rates.usd(usage)


@dataclass(frozen=True, kw_only=True)
class NextAttempt:
    """An attempt that is about to be made.

    Attributes:
        ended: How many attempts of the request have ended, as far as its sender knows.
        doubled: Whether the answer may have twice as many tokens, since an earlier one was cut.
    """

    request: ApiRequest
    ended: int
    doubled: bool

    @property
    def most(self) -> TokenUsage:
        """Upper bound of its tokens."""
        return _doubled(self.request.most) if self.doubled else self.request.most

    @property
    def expected_tokens(self) -> int:
        """What it is likely to take."""
        return count_tokens(self.request.expected)


def count_tokens(usage: TokenUsage) -> int:
    """All tokens that an attempt takes, cached ones included."""
    return (usage.input or 0) + (usage.output or 0) + (usage.thinking or 0)


def _doubled(usage: TokenUsage) -> TokenUsage:
    """The same input with twice the output."""
    return usage + TokenUsage(output=usage.output, thinking=usage.thinking)
