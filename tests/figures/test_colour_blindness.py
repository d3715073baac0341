"""Whether charts can be read by people who do not see all colours, and in print without colour.

Simulated with the matrices of Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of
Color Vision Deficiency", IEEE TVCG 15(6), https://doi.org/10.1109/TVCG.2009.113, for the full deficiency. They apply to
linear RGB. Distances are those of CIE 1976 L*a*b*, in which 2.3 is just noticeable (Mahy and others 1994,
https://doi.org/10.1002/col.5080190207).
"""

from itertools import combinations

import numpy as np
import pytest

from arogya_bench.figures import theme

VISIONS = {
    "all colours": np.eye(3),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
LEAST_DISTANCE = 20  # between two lines of one chart, nearly nine just noticeable steps
LEAST_CONTRAST = 3  # of graphics, Web Content Accessibility Guidelines 2.2, criterion 1.4.11
PAPERS = {"white": "#ffffff", "dark": {name: dark for name, _, dark in theme.VARIABLES}["paper"]}


def linear(colour):
    parts = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    ratios = (RGB_TO_XYZ @ np.clip(rgb, 0, 1)) / RGB_TO_XYZ.sum(axis=1)
    x, y, z = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(first, second, vision):
    matrix = np.array(VISIONS[vision])
    return float(np.linalg.norm(lab(matrix @ linear(first)) - lab(matrix @ linear(second))))


def contrast(first, second):
    low, high = sorted(float((RGB_TO_XYZ @ linear(colour))[1]) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("colours", [theme.COLOURS, theme.DARK_COLOURS], ids=PAPERS)
def test_any_two_colours_of_a_chart_differ(colours, vision):
    closest = min(combinations(colours, 2), key=lambda pair: distance(*pair, vision))

    assert distance(*closest, vision) >= LEAST_DISTANCE, closest


@pytest.mark.parametrize(
    ("paper", "colour"),
    [
        *((PAPERS["white"], colour) for colour in (*theme.COLOURS, theme.ACCENT)),
        *((PAPERS["dark"], colour) for colour in theme.DARK_COLOURS),
    ],
)
def test_every_colour_stands_out_from_the_page(paper, colour):
    assert contrast(paper, colour) >= LEAST_CONTRAST


@pytest.mark.parametrize("variable", ["ink", "muted"])
@pytest.mark.parametrize("paper", [1, 2], ids=PAPERS)
def test_texts_stand_out_from_the_page(variable, paper):
    """At least 4.5, criterion 1.4.3."""
    colours = {row[0]: row[paper].replace("white", "#ffffff") for row in theme.VARIABLES}

    assert contrast(colours[variable], colours["paper"]) >= 4.5


def test_the_simulation_confuses_what_people_confuse():
    """Red and green of equal lightness are far apart, and near for protanopia and deuteranopia."""
    red, green = "#c05a4a", "#7f8a3a"

    assert distance(red, green, "all colours") > 2 * distance(red, green, "deuteranopia")
    assert distance(red, green, "all colours") > 2 * distance(red, green, "protanopia")


def test_without_colour_no_two_lines_have_both_symbol_and_dash_in_common():
    names = [f"model {i}" for i in range(theme.MAX_LINES)]
    symbols = theme.cycle(names, theme.SHAPES).to_dict()["range"]

    assert len(set(zip(symbols, theme.dash_numbers(names).values(), strict=True))) == len(names)
    assert len(set(theme.DASHES)) == len(theme.DASHES)


def test_the_ramp_runs_from_light_to_dark():
    """So that shares can be read in grey."""
    lightness = [lab(linear(colour))[0] for colour in theme.RAMP]

    assert lightness == sorted(lightness, reverse=True)
    assert min(np.diff(lightness[::-1])) > 15
