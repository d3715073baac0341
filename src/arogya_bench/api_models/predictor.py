"""A model behind an API as evaluations call it: the images of a whole cell in, answers out."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import numpy as np

from arogya_bench.api_models.accounts import account_of
from arogya_bench.api_models.answers import read_reply
from arogya_bench.api_models.batch import answer_batch
from arogya_bench.api_models.budget import ApiBudget
from arogya_bench.api_models.calls import ApiRequest, EncodedImage, ModelConnection, Outcome
from arogya_bench.api_models.cell_answers import answer_columns, case_texts, probability_table
from arogya_bench.api_models.encoding import ImageEncoding
from arogya_bench.api_models.ledger import CallLedger, ledger_path
from arogya_bench.api_models.limits import QueueSettings
from arogya_bench.api_models.metered_client import CallMeter, MeteredClient, ProviderClient
from arogya_bench.api_models.model import ApiAccess, CellAnswers
from arogya_bench.api_models.queue import answer_all
from arogya_bench.api_models.sender import Sender
from arogya_bench.errors import PriceError, RequirementMissing
from arogya_bench.prices.tokens import TokenRates, token_rates
from arogya_bench.types import Image, ImageBatch, Probabilities

UNASKED_IMAGE = EncodedImage(content=b"", mime_type="")  # of a template, before an image takes its place


class ApiService(Protocol):
    """What a predictor needs of the adapter of an API.

    Attributes:
        repeats: How often every image is asked about.
        control: ``none``, ``blank`` or ``shuffled_labels``.
    """

    @property
    def repeats(self) -> int: ...  # noqa: D102  (an attribute)
    @property
    def control(self) -> str: ...  # noqa: D102
    @property
    def batch(self) -> bool: ...  # noqa: D102
    @property
    def price_name(self) -> str | None: ...  # noqa: D102
    @property
    def allow_substitution(self) -> bool: ...  # noqa: D102
    @property
    def queue_settings(self) -> QueueSettings: ...  # noqa: D102

    def check_access(self, *, dataset: str, external_api: str) -> None:
        """Check consent, key and service."""

    def read_key(self) -> str:
        """The key from the environment; empty for a service without one."""

    def open_client(self, key: str) -> ProviderClient:
        """Open a client in the running event loop."""

    def check_version(self, version: str | None) -> None:
        """Raise ApiError if this version of a model is not the one that was asked for."""


@dataclass(frozen=True, kw_only=True)
class ApiPredictor:
    """Asks an API about the images of a cell.

    Attributes:
        template: A request without its image.
        texts: Names of the texts of an answer.
    """

    service: ApiService
    template: ApiRequest
    encoding: ImageEncoding
    classes: tuple[str, ...]
    texts: Sequence[str]

    def answer_cell(self, images: Iterable[Image], count: int, access: ApiAccess) -> CellAnswers:
        """Ask about ``count`` images, read one by one when they are sent."""
        self.service.check_access(dataset=access.dataset, external_api=access.external_api)
        rates = self._rates(access)
        meter = CallMeter()
        outcomes = self._ask(images, count, access, rates, meter)
        repeats = self.service.repeats
        cases = [tuple(outcomes[start : start + repeats]) for start in range(0, count * repeats, repeats)]
        if self.service.control == "shuffled_labels":
            cases = [cases[i] for i in np.random.default_rng(access.seed).permutation(count)]
        return CellAnswers(
            probabilities=probability_table(cases, len(self.classes)),
            columns=answer_columns(cases),
            texts=tuple(map(case_texts, cases)),
            outcomes=tuple(cases),
            request=self.describe_request(meter),
            sent=meter.sent,
            spent_usd=None if rates is None else float(rates.usd(meter.usage)),
            possible_usd=float(sum(outcome.possible_usd for outcome in outcomes if not outcome.reused)),
        )

    def __call__(self, images: ImageBatch) -> Probabilities:
        """Refuse: images without a dataset have no consent to be sent."""
        del images
        raise RequirementMissing(
            "Images without a dataset have no consent to be sent to an API.",
            fix="evaluate the model on a dataset whose config says external_api: allowed.",
        )

    def describe_request(self, meter: CallMeter) -> dict[str, object]:
        """What is sent with every image, as JSON; without images and keys."""
        template = self.template
        facts = {
            "provider": template.provider,
            "endpoint": template.endpoint,
            "model": template.model_id,
            "prompt": template.prompt,
            "schema": template.schema,
            "parameters": dict(template.parameters),
            "image": self.encoding.describe(),
            "examples": [example.answer for example in template.examples],
            "repeats": self.service.repeats,
            "control": self.service.control,
            "notes": sorted(meter.notes),
        }
        described: dict[str, object] = json.loads(json.dumps(facts))
        return described

    def _ask(
        self, images: Iterable[Image], count: int, access: ApiAccess, rates: TokenRates | None, meter: CallMeter
    ) -> list[Outcome]:
        key = self.service.read_key()
        connection = ModelConnection(
            open_client=self._opener(key, meter),
            read=partial(read_reply, classes=self.classes, texts=tuple(self.texts)),
            check_version=self.service.check_version,
            one_version=not self.service.allow_substitution,
        )
        sender = Sender(
            account=account_of(key or self.template.endpoint),
            settings=self.service.queue_settings,
            budget=ApiBudget(scope=access.scope, usd=access.budget_usd),
            rates=rates,
        )
        ask = partial(answer_batch if self.service.batch else answer_all, self._requests(images))
        return ask(
            connection,
            sender,
            count=count * self.service.repeats,
            ledger=CallLedger(ledger_path()),
            description=access.description,
        )

    def _opener(self, key: str, meter: CallMeter) -> Callable[[], MeteredClient]:
        return lambda: MeteredClient(self.service.open_client(key), meter)

    def _requests(self, images: Iterable[Image]) -> Iterator[ApiRequest]:
        encode = self.encoding.encode_blank if self.service.control == "blank" else self.encoding.encode
        for image in images:
            encoded = encode(image)
            for repeat in range(self.service.repeats):
                yield replace(self.template, image=encoded, repeat=repeat)

    def _rates(self, access: ApiAccess) -> TokenRates | None:
        name = self.service.price_name
        if name is None:
            return None
        if access.prices is None:
            if access.budget_usd is None:
                return None
            raise PriceError(
                f"There is a budget of {access.budget_usd:g} USD, but no price list.",
                fix="choose a price list, such as prices=default, or set budget.usd=null.",
            )
        return token_rates(access.prices, name, on=datetime.now(UTC).date(), batch=self.service.batch)
