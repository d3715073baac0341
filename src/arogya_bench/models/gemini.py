"""Google's Gemini, through the Gemini API: a research comparison, never clinical use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from arogya_bench.api_models.accounts import read_api_key
from arogya_bench.api_models.guard import check_free_tier, check_key
from arogya_bench.api_models.token_estimates import TokenRange
from arogya_bench.errors import check_extra
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.models import gemini_families
from arogya_bench.models.api_classifier import NO_NUMBER, UNLESS_DEFAULT, ApiClassifier
from arogya_bench.models.field_checks import check_choice
from arogya_bench.models.gemini_client import OPTIONS, GeminiClient

SERVICE_URL = "https://generativelanguage.googleapis.com"
KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
TERMS = (
    "the terms of the Gemini API exclude clinical practice, medical advice and uses under the oversight of a "
    "medical-device regulator"
)


@dataclass(frozen=True, kw_only=True)
class GeminiClassifier(ApiClassifier):
    """A Gemini model as a classifier; the key comes from ``GEMINI_API_KEY``, else ``GOOGLE_API_KEY``.

    Attributes:
        tier: Of the project of the key: ``paid``, or ``free``, where people may read what is sent.
        accept_free_tier_terms: Whether every image may be read by people; the free tier needs it.
        thinking_level: How much the model thinks, for Gemini 3 and later; None for its default.
        thinking_budget: Tokens of thinking, for Gemini 2.5: 0 for none, -1 for as many as the model likes.
        temperature: For Gemini 2.5; None for its default.
        api_version: Of the Gemini API: ``v1``, or ``v1beta``, which knows the ids that end with ``-latest``.
    """

    id: str = "gemini-3.5-flash-lite"
    tier: str = field(default="paid", metadata=NO_NUMBER)
    accept_free_tier_terms: bool = field(default=False, metadata=NO_NUMBER)
    thinking_level: str | None = field(default=None, metadata=UNLESS_DEFAULT)
    thinking_budget: int | None = field(default=None, metadata=UNLESS_DEFAULT)
    temperature: float | None = field(default=None, metadata=UNLESS_DEFAULT)
    api_version: str = field(default="v1", metadata=NO_NUMBER)
    adapter_name: ClassVar[str] = "gemini"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "gemini"

    def __post_init__(self) -> None:
        check_choice("tier", self.tier, ("paid", "free"))
        gemini_families.check_options(
            self.id,
            thinking_level=self.thinking_level,
            thinking_budget=self.thinking_budget,
            temperature=self.temperature,
        )
        super().__post_init__()

    @property
    def terms(self) -> str:
        """What the terms exclude."""
        return TERMS

    @property
    def price_name(self) -> str:
        """The id of the model."""
        return self.id

    @property
    def parameters(self) -> Mapping[str, object]:
        """Thinking and temperature, where they are set."""
        settings = {name: getattr(self, name) for name in OPTIONS}
        return {name: value for name, value in settings.items() if value is not None}

    @property
    def image_tokens(self) -> TokenRange:
        """By family and size."""
        return gemini_families.image_tokens(self.id, self.image_size)

    def check(self, *, device: str) -> None:
        """Raise UserError if google-genai is not installed; the model runs at Google, whatever the device."""
        check_device_name(device)
        check_extra("gemini", "google.genai", "httpx2")

    def check_tier(self) -> None:
        """Check the second consent of the free tier."""
        if self.tier == "free":
            check_free_tier("the Gemini API", accepted=self.accept_free_tier_terms)

    def read_key(self) -> str:
        """The key of the environment."""
        return check_key(read_api_key(KEY_VARIABLES), KEY_VARIABLES)

    def service_url(self) -> str:
        """Google's own address, unless another is set; variables of the environment do not change it."""
        return self.endpoint or SERVICE_URL

    def open_client(self, key: str) -> GeminiClient:
        """Open a client in the running event loop."""
        return GeminiClient(key, base_url=self.service_url(), api_version=self.api_version, tier=self.tier)
