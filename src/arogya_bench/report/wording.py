"""Format the numbers of a report."""

import math
from collections.abc import Mapping

UNDEFINED = "\u2013"
MINUS = "\u2212"
MIN_P_VALUE = 0.001
LEAST_CHANCE = 0.01


def format_number(value: object, *, digits: int = 3) -> str:
    """Format a number with fixed digits; strings are returned unchanged."""
    if isinstance(value, str):
        return value
    if is_undefined(value):
        return UNDEFINED
    return f"{float(str(value)):.{digits}f}"


def format_percent(value: object) -> str:
    """Format a fraction as a whole percentage."""
    return UNDEFINED if is_undefined(value) else f"{100 * float(str(value)):.0f} %"


def format_chance(value: object) -> str:
    """Format a share of resamples; one that is neither 0 nor 1 is not shown as such."""
    if is_undefined(value):
        return UNDEFINED
    share = float(str(value))
    if 0 < share < LEAST_CHANCE:
        return f"<\u00a0{format_percent(LEAST_CHANCE)}"
    if 1 - LEAST_CHANCE < share < 1:
        return f">\u00a0{format_percent(1 - LEAST_CHANCE)}"
    return format_percent(share)


def format_with_interval(row: Mapping[str, object], name: str, *, signed: bool = False) -> str:
    """Format an estimate with its 95 % interval, such as ``0.816 [0.783, 0.846]``."""
    value, low, high = (row[key] for key in (name, f"{name}.ci_low", f"{name}.ci_high"))
    if is_undefined(value):
        return UNDEFINED
    text = f"{float(str(value)):{'+' if signed else ''}.3f}"
    if is_undefined(low) or is_undefined(high):
        return f"{text} [no interval]"
    return f"{text} [{float(str(low)):.3f}, {float(str(high)):.3f}]"


def format_share(row: Mapping[str, object], name: str) -> str:
    """Format a fraction with its interval as percentages, such as ``20.0 % [13.3, 28.9]``; the % breaks no line."""
    value, low, high = (row.get(key) for key in (name, f"{name}.ci_low", f"{name}.ci_high"))
    if is_undefined(value):
        return UNDEFINED
    text = f"{100 * float(str(value)):.1f}\u00a0%"
    if is_undefined(low) or is_undefined(high):
        return text
    return f"{text} [{100 * float(str(low)):.1f}, {100 * float(str(high)):.1f}]"


def format_significant(value: object, *, digits: int = 3, of: object = None) -> str:
    """Format a number with significant digits, such as ``12.3`` and ``1,230``.

    Args:
        value: The number.
        digits: At least as many are shown; digits before the point are never rounded away.
        of: The number whose last digit counts, for the ends of an interval; the number itself by default.
    """
    if is_undefined(value):
        return UNDEFINED
    scale = abs(float(str(value if of is None else of)))
    decimals = max(0, digits - 1 - math.floor(math.log10(scale))) if scale > 0 else 0
    return f"{float(str(value)):,.{decimals}f}"


def format_measured(row: Mapping[str, object], name: str, *, grade: object = "", bounds: bool = True) -> str:
    """Format a measured number with its interval and the grade of its environment: ``12.3 [12.1, 12.6] B``.

    A dash stands for the end of an interval that has none.
    """
    value, low, high = (row.get(key) for key in (name, f"{name}.ci_low", f"{name}.ci_high"))
    if is_undefined(value):
        return UNDEFINED
    text = format_significant(value)
    if bounds and not (is_undefined(low) and is_undefined(high)):
        text += f" [{format_significant(low, of=value)}, {format_significant(high, of=value)}]"
    return f"{text} {grade}".rstrip() if grade else text


def format_bounds(low: object, high: object) -> str:
    """Format the ends of an interval, such as ``[-0.031, 0.146]``."""
    if is_undefined(low) or is_undefined(high):
        return UNDEFINED
    return f"[{float(str(low)):.3f}, {float(str(high)):.3f}]"


def format_count(value: object) -> str:
    """Format a number of things."""
    return UNDEFINED if is_undefined(value) else f"{float(str(value)):.0f}"


def format_p_value(value: object) -> str:
    """Format a p-value with three digits, or as ``< 0.001``."""
    if is_undefined(value):
        return UNDEFINED
    p = float(str(value))
    return f"< {MIN_P_VALUE}" if p < MIN_P_VALUE else f"{p:.3f}"


def is_undefined(value: object) -> bool:
    """Whether a value is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))
