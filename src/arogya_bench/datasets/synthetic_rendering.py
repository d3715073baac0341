"""Render skin lesions from eight latent features: albedo, mask and photographs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Floats, Image

LATENTS = ("darkness", "redness", "asymmetry", "border", "colours", "network", "globules", "size")
TONES = {"light": (0.88, 0.74, 0.66), "medium": (0.76, 0.58, 0.46), "dark": (0.50, 0.35, 0.27)}
# Optical density of one unit of pigment in red, green and blue.
MELANIN = np.array([0.55, 0.85, 1.05], dtype=np.float32)
BLOOD = np.array([0.10, 0.80, 0.62], dtype=np.float32)
BLACK = np.array([1.10, 1.15, 1.10], dtype=np.float32)
BLUE_GREY = np.array([1.05, 0.62, 0.38], dtype=np.float32)

Plane: TypeAlias = NDArray[np.float32]  # (size, size)
FloatImage: TypeAlias = NDArray[np.float32]  # (size, size, 3), RGB in [0, 1]
LesionMask: TypeAlias = NDArray[np.uint8]  # (size, size), 255 inside


class Albedo(NamedTuple):
    """A lesion and the surrounding skin without camera effects."""

    colour: FloatImage
    mask: Plane  # 0 outside to 1 inside


class RenderedImage(NamedTuple):
    """One view of a lesion."""

    image: Image
    mask: LesionMask


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """Camera characteristics of one site.

    Attributes:
        vignette: Darkening of the corners, 0 to 1.
        ruler: Whether the image shows a ruler.
        tint: Factor per RGB channel.
        blur: Standard deviation in pixels of a 128-pixel image.
        noise: Standard deviation of the sensor noise, on the [0, 1] scale.
        contrast: Slope around mid-grey.
    """

    vignette: float
    ruler: bool
    tint: tuple[float, float, float]
    blur: float
    noise: float
    contrast: float


SITES = {
    "north": CameraSettings(vignette=0.0, ruler=False, tint=(1.0, 1.0, 1.0), blur=0.4, noise=0.015, contrast=1.0),
    "coast": CameraSettings(vignette=0.8, ruler=False, tint=(1.05, 0.99, 0.92), blur=0.7, noise=0.02, contrast=1.1),
    "valley": CameraSettings(vignette=0.25, ruler=True, tint=(0.94, 0.99, 1.06), blur=1.0, noise=0.035, contrast=0.88),
}


def draw_lesion(latents: Floats, tone: str, *, size: int, rng: np.random.Generator) -> Albedo:
    """Draw a lesion in the middle of a patch of skin.

    Args:
        latents: Shape (8,), in the order of ``LATENTS``, approximately standardised.
        tone: Key of ``TONES``.
        size: Width and height in pixels.
        rng: Random generator for everything that the latents do not determine.
    """
    latent = dict(zip(LATENTS, latents.tolist(), strict=True))
    mask = _outline(latent, size, rng)
    melanin = 0.9 * float(np.exp(0.38 * latent["darkness"])) * (1 + 0.22 * _noise(size, 4, rng))
    melanin += _network(latent["network"], size, rng) + _globules(latent["globules"], size, rng)
    blood = 0.2 * float(np.exp(0.7 * latent["redness"])) * (1 + 0.3 * _noise(size, 3, rng))
    # Asymmetry affects the pigment as well as the outline.
    lean = 0.22 * _softplus(latent["asymmetry"]) * _random_gradient(size, rng)
    density = (
        (melanin * (1 + lean))[..., None] * MELANIN + blood[..., None] * BLOOD + _patches(latent["colours"], size, rng)
    )
    colour = _skin(tone, size, rng) * np.exp(-mask[..., None] * np.maximum(density, 0))
    return Albedo(colour.astype(np.float32), mask)


def take_photograph(albedo: Albedo, optics: CameraSettings, rng: np.random.Generator) -> RenderedImage:
    """Photograph a lesion: random pose, hairs, optics of the site and sensor noise."""
    size = len(albedo.mask)
    affine_matrix = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(0, 360), rng.normal(1, 0.06))
    affine_matrix[:, 2] += size * np.clip(rng.normal(0, 0.04, 2), -0.12, 0.12)
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101
    colour = cv2.warpAffine(albedo.colour, affine_matrix, (size, size), flags=flags, borderMode=border)
    mask = cv2.warpAffine(albedo.mask, affine_matrix, (size, size), flags=flags)
    colour = _add_hairs(np.asarray(colour, dtype=np.float32), rng)
    if optics.ruler:
        colour = _add_ruler(colour, rng)
    colour = _apply_optics(colour, optics, rng)
    image = np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)
    return RenderedImage(image, np.where(mask > 0.5, 255, 0).astype(np.uint8))


def _outline(latent: dict[str, float], size: int, rng: np.random.Generator) -> Plane:
    y, x = _pixel_grid(size)
    angle, distance = np.arctan2(y, x), np.hypot(x, y)
    radius = np.full_like(angle, 0.46 * np.exp(0.2 * np.clip(latent["size"], -3, 2.2)))
    # Both are bounded, so that an extreme lesion stays connected.
    uneven = min(0.13 * _softplus(latent["asymmetry"]), 0.6)
    ragged = 0.075 * float(np.tanh(0.35 * _softplus(latent["border"])))
    for harmonic in range(1, 13):
        amplitude = uneven / harmonic if harmonic < 4 else ragged / (1 + 0.12 * (harmonic - 4))
        wave = np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
        radius *= 1 + amplitude * rng.normal(0.7, 0.6) * wave
    softness = 0.05 * rng.lognormal(0, 0.25)
    steps = np.clip((distance - radius) / softness, -30, 30)
    return np.asarray(1 / (1 + np.exp(steps)), dtype=np.float32)


def _network(strength: float, size: int, rng: np.random.Generator) -> Plane:
    # Dark lines at the zero crossings of noise resemble a pigment network.
    field = _noise(size, 17, rng)
    lines = np.exp(-((field / 0.3) ** 2)) - 0.1
    return np.asarray(0.55 * _softplus(strength) * lines, dtype=np.float32)


def _globules(strength: float, size: int, rng: np.random.Generator) -> Plane:
    dots = np.zeros((size, size), dtype=np.float32)
    for _ in range(rng.poisson(9 * _softplus(strength))):
        centre = rng.normal(size / 2, 0.16 * size, 2)
        radius = rng.uniform(0.014, 0.03) * size
        # In sixteenths of a pixel, for antialiased circles.
        whole = tuple(int(16 * part) for part in centre)
        cv2.circle(dots, whole, int(16 * radius), 1.0, -1, cv2.LINE_AA, 4)
    return np.asarray(1.1 * cv2.GaussianBlur(dots, (0, 0), size / 160), dtype=np.float32)


def _patches(strength: float, size: int, rng: np.random.Generator) -> FloatImage:
    amount = _softplus(strength)
    black = 0.7 * amount * np.clip(_noise(size, 5, rng) - 0.9, 0, 1.2)
    blue = 0.6 * amount * np.clip(_noise(size, 4, rng) - 0.6, 0, 1.5)
    density = black[..., None] * BLACK + blue[..., None] * BLUE_GREY
    return np.asarray(density, dtype=np.float32)


def _skin(tone: str, size: int, rng: np.random.Generator) -> FloatImage:
    base = (np.array(TONES[tone]) * rng.normal(1, 0.03, 3)).astype(np.float32)
    field = 0.03 * _noise(size, 3, rng) + 0.02 * _noise(size, 12, rng) + 0.015 * _noise(size, 48, rng)
    return np.asarray(base * (1 + field[..., None]), dtype=np.float32)


def _add_hairs(colour: FloatImage, rng: np.random.Generator) -> FloatImage:
    size = len(colour)
    hairs = np.zeros((size, size), dtype=np.float32)
    number = rng.poisson(3) if rng.random() < 0.3 else 0
    if not number:
        return colour
    for _ in range(number):
        start, end = rng.uniform(-0.1, 1.1, 2) * size, rng.uniform(-0.1, 1.1, 2) * size
        bend = (start + end) / 2 + rng.normal(0, 0.12 * size, 2)
        t = np.linspace(0, 1, 24)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        points = np.rint(16 * curve).astype(np.int32)[:, None]
        cv2.polylines(hairs, [points], False, 1.0, max(1, size // 128), cv2.LINE_AA, 4)
    shade = np.array([0.16, 0.11, 0.08], dtype=np.float32)
    return np.asarray(colour + 0.85 * hairs[..., None] * (shade - colour), dtype=np.float32)


def _add_ruler(colour: FloatImage, rng: np.random.Generator) -> FloatImage:
    size = len(colour)
    marked = colour.copy()
    edge = int(rng.uniform(0.9, 0.95) * size)
    step = max(3, size // 20)
    for number, position in enumerate(range(int(rng.integers(step)), size, step)):
        length = size // 16 if number % 5 == 0 else size // 32
        cv2.line(marked, (position, edge), (position, edge + length), (0.1, 0.1, 0.12), 1)
    return marked


def _apply_optics(colour: FloatImage, optics: CameraSettings, rng: np.random.Generator) -> FloatImage:
    size = len(colour)
    y, x = _pixel_grid(size)
    blur = max(optics.blur * rng.lognormal(0, 0.35) * size / 128, 0.05)
    seen = np.asarray(cv2.GaussianBlur(colour, (0, 0), blur), dtype=np.float32)
    gain = rng.lognormal(0, 0.07) * np.array(optics.tint) * rng.normal(1, 0.02, 3)
    fall = 1 - optics.vignette * np.clip(np.hypot(x, y) - 0.75, 0, 0.65)
    contrast = optics.contrast * float(rng.normal(1, 0.05))
    lit = 0.5 + contrast * (seen * gain.astype(np.float32) * fall[..., None] - 0.5)
    grain = rng.standard_normal(seen.shape, dtype=np.float32)
    return np.asarray(lit + optics.noise * grain, dtype=np.float32)


def _noise(size: int, cells: int, rng: np.random.Generator) -> Plane:
    """Smooth noise with mean 0, sd about 1 and ``cells`` cells across."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(1.3 * fine, dtype=np.float32)


def _random_gradient(size: int, rng: np.random.Generator) -> Plane:
    y, x = _pixel_grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    return np.asarray(2 * (x * np.cos(angle) + y * np.sin(angle)), dtype=np.float32)


def _pixel_grid(size: int) -> Sequence[Plane]:
    """The y and x coordinates of every pixel, from -1 to 1."""
    axis: Plane = np.asarray((np.arange(size) + 0.5) / size * 2 - 1, dtype=np.float32)
    return np.meshgrid(axis, axis, indexing="ij")


def _softplus(latent: float) -> float:
    """Softplus: near 0 for an absent feature, linear for a strong one."""
    return float(np.logaddexp(0, 1.5 * latent - 0.5))
