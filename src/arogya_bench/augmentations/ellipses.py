"""Ellipses that stand for objects known by their boxes only, rotated and clipped to the image."""

from dataclasses import dataclass, replace

import numpy as np

from arogya_bench.augmentations.box_transforms import ImageSize
from arogya_bench.types import Box, Floats

MIN_VISIBLE = 0.5  # share of the area of an object; with less visible it is not evaluated
ELLIPSE_POINTS = 180  # corners of the polygon; its area is 0.02 % too small


@dataclass(frozen=True, kw_only=True)
class Outline:
    """An ellipse, or a rectangle, in an image.

    Attributes:
        x: Centre, in pixels from the left edge; ``y`` from the upper edge.
        half_width: In pixels, before the rotation; so ``half_height``.
        angle: Rotation in radians, counter-clockwise as displayed.
        rectangle: Whether it is a rectangle rather than the ellipse inside it.
    """

    x: float
    y: float
    half_width: float
    half_height: float
    angle: float = 0.0
    rectangle: bool = False

    def rotate(self, angle: float, size: ImageSize) -> "Outline":
        """Rotate about the centre of the image."""
        right, down = self.x - size.width / 2, self.y - size.height / 2
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = cos * right + sin * down + size.width / 2, cos * down - sin * right + size.height / 2
        return replace(self, x=float(x), y=float(y), angle=self.angle + angle)

    def bounds(self) -> Floats:
        """Left, top, right and bottom of the tight upright box, shape (4,).

        A point of the rotated ellipse is ``a cos(t) cos(angle) + b sin(t) sin(angle)`` to the right
        of its centre, a wave of amplitude ``sqrt((a cos)^2 + (b sin)^2)``, for half-axes a and b.
        """
        cos, sin = abs(np.cos(self.angle)), abs(np.sin(self.angle))
        a, b = self.half_width, self.half_height
        if self.rectangle:
            width, height = a * cos + b * sin, a * sin + b * cos
        else:
            width, height = np.hypot(a * cos, b * sin), np.hypot(a * sin, b * cos)
        return np.array([self.x - width, self.y - height, self.x + width, self.y + height])

    def points(self) -> Floats:
        """The outline as a polygon, shape (n, 2)."""
        if self.rectangle:
            unit = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        else:
            t = np.linspace(0, 2 * np.pi, ELLIPSE_POINTS, endpoint=False)
            unit = np.stack([np.cos(t), np.sin(t)], axis=1)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        upright = unit * [self.half_width, self.half_height]
        points: Floats = upright @ [[cos, -sin], [sin, cos]] + np.array([self.x, self.y])
        return points


def box_outline(box: Box) -> Outline:
    """The ellipse that touches the sides of a box; for a crowd the whole box."""
    return Outline(
        x=box.left + box.width / 2,
        y=box.top + box.height / 2,
        half_width=box.width / 2,
        half_height=box.height / 2,
        rectangle=box.crowd,
    )


def visible_box(outline: Outline, size: ImageSize, *, label: int, crowd: bool) -> Box | None:
    """The tight box of the visible part of an object: a crowd if less than half is visible, None if nothing is."""
    edges = outline.bounds()
    limits = np.array([size.width, size.height, size.width, size.height], dtype=np.float64)
    inside = np.clip(edges, 0, limits)
    if (inside[2:] <= inside[:2]).any():
        return None
    if (inside != edges).any():
        polygon = outline.points()
        visible = _clip_polygon(polygon, size)
        if not len(visible):
            return None
        crowd = crowd or _polygon_area(visible) < MIN_VISIBLE * _polygon_area(polygon)
        inside = np.clip(np.concatenate([visible.min(axis=0), visible.max(axis=0)]), 0, limits)
    left, top, right, bottom = inside.tolist()
    if right <= left or bottom <= top:
        return None
    return Box(left=left, top=top, width=right - left, height=bottom - top, label=label, crowd=crowd)


def _clip_polygon(points: Floats, size: ImageSize) -> Floats:
    """The part of a convex polygon inside the image, by Sutherland and Hodgman's algorithm."""
    for axis, end in enumerate(size):
        for side, bound in ((-1, 0), (1, end)):
            outside = side * (points[:, axis] - bound)
            ahead, outside_ahead = np.roll(points, -1, axis=0), np.roll(outside, -1)
            kept, crosses = outside <= 0, (outside <= 0) != (outside_ahead <= 0)
            with np.errstate(invalid="ignore", divide="ignore"):
                share = (outside / (outside - outside_ahead))[:, np.newaxis]
                crossings = points + share * (ahead - points)
            pairs = np.stack([points, crossings], axis=1).reshape(-1, 2)
            points = pairs[np.stack([kept, crosses], axis=1).ravel()]
    return points


def _polygon_area(points: Floats) -> float:
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
