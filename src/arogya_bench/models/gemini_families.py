"""What the models of Gemini take, by family: the wrong option is an error of the service, after the upload."""

from dataclasses import dataclass
from math import ceil

from arogya_bench.api_models.token_estimates import TokenRange
from arogya_bench.errors import ConfigError

TILE_PIXELS = 768  # of each side
TILE_TOKENS = 258  # of Gemini 2, for each tile and for a small image as a whole
SMALL_IMAGE = 384  # pixels; larger images are cut into tiles
LIKELY_TILES, MOST_TILES = 4, 16  # of a larger image: few for a square, more for a panorama
IMAGE_TOKENS = 1120  # of Gemini 3 and later, at the default resolution
MOST_IMAGE_TOKENS = 2240  # at its highest


@dataclass(frozen=True, kw_only=True)
class GeminiFamily:
    """Models whose ids begin alike.

    Attributes:
        prefix: Of the ids.
        thinking_levels: That ``thinking_level`` can have; empty if the family takes ``thinking_budget`` instead.
        sampling: Whether a temperature is taken.
        tiled: Whether an image counts by its tiles.
    """

    prefix: str
    thinking_levels: tuple[str, ...] = ()
    sampling: bool = False
    tiled: bool = False


# The longest prefix counts. Sources: the model pages and the changelog of ai.google.dev, November 2026.
FAMILIES = (
    GeminiFamily(prefix="gemini-2", sampling=True, tiled=True),
    GeminiFamily(prefix="gemini-3", thinking_levels=("low", "medium", "high")),
    GeminiFamily(prefix="gemini-3.1-flash-lite", thinking_levels=("minimal", "low", "medium", "high")),
    GeminiFamily(prefix="gemini-3.5-flash-lite", thinking_levels=("minimal", "low", "medium", "high")),
    GeminiFamily(prefix="gemini-4", thinking_levels=("low", "medium", "high")),
)


def family_of(model_id: str) -> GeminiFamily | None:
    """The family of a model; None for an unknown one, whose options are not checked."""
    matching = [family for family in FAMILIES if model_id.startswith(family.prefix)]
    return max(matching, key=lambda family: len(family.prefix), default=None)


def check_options(
    model_id: str, *, thinking_level: str | None, thinking_budget: int | None, temperature: float | None
) -> None:
    """Check that a model takes the options that are set.

    Raises:
        ConfigError: For the first that it does not take.
    """
    if thinking_level is not None and thinking_budget is not None:
        raise ConfigError(
            "thinking_level and thinking_budget are both set; a model takes one of them.",
            fix="set model.thinking_level=null or model.thinking_budget=null.",
        )
    family = family_of(model_id)
    if family is None:
        return
    if thinking_level is not None and thinking_level not in family.thinking_levels:
        levels = " or ".join(family.thinking_levels)
        fix = f"set model.thinking_level to {levels}." if levels else "set model.thinking_budget to a number of tokens."
        raise ConfigError(f"{model_id} does not take thinking_level={thinking_level}.", fix=fix)
    if thinking_budget is not None and family.thinking_levels:
        raise ConfigError(
            f"{model_id} does not take a thinking_budget.",
            fix=f"set model.thinking_level to {' or '.join(family.thinking_levels)}.",
        )
    if temperature is not None and not family.sampling:
        raise ConfigError(f"{model_id} does not take a temperature.", fix="set model.temperature=null.")


def image_tokens(model_id: str, image_size: int) -> TokenRange:
    """What an image counts as whose longest side has some pixels."""
    family = family_of(model_id)
    if family is None or not family.tiled:
        return TokenRange(expected=IMAGE_TOKENS, most=MOST_IMAGE_TOKENS)
    if image_size <= SMALL_IMAGE:
        return TokenRange(expected=TILE_TOKENS, most=TILE_TOKENS)
    most_tiles = max(MOST_TILES, ceil(image_size / TILE_PIXELS) ** 2)
    return TokenRange(expected=LIKELY_TILES * TILE_TOKENS, most=most_tiles * TILE_TOKENS)
