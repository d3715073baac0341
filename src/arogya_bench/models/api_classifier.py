"""What the classifiers behind APIs share: prompt, images, examples, repeats, controls and limits."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from arogya_bench.api_models.calls import ApiRequest, Example
from arogya_bench.api_models.encoding import FORMATS, ImageEncoding
from arogya_bench.api_models.guard import check_consent, check_service
from arogya_bench.api_models.ledger import check_ledger
from arogya_bench.api_models.limits import PRESETS, QueueSettings, RateLimits
from arogya_bench.api_models.metered_client import ProviderClient
from arogya_bench.api_models.predictor import UNASKED_IMAGE, ApiPredictor
from arogya_bench.api_models.prompts import PromptTemplate, example_answer
from arogya_bench.api_models.token_estimates import TokenRange, answer_tokens, repeated, request_tokens, schema_text
from arogya_bench.api_models.versions import check_model_version
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import check_classes, save_classes
from arogya_bench.models.api_address import service_address
from arogya_bench.models.api_examples import draw_examples, read_examples, save_examples
from arogya_bench.models.api_fields import check_request_fields
from arogya_bench.models.field_checks import check_choice, check_image_size
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.types import FitReport, Subset, Training

CONTROLS = ("none", "blank", "shuffled_labels")
UNKNOWN_TRAINING = "It is not known what the model was trained on: public test images may be part of it."
UNLESS_DEFAULT = {"identity": "unless default"}  # rarely set, and no column of its own in MLflow then
NO_NUMBER = {"identity": False}  # they change when an answer comes, not what it says


@dataclass(frozen=True, kw_only=True)
class ApiClassifier(ABC):
    """A vision language model behind an API: it is asked for one probability per class.

    Nothing is trained. A fit draws the examples of a few-shot prompt, if there are any.

    Attributes:
        id: Of the model, as the provider names it.
        prompt: What is asked, with ``{classes}`` and ``{fields}`` where the classes and the fields of the answer stand.
        texts: Names of the texts that are asked for beside the probabilities; they are kept and never evaluated.
        image_size: Pixels of the longest side of the images that are sent, at most.
        image_format: Of the images that are sent: ``png`` or ``jpeg``.
        image_quality: Of JPEG, 1 to 100.
        class_descriptions: What a class means, by its name, for names that do not say it.
        shots: Examples of each class in the prompt, drawn from the train split by the seed; 0 is zero-shot.
        repeats: How often every image is asked about; probabilities are averaged.
        control: ``none``; ``blank`` sends grey images, ``shuffled_labels`` permutes the answers between the cases:
            rows of their own, which show what is reached without seeing the images.
        max_output_tokens: Of one answer, with its thinking; doubled once for an answer that was cut.
        batch: Whether requests are sent in the batch mode of the provider.
        allow_substitution: Whether another model than the one of ``id`` may answer.
        attempts: At most, of one request whose attempts fail.
        timeout_s: Of one attempt, in seconds.
        base_url: Address of the service; empty for the provider's own.
        trained_on: Datasets that the model was trained on, as far as you know; the gate stops a run on one of them.
        requests_per_minute: Over all processes that use the same key; None for the preset of the tier.
        tokens_per_minute: The same for tokens; None for no limit.
        requests_per_day: The same for any 24 hours; None for no limit.
        concurrency: Requests at once, of one process.
        window_s: Seconds that count as a minute, for providers with other windows.
        batch_poll_s: Seconds between questions whether a batch is finished.
    """

    id: str
    prompt: str
    texts: list[str] = field(default_factory=lambda: ["findings", "diagnosis", "recommendation"])
    image_size: int = 512
    image_format: str = "png"
    image_quality: int = field(default=95, metadata=UNLESS_DEFAULT)
    class_descriptions: dict[str, str] = field(default_factory=dict, metadata=UNLESS_DEFAULT)
    shots: int = field(default=0, metadata=UNLESS_DEFAULT)
    repeats: int = field(default=1, metadata=UNLESS_DEFAULT)
    control: str = field(default="none", metadata=UNLESS_DEFAULT)
    max_output_tokens: int = field(default=1024, metadata=UNLESS_DEFAULT)
    batch: bool = field(default=False, metadata=UNLESS_DEFAULT)
    allow_substitution: bool = field(default=False, metadata=UNLESS_DEFAULT)
    attempts: int = field(default=5, metadata=UNLESS_DEFAULT)
    timeout_s: float = field(default=60.0, metadata=UNLESS_DEFAULT)
    base_url: str = field(default="", metadata=UNLESS_DEFAULT)
    trained_on: list[str] = field(default_factory=list, metadata=NO_NUMBER)
    requests_per_minute: int | None = field(default=None, metadata=NO_NUMBER)
    tokens_per_minute: int | None = field(default=None, metadata=NO_NUMBER)
    requests_per_day: int | None = field(default=None, metadata=NO_NUMBER)
    concurrency: int = field(default=8, metadata=NO_NUMBER)
    window_s: float = field(default=60.0, metadata=NO_NUMBER)
    batch_poll_s: float = field(default=30.0, metadata=NO_NUMBER)
    adapter_name: ClassVar[str]
    adapter_version: ClassVar[int]
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None]
    paid: ClassVar[bool] = True  # each image may cost money, unlike those of local models

    def __post_init__(self) -> None:
        check_request_fields(self)
        check_choice("image_format", self.image_format, tuple(FORMATS))
        check_choice("control", self.control, CONTROLS)
        check_image_size(self.image_size, at_least=8)
        self._template()
        self._limits()

    @property
    @abstractmethod
    def tier(self) -> str:
        """``paid``, ``free``, or ``own`` for a server of one's own."""

    @property
    @abstractmethod
    def terms(self) -> str:
        """What the terms of the provider limit, a clause without a full stop for reports; empty for nothing."""

    @property
    @abstractmethod
    def price_name(self) -> str | None:
        """Name of the model in the price list; None if nobody bills its tokens."""

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, object]:
        """What else changes answers, beside ``max_output_tokens``; only what is set."""

    @property
    @abstractmethod
    def image_tokens(self) -> TokenRange:
        """What one image counts as."""

    @abstractmethod
    def check_tier(self) -> None:
        """Check the consent that the tier needs; RequirementMissing without it."""

    @abstractmethod
    def read_key(self) -> str:
        """The key from the environment; empty for a service without one."""

    @abstractmethod
    def service_url(self) -> str:
        """Where requests go."""

    @abstractmethod
    def open_client(self, key: str) -> ProviderClient:
        """Open a client in the running event loop."""

    @property
    def seeded(self) -> bool:
        """Whether the seed draws anything: examples, or the permutation of a control."""
        return self.shots > 0 or self.control == "shuffled_labels"

    @property
    def trains(self) -> bool:
        """Whether training cases are needed: as the examples of a few-shot prompt."""
        return self.shots > 0

    @property
    def endpoint(self) -> str:
        """The address as it identifies the service, however it is written; empty for the provider's own."""
        return service_address(self.base_url)

    @property
    def queue_settings(self) -> QueueSettings:
        """How requests are sent."""
        return QueueSettings(
            limits=self._limits(),
            attempts=self.attempts,
            timeout_s=self.timeout_s,
            max_output_tokens=self.max_output_tokens,
            batch_poll_s=self.batch_poll_s,
        )

    def check_access(self, *, dataset: str, external_api: str) -> None:
        """Check consent, key and service, in this order; nothing of the data is sent."""
        check_consent(dataset, external_api)
        self.check_tier()
        self.read_key()
        check_ledger()
        check_service(self.service_url(), fix="connect this machine to the network, or correct model.base_url.")

    def check_version(self, version: str | None) -> None:
        """Raise ApiError if another model answered than the one that was asked for."""
        if not self.allow_substitution:
            check_model_version(self.id, version)

    def least_seconds(self, cases: int) -> float | None:
        """How long asking takes at least, by the requests a minute; None for batches, and without such a limit."""
        limits = self._limits()
        if self.batch or limits.requests_per_minute is None:
            return None
        return cases * self.repeats / limits.requests_per_minute * limits.window_s

    def estimate_tokens(self, classes: tuple[str, ...]) -> tuple[TokenUsage, TokenUsage]:
        """What one case with all its repeats is likely to take, and at most without retries."""
        answers = [example_answer(name) for name in classes] * self.shots
        request = self._request(classes, tuple(Example(image=UNASKED_IMAGE, answer=answer) for answer in answers))
        return repeated(request.expected, self.repeats), repeated(request.most, self.repeats)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Write the classes, and draw the examples of a few-shot prompt from ``train``."""
        del validation, training, device
        self._request(train.classes, ())  # it refuses what cannot be asked
        if self.shots:
            save_examples(out, train, draw_examples(train, self.shots, seed), self._encoding())
        save_classes(out, train.classes, {"shots": self.shots})
        return FitReport(notes=() if self.trained_on else (UNKNOWN_TRAINING,))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> ApiPredictor:
        """Read the examples; nothing is sent."""
        check_device_name(device)
        check_classes(weights, classes, {"shots": self.shots})
        examples = read_examples(weights) if self.shots else ()
        return ApiPredictor(
            service=self,
            template=self._request(classes, examples),
            encoding=self._encoding(),
            classes=classes,
            texts=tuple(self.texts),
        )

    def _template(self) -> PromptTemplate:
        return PromptTemplate(prompt=self.prompt, texts=self.texts, class_descriptions=self.class_descriptions)

    def _encoding(self) -> ImageEncoding:
        return ImageEncoding(size=self.image_size, format=self.image_format, quality=self.image_quality)

    def _limits(self) -> RateLimits:
        return RateLimits(
            requests_per_minute=PRESETS.get(self.tier)
            if self.requests_per_minute is None
            else self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            requests_per_day=self.requests_per_day,
            concurrency=self.concurrency,
            window_s=self.window_s,
        )

    def _request(self, classes: tuple[str, ...], examples: tuple[Example, ...]) -> ApiRequest:
        """The request of a case, without its image."""
        prompt, schema = self._template().render(classes), self._template().schema(classes)
        texts = [prompt, schema_text(schema), *(example.answer for example in examples)]
        answer = answer_tokens(classes, len(self.texts), self.max_output_tokens)
        expected, most = request_tokens(texts, 1 + len(examples), self.image_tokens, answer)
        return ApiRequest(
            provider=self.adapter_name,
            endpoint=self.endpoint,
            model_id=self.id,
            prompt=prompt,
            schema=schema,
            image=UNASKED_IMAGE,
            parameters={"max_output_tokens": self.max_output_tokens, **self.parameters},
            most=most,
            expected=expected,
            examples=examples,
        )
