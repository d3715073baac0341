"""How time, memory and energy are measured: the options of the config group ``measure``."""

from dataclasses import asdict, dataclass, field

from arogya_bench.errors import ConfigError

MEASUREMENT_VERSION = 1  # increase it with every change that changes measured numbers
MIN_ROUNDS = 2  # a drift needs two halves


@dataclass(frozen=True, kw_only=True)
class MeasurementProtocol:
    """The scenarios of a measurement, and how long each takes for one model.

    Attributes:
        rounds: Blocks of every scenario; in each round the models come in another random order.
        seconds: Duration of the single stream of one model, over all rounds.
        min_requests: Single requests to send even if they take longer than ``seconds``, up to ``max_seconds``.
        max_requests: Single requests after which a model is done earlier; None means no limit.
        max_seconds: Longest duration of the single stream.
        batches: Batch sizes of the offline scenario above 1, ascending.
        batch_seconds: Duration of each batch size, over all rounds.
        until_memory_ends: Whether to double the batch size after the last one until a batch does not fit.
        largest_batch: Where doubling ends even if there is memory left.
        pyfunc_seconds: Duration of the single stream of the MLflow pyfunc; 0 leaves it out.
        server_limit_ms: Limit of the 99th percentile in the server scenario; None leaves it out.
        server_seconds: Longest trial of the server scenario; lower rates are not tried.
        idle_seconds: Duration of the idle baseline of energy, with all models loaded.
        warm_up_seconds: Longest warm-up of each batch size.
        step_timeout: Seconds after which a step that should have ended counts as hanging.
    """

    rounds: int = 5
    seconds: float = 60.0
    min_requests: int = 662
    max_requests: int | None = None
    max_seconds: float = 300.0
    batches: list[int] = field(default_factory=lambda: [8, 32, 64])
    batch_seconds: float = 20.0
    until_memory_ends: bool = True
    largest_batch: int = 1024
    pyfunc_seconds: float = 30.0
    server_limit_ms: float | None = 500.0
    server_seconds: float = 60.0
    idle_seconds: float = 5.0
    warm_up_seconds: float = 10.0
    step_timeout: float = 300.0

    def __post_init__(self) -> None:
        """Check the ranges of all options."""
        if self.rounds < MIN_ROUNDS:
            raise ConfigError(f"measure.rounds={self.rounds} is too few.", fix=f"set it to {MIN_ROUNDS} or more.")
        if any(batch < 2 for batch in self.batches) or sorted(set(self.batches)) != list(self.batches):
            raise ConfigError(
                f"measure.batches={self.batches} must be ascending numbers above 1.",
                fix="write them such as measure.batches=[8,32]; batch 1 is always measured.",
            )
        for name in ("seconds", "batch_seconds", "warm_up_seconds", "step_timeout", "max_seconds", "server_seconds"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"measure.{name}={getattr(self, name)} is not above 0.", fix="set it in seconds.")
        if self.server_limit_ms is not None and self.server_limit_ms <= 0:
            raise ConfigError(
                f"measure.server_limit_ms={self.server_limit_ms} is not above 0.", fix="set it in milliseconds."
            )

    @property
    def least_seconds(self) -> float:
        """Duration of one model without the scenarios whose duration depends on it: larger batches and the server."""
        return self.seconds + len(self.batches) * self.batch_seconds + self.pyfunc_seconds

    def identity(self) -> dict[str, object]:
        """The options that decide numbers, for keys: a measurement that took long enough is the same one."""
        return {name: value for name, value in asdict(self).items() if name != "step_timeout"}
