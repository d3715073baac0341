"""Any server that speaks the chat-completions protocol with images, such as vLLM or Ollama on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from arogya_bench.api_models.accounts import read_api_key
from arogya_bench.api_models.guard import check_key
from arogya_bench.api_models.token_estimates import TokenRange
from arogya_bench.errors import ConfigError, check_extra
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.models.api_address import check_base_url, completions_url
from arogya_bench.models.api_classifier import NO_NUMBER, UNLESS_DEFAULT, ApiClassifier
from arogya_bench.models.chat_client import ChatClient

KEY_VARIABLES = ("OPENAI_API_KEY",)
PATCH, SMALL_PATCH = 28, 14  # pixels of the side of what counts as a token, in most models and at worst
BASE_TOKENS = 256  # of an image, beside its patches


@dataclass(frozen=True, kw_only=True)
class OpenAICompatible(ApiClassifier):
    """A model behind ``POST {base_url}/v1/chat/completions``; ``OPENAI_API_KEY`` is sent where it is set.

    Attributes:
        id: As the server names it.
        base_url: Address of the server, such as http://127.0.0.1:8000; with or without ``/v1`` or the whole path.
        billed: Whether somebody bills the tokens: the price list then needs the model.
        structured: Whether the server takes a JSON schema (``response_format``); without it the prompt alone asks.
        temperature: None for the default of the server.
    """

    base_url: str = field()  # a field of its own: the default of the base would stay
    billed: bool = field(default=False, metadata=NO_NUMBER)
    structured: bool = field(default=True, metadata=UNLESS_DEFAULT)
    temperature: float | None = field(default=None, metadata=UNLESS_DEFAULT)
    adapter_name: ClassVar[str] = "openai_compatible"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "openai"

    def __post_init__(self) -> None:
        check_base_url(self.base_url)  # an empty one is none of this protocol
        if self.batch:
            raise ConfigError("This protocol has no batch mode here.", fix="set model.batch=false.")
        super().__post_init__()

    @property
    def tier(self) -> str:
        """``paid`` where somebody bills, else ``own``."""
        return "paid" if self.billed else "own"

    @property
    def terms(self) -> str:
        """Unknown: they are those of whoever runs the server."""
        return ""

    @property
    def price_name(self) -> str | None:
        """The id of the model, where somebody bills."""
        return self.id if self.billed else None

    @property
    def parameters(self) -> Mapping[str, object]:
        """Whether a schema is sent, and the temperature where it is set."""
        temperature = {} if self.temperature is None else {"temperature": self.temperature}
        return {"structured": self.structured, **temperature}

    @property
    def image_tokens(self) -> TokenRange:
        """By size, as most vision models count."""
        return TokenRange(
            expected=BASE_TOKENS + (self.image_size // PATCH) ** 2,
            most=BASE_TOKENS + (self.image_size // SMALL_PATCH + 1) ** 2,
        )

    def check(self, *, device: str) -> None:
        """Raise UserError if httpx2 is not installed; the model runs on the server, whatever the device."""
        check_device_name(device)
        check_extra("openai", "httpx2")

    def check_tier(self) -> None:
        """Nothing: the protocol has no tiers."""

    def read_key(self) -> str:
        """The key of the environment; empty if it is not set, as most servers of one's own need none."""
        if not os.environ.get(KEY_VARIABLES[0], "").strip():
            return ""
        return check_key(read_api_key(KEY_VARIABLES), KEY_VARIABLES)

    def service_url(self) -> str:
        """The address of the server, without the path of the protocol."""
        return self.endpoint

    def open_client(self, key: str) -> ChatClient:
        """Open a client in the running event loop."""
        return ChatClient(key, url=completions_url(self.endpoint))
