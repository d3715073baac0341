"""Place the labels of points so that they cover neither each other nor the points."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin

LETTER_WIDTH, LINE_HEIGHT = 5.8, 15.0  # pixels, of the font of a chart at size 12
POINT_RADIUS = 7.0
RADII = (11.0, 18.0, 27.0, 38.0, 52.0, 70.0)  # pixels from a point to the edge of its label
DIRECTIONS = tuple(pi * step / 8 for step in (0, 15, 1, 14, 2, 12, 4, 10, 6, 8, 7, 9, 13, 3, 11, 5))  # right first
OVERLAP_COST, MISTAKE_COST, LINE_COST = 1000.0, 40.0, 12.0  # against pixels of distance

Point = tuple[float, float]
Segment = tuple[Point, Point]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle by its centre and size."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "Box") -> bool:
        """Whether two rectangles have a point in common."""
        return (
            abs(self.x - other.x) * 2 < self.width + other.width
            and abs(self.y - other.y) * 2 < self.height + other.height
        )

    def distance_to(self, point: Point) -> float:
        """From the edge to a point."""
        return hypot(
            max(0.0, abs(self.x - point[0]) - self.width / 2), max(0.0, abs(self.y - point[1]) - self.height / 2)
        )

    def is_within(self, width: float, height: float) -> bool:
        """Whether the rectangle lies inside the plot."""
        return (
            self.width / 2 <= self.x <= width - self.width / 2 and self.height / 2 <= self.y <= height - self.height / 2
        )


def place_labels(
    points: Sequence[Point], texts: Sequence[str], *, width: float, height: float, lines: Sequence[Segment] = ()
) -> list[Box]:
    """Find a place for the label of each point.

    Args:
        points: In pixels.
        texts: One label per point.
        width: Of the plot.
        height: Of the plot.
        lines: Horizontal and vertical lines, such as intervals, that labels avoid where they can.
    """
    obstacles = [Box(x=x, y=y, width=2 * POINT_RADIUS, height=2 * POINT_RADIUS) for x, y in points]
    bars = [_line_box(*line) for line in lines]
    placed: dict[int, Box] = {}
    crowded = sorted(range(len(points)), key=lambda i: -sum(_distance(points[i], other) < 80 for other in points))
    for i in crowded:
        scene = _Scene(
            own=points[i],
            others=[point for j, point in enumerate(points) if j != i],
            taken=[*obstacles, *placed.values()],
            lines=bars,
            size=(width, height),
        )
        placed[i] = min(_candidates(points[i], texts[i]), key=scene.cost)[1]
    return [placed[i] for i in range(len(points))]


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """What stands in the way of one label."""

    own: Point
    others: Sequence[Point]
    taken: Sequence[Box]
    lines: Sequence[Box]
    size: Point

    def cost(self, candidate: tuple[float, Box]) -> float:
        """How bad a place is, given with its distance: covering, pointing at another point, crossing lines."""
        distance, box = candidate
        hits = sum(map(box.overlaps, self.taken)) + (not box.is_within(*self.size))
        mistakes = sum(box.distance_to(other) <= box.distance_to(self.own) for other in self.others)
        crossed = sum(map(box.overlaps, self.lines))
        return OVERLAP_COST * hits + MISTAKE_COST * mistakes + LINE_COST * crossed + distance


def _candidates(point: Point, text: str) -> list[tuple[float, Box]]:
    width, height = LETTER_WIDTH * len(text) + 4, LINE_HEIGHT
    return [
        (
            radius + 0.01 * rank,
            Box(
                x=point[0] + radius * cos(angle) + cos(angle) * width / 2,
                y=point[1] - radius * sin(angle) - sin(angle) * height / 2,
                width=width,
                height=height,
            ),
        )
        for radius in RADII
        for rank, angle in enumerate(DIRECTIONS)
    ]


def _line_box(start: Point, end: Point) -> Box:
    return Box(
        x=(start[0] + end[0]) / 2,
        y=(start[1] + end[1]) / 2,
        width=abs(end[0] - start[0]) + 2,
        height=abs(end[1] - start[1]) + 2,
    )


def _distance(a: Point, b: Point) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])
