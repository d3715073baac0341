"""How many requests an account may send, and how each is sent."""

from dataclasses import dataclass

from arogya_bench.errors import ConfigError

PRESETS = {"free": 15, "paid": 60}  # requests a minute, by tier; a server of one's own has no limit


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """The limits of an account, which all processes that use it share; None means no limit.

    Attributes:
        requests_per_minute: In any window of ``window_s`` seconds.
        tokens_per_minute: The same for tokens, input and output together: providers differ in what they count, and
            none counts more.
        requests_per_day: In any 24 hours.
        concurrency: Requests at once, of one process.
        window_s: Length of the windows, in seconds.
    """

    requests_per_minute: int | None
    tokens_per_minute: int | None
    requests_per_day: int | None
    concurrency: int
    window_s: float = 60.0

    def __post_init__(self) -> None:
        _check_positive(self, "requests_per_minute", "tokens_per_minute", "requests_per_day", "concurrency", "window_s")


@dataclass(frozen=True, kw_only=True)
class QueueSettings:
    """How requests are sent.

    Attributes:
        attempts: At most, of one request whose attempts fail.
        timeout_s: Of one attempt.
        max_output_tokens: Of one answer; doubled once for an answer that was cut.
        backoff_s: The longest pause after a first failed attempt; doubled after each further one.
        batch_poll_s: How often a batch is asked for, in seconds.
    """

    limits: RateLimits
    attempts: int = 5
    timeout_s: float = 60.0
    max_output_tokens: int
    backoff_s: float = 1.0
    batch_poll_s: float = 30.0

    def __post_init__(self) -> None:
        _check_positive(self, "attempts", "timeout_s", "max_output_tokens", "backoff_s", "batch_poll_s")


def _check_positive(settings: object, *names: str) -> None:
    """Raise ConfigError if one of these fields is neither None nor a number above 0."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise ConfigError(f"{name} is {value}.", fix="set a number above 0.")
