"""Format the numbers of a report."""

import math
from collections.abc import Mapping

UNDEFINED = "\u2013"
MINUS = "\u2212"
MIN_P_VALUE = 0.001


def format_number(value: object, *, digits: int = 3) -> str:
    """Format a number with fixed digits; strings are returned unchanged."""
    if isinstance(value, str):
        return value
    if _is_undefined(value):
        return UNDEFINED
    return f"{float(str(value)):.{digits}f}"


def format_percent(value: object) -> str:
    """Format a fraction as a whole percentage."""
    return UNDEFINED if _is_undefined(value) else f"{100 * float(str(value)):.0f} %"


def format_with_interval(row: Mapping[str, object], name: str, *, signed: bool = False) -> str:
    """Format an estimate with its 95 % interval, such as ``0.816 [0.783, 0.846]``."""
    value, low, high = (row[key] for key in (name, f"{name}.ci_low", f"{name}.ci_high"))
    if _is_undefined(value):
        return UNDEFINED
    text = f"{float(str(value)):{'+' if signed else ''}.3f}"
    if _is_undefined(low) or _is_undefined(high):
        return f"{text} [no interval]"
    return f"{text} [{float(str(low)):.3f}, {float(str(high)):.3f}]"


def format_bounds(low: object, high: object) -> str:
    """Format the ends of an interval, such as ``[-0.031, 0.146]``."""
    if _is_undefined(low) or _is_undefined(high):
        return UNDEFINED
    return f"[{float(str(low)):.3f}, {float(str(high)):.3f}]"


def format_count(value: object) -> str:
    """Format a number of things."""
    return UNDEFINED if _is_undefined(value) else f"{float(str(value)):.0f}"


def format_p_value(value: object) -> str:
    """Format a p-value with three digits, or as ``< 0.001``."""
    if _is_undefined(value):
        return UNDEFINED
    p = float(str(value))
    return f"< {MIN_P_VALUE}" if p < MIN_P_VALUE else f"{p:.3f}"


def _is_undefined(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
