"""A model behind an API that needs a key and a consent, and answers without a network."""

import os
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np

from arogya_bench.api_models.calls import Outcome, ReadAnswer, Status
from arogya_bench.api_models.model import CellAnswers
from arogya_bench.errors import ConfigError, RequirementMissing
from arogya_bench.models.prior import Prior
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.types import ANSWER_COLUMNS

KEY = "TINY_API_KEY"
EXPECTED = TokenUsage(input=1000, output=200)  # 0.0008 USD at 0.3 and 2.5 a million
LARGEST = TokenUsage(input=2000, output=1000)  # 0.0031 USD
ANSWER_USD = Decimal("0.0004")  # it answers with half of what was expected


@dataclass(frozen=True, kw_only=True)
class TinyPredictor:
    """Answers that every class is equally probable."""

    class_count: int

    def __call__(self, images):
        if KEY not in os.environ:
            raise RequirementMissing("The key is gone.", fix=f"set {KEY}.")
        return np.full((len(images), self.class_count), 1 / self.class_count)

    def answer_cell(self, images, count, access):
        """Answer each case."""
        outcomes = tuple((self.outcome(i),) for i in range(count))
        columns = {
            "answer_status": ("ok",) * count,
            "answer_attempts": (1,) * count,
            "answer_usd": (float(ANSWER_USD),) * count,
            "answer_reused": (False,) * count,
        }
        return CellAnswers(
            probabilities=self(list(images)),
            columns={**dict.fromkeys(ANSWER_COLUMNS, (None,) * count), **columns},
            texts=({},) * count,
            outcomes=outcomes,
            request={"dataset": access.dataset},
            sent=count,
            spent_usd=float(ANSWER_USD) * count,
            possible_usd=0.0,
        )

    def outcome(self, number):
        """An answer, which its number tells from the others."""
        return Outcome(
            key=f"{number:064}",
            answer=ReadAnswer(status=Status.OK),
            attempts=1,
            usage=TokenUsage(input=500, output=100),
            usd=ANSWER_USD,
            possible_usd=Decimal(0),
            asked_at=1_790_000_000.0,
        )


@dataclass(frozen=True, kw_only=True)
class TinyApi(Prior):
    """An API that is asked about the priced model ``tiny-1``.

    Attributes:
        model_id: Empty for one that nobody bills.
        wrong: Whether its settings contradict each other.
        examples: Drawn by the seed, so that each seed asks something else.
        loses_key: Whether the key is gone when it is asked.
    """

    model_id: str = "tiny-1"
    wrong: bool = False
    examples: bool = False
    loses_key: bool = False
    control: str = "none"
    batch: bool = False
    adapter_name: ClassVar[str] = "test_tiny_api"
    adapter_version: ClassVar[int] = 1
    tier = "paid"
    terms = ""

    @property
    def seeded(self):
        return self.examples

    @property
    def price_name(self):
        return self.model_id or None

    def check_access(self, *, dataset, external_api):
        if self.wrong:
            raise ConfigError("Two keys differ.", fix="set one.")
        if external_api != "allowed":
            raise RequirementMissing(
                f"{dataset} does not allow its images to be sent.", fix="set dataset.external_api=allowed."
            )
        if KEY not in os.environ:
            told = os.environ.get("OLD_API_KEY", "")  # no adapter should say this
            raise RequirementMissing(f"There is no [key] {told}of tiny-1.", fix=f"set the variable {KEY}.")

    def least_seconds(self, cases):
        return None

    def estimate_tokens(self, classes):
        assert all(isinstance(name, str) for name in classes)
        return EXPECTED, LARGEST

    def fit(self, *args, **named):
        if self.loses_key:
            os.environ.pop(KEY, None)
        return super().fit(*args, **named)

    def load(self, weights, *, classes, device):
        return TinyPredictor(class_count=len(classes))
