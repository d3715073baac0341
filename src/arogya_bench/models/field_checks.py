"""Checks of adapter fields, called when an adapter is built."""

from collections.abc import Sequence

from arogya_bench.errors import ConfigError, did_you_mean


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Check that a field has one of a few values."""
    if value not in choices:
        raise ConfigError(
            f"Unknown {name} {value!r}.{did_you_mean(value, choices)}",
            fix=f"set model.{name} to {' or '.join(choices)}.",
        )


def check_image_size(image_size: int, *, at_least: int) -> None:
    """Check that the layers of a model can process an image size."""
    if image_size < at_least:
        raise ConfigError(
            f"image_size is {image_size}; this model needs at least {at_least} pixels.",
            fix=f"set image_size={at_least} or more.",
        )


def check_channels(channels: Sequence[int]) -> None:
    """Check the numbers of channels of consecutive convolutions."""
    if not channels or min(channels) < 1:
        raise ConfigError(
            f"channels is {list(channels)}.",
            fix="set model.channels to one number above 0 for each convolution, such as [32,64,128].",
        )


def check_dropout(dropout: float) -> None:
    """Check a share of dropped units."""
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout is {dropout}.", fix="set model.dropout from 0 to below 1.")


def check_positive(**fields: float | None) -> None:
    """Check that values are above 0; None passes, since it stands for a default."""
    for name, value in fields.items():
        if value is not None and not value > 0:
            raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} above 0.")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Check that a field is within its bounds, which belong to the range."""
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} from {low} to {high}.")
