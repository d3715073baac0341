"""Distances between the borders of two masks, and the areas of their surfaces."""

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from arogya_bench.errors import UndefinedMetric
from arogya_bench.types import Floats

BoolArray: TypeAlias = NDArray[np.bool_]  # (height, width) or (depth, height, width)

# The surface inside a cell of 2 x 2 x 2 voxels, in eighths of a unit face, by direction of the
# normal. Its sign does not matter for areas, and neither does swapping inside and outside.
_DIRECTIONS = ((1, 1, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))
_SURFACE_PIECES = (
    "0000000", "0000008", "0000080", "0000800", "0004000", "0008000", "0040000", "0080000",
    "0400000", "0800000", "1000000", "1004000", "1040000", "1400000", "2000000", "3000000",
    "3000004", "3000040", "3000400", "4000000", "4000004", "4000040", "4000400", "4022000",
    "4202000", "4220000", "6000000",
)  # fmt: skip
# For each of the neighbour codes 0 to 127 the index in _SURFACE_PIECES, in base 36. Areas are derived
# from the table of google-deepmind/surface-distance 0.1 (Apache-2.0). The package itself is not
# used, since it needs deprecated names of scipy, and np.Inf, which numpy 2 removed.
_PIECES_OF_CODE = (
    "0aa8a6eiae6i8ii3a4ehegfqebcndomiae4hecbnefgqdmoi8hh2dplhdlph9dd8"
    "aeed4gboefcmhqni6gcpg1kgck7cpgc6efblbk5bfjkflfbeiqnhogb4mfcedeea"
)


class MaskPair(NamedTuple):
    """Two validated masks of one image."""

    target: BoolArray
    predicted: BoolArray


class BorderDistances(NamedTuple):
    """From each border pixel to the nearest border pixel of the other mask, in mm."""

    from_target: Floats
    from_predicted: Floats


class Surface(NamedTuple):
    """Elements of a surface: shape (m,), in mm to the other surface, and in mm² (mm in an image)."""

    distances: Floats
    areas: Floats


class SurfacePair(NamedTuple):
    """The surfaces of both masks."""

    target: Surface
    predicted: Surface


def check_masks(target: ArrayLike, predicted: ArrayLike) -> MaskPair:
    """Validate two masks of one image: booleans, or zeros and ones."""
    pair = MaskPair(_check_mask(target, "target"), _check_mask(predicted, "predicted"))
    if pair.target.shape != pair.predicted.shape:
        raise ValueError(f"target has shape {pair.target.shape}, predicted {pair.predicted.shape}")
    return pair


def check_spacing(spacing: Sequence[float], dimensions: int) -> tuple[float, ...]:
    """Return the size of a pixel along each axis, in mm."""
    sizes = np.asarray(spacing, dtype=np.float64)
    if sizes.shape != (dimensions,) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ValueError(f"spacing must be {dimensions} positive numbers, not {spacing}")
    return tuple(float(size) for size in sizes)


def find_border(mask: BoolArray) -> BoolArray:
    """Find pixels with a background neighbour among 4 (6 in a volume); outside the image is background."""
    inner = binary_erosion(mask, generate_binary_structure(mask.ndim, 1))
    return mask & ~np.asarray(inner, dtype=np.bool_)


def border_distances(target: ArrayLike, predicted: ArrayLike, *, spacing: Sequence[float]) -> BorderDistances:
    """Measure the distance of each border pixel to the border of the other mask.

    Takes the masks and the spacing of ``surface_dice``.

    Raises:
        UndefinedMetric: If a mask is empty.
    """
    pair, sizes = _crop_to_masks(target, predicted, spacing)
    true, guessed = find_border(pair.target), find_border(pair.predicted)
    return BorderDistances(_distance_to(guessed, sizes)[true], _distance_to(true, sizes)[guessed])


def hausdorff(distances: BorderDistances, *, percent: float = 100.0) -> float:
    """Larger of the two directed percentiles of the border distances, in mm.

    Source: Huttenlocher et al. 1993; 100 is the Hausdorff distance, 95 is HD95 as in MONAI, with
    numpy's linear percentiles.
    """
    return float(max(np.percentile(directed, percent) for directed in distances))


def surface_dice(target: ArrayLike, predicted: ArrayLike, *, spacing: Sequence[float], tolerance: float) -> float:
    """Share of both surfaces, by area, that lies within ``tolerance`` of the other surface.

    Source: Nikolov et al. 2021, as in DeepMind's surface-distance 0.1, which compares floats by
    ``<=`` without tolerance.

    Args:
        target: Booleans, shape (height, width) or (depth, height, width).
        predicted: The same shape.
        spacing: Size of a pixel along each axis, in mm.
        tolerance: Distance that counts as agreement, in mm, 0 or more.

    Raises:
        UndefinedMetric: If a mask is empty.
    """
    check_tolerance(tolerance)
    surfaces = extract_surfaces(target, predicted, spacing=spacing)
    near = sum(float(surface.areas[surface.distances <= tolerance].sum()) for surface in surfaces)
    return near / sum(float(surface.areas.sum()) for surface in surfaces)


def extract_surfaces(target: ArrayLike, predicted: ArrayLike, *, spacing: Sequence[float]) -> SurfacePair:
    """Divide the surface of each mask into elements, one per corner of pixels that it crosses.

    Takes the masks and the spacing of ``surface_dice``. Source: the neighbour codes of DeepMind's
    surface-distance 0.1: marching cubes in a volume, contours through the middles of pixel edges in
    an image.

    Raises:
        UndefinedMetric: If a mask is empty.
    """
    pair, sizes = _crop_to_masks(target, predicted, spacing)
    areas = contour_lengths(sizes) if len(sizes) == 2 else surface_areas(sizes)
    true, guessed = _neighbour_codes(pair.target), _neighbour_codes(pair.predicted)
    at_true, at_guessed = (_is_on_surface(codes, areas.size - 1) for codes in (true, guessed))
    return SurfacePair(
        Surface(_distance_to(at_guessed, sizes)[at_true], areas[true[at_true]]),
        Surface(_distance_to(at_true, sizes)[at_guessed], areas[guessed[at_guessed]]),
    )


def contour_lengths(spacing: Sequence[float]) -> Floats:
    """Length of the contour inside a cell of 2 x 2 pixels, by neighbour code, shape (16,), mm."""
    vertical, horizontal = spacing
    corner = float(np.hypot(vertical, horizontal)) / 2
    half = [0.0, corner, corner, horizontal, corner, vertical, 2 * corner, corner]
    return np.array(half + half[::-1])


def surface_areas(spacing: Sequence[float]) -> Floats:
    """Area of the surface inside a cell of 2 x 2 x 2 voxels, by neighbour code, (256,), mm²."""
    x, y, z = spacing
    faces = np.linalg.norm(np.array(_DIRECTIONS) * [y * z, x * z, x * y], axis=1) / 8
    pieces = np.array([[int(count) for count in row] for row in _SURFACE_PIECES], dtype=np.float64)
    half = (pieces @ faces)[[int(position, 36) for position in _PIECES_OF_CODE]]
    return np.concatenate([half, half[::-1]])


def _neighbour_codes(mask: BoolArray) -> NDArray[np.uint8]:
    """Encode the neighbours of each corner of pixels as bits; the last neighbour is the lowest bit."""
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([side + 1 for side in mask.shape], dtype=np.uint8)
    for offsets in product((0, 1), repeat=mask.ndim):
        window = tuple(slice(o, o + side) for o, side in zip(offsets, codes.shape, strict=True))
        codes = 2 * codes + padded[window]
    return codes


def _is_on_surface(codes: NDArray[np.uint8], full: int) -> BoolArray:
    crossed: BoolArray = (codes != 0) & (codes != full)
    return crossed


def _distance_to(mask: BoolArray, sizes: tuple[float, ...]) -> Floats:
    """Distance of each pixel to the nearest one of ``mask``, in mm."""
    return np.asarray(distance_transform_edt(~mask, sampling=sizes), dtype=np.float64)


def _crop_to_masks(
    target: ArrayLike, predicted: ArrayLike, spacing: Sequence[float]
) -> tuple[MaskPair, tuple[float, ...]]:
    """Crop both masks to their common bounding box, outside of which both are background."""
    pair = check_masks(target, predicted)
    sizes = check_spacing(spacing, pair.target.ndim)
    empty = [name for name, mask in pair._asdict().items() if not mask.any()]
    if empty:
        raise UndefinedMetric(f"no surface: {' and '.join(empty)} without a pixel")
    pixels = np.nonzero(pair.target | pair.predicted)
    box = tuple(slice(int(index.min()), int(index.max()) + 1) for index in pixels)
    return MaskPair(pair.target[box], pair.predicted[box]), sizes


def _check_mask(values: ArrayLike, name: str) -> BoolArray:
    mask: NDArray[Any] = np.asarray(values)
    if mask.ndim not in (2, 3) or not mask.size:
        raise ValueError(f"{name} must be an image or a volume, not of shape {mask.shape}")
    invalid = mask[~np.isin(mask, (0, 1))] if mask.dtype != np.bool_ else mask[:0]
    if invalid.size:
        raise ValueError(f"{name} must hold 0 and 1 alone, not {invalid.flat[0]}")
    return mask.astype(np.bool_)


def check_tolerance(tolerance: float) -> float:
    """Return the tolerance of the surface Dice, in mm."""
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance is {tolerance}, not a distance of 0 mm or more")
    return tolerance
