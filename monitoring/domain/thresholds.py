"""Numbers that an operator may change, each declared once, beside what it decides.

A declaration is pure data: a key, the default, the unit, and within which bounds the number still
means something.  Its value now is read by ``monitoring.thresholds``; pure functions take values.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

#: Units of time, in seconds; what is declared in one of them can be read as a span.
SPANS = {"s": 1, "min": 60, "hours": 3_600, "days": 86_400}
_ALIKE = ("s",)  # units that end like a plural and are none


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number: what it is where nobody changed it, and what it may be.

    Attributes:
        key: its room, a point and its name: "markets.quote-oldest".
        unit: of ``SPANS``, "share" (0.9 is nine tenths), or what is counted.
        lowest: below it, and above ``highest``, the number could never decide anything, or would
            stop what it only should bound.
        text: one sentence: what happens at this number.
    """

    key: str
    default: float
    unit: str
    lowest: float
    highest: float
    is_whole: bool
    text: str

    @property
    def room(self) -> str:
        return self.key.partition(".")[0]

    def span(self, value: float) -> timedelta:
        """Return a value of it as a span of time.

        Raises:
            KeyError: its unit is none of time.
        """
        return timedelta(seconds=value * SPANS[self.unit])

    def in_words(self, value: float) -> str:
        """Return a value of it beside its unit, which is one of many where the value is one.

        >>> wait = Threshold("x.wait", 2.0, "hours", 0, 24, True, "Told after it.")
        >>> wait.in_words(1), wait.in_words(2), wait.in_words(0.5)
        ('1 hour', '2 hours', '0.5 hours')
        """
        unit = self.unit
        if value == 1 and unit not in _ALIKE:
            unit = unit.removesuffix("s")
        return f"{written(value)} {unit}".rstrip()


DECLARED: dict[str, Threshold] = {}


def declare(
    key: str,
    default: float,
    unit: str,
    text: str,
    *,
    lowest: float,
    highest: float,
    is_whole: bool = False,
) -> Threshold:
    """Declare a number that an operator may change.

    Raises:
        ValueError: the key is declared already, or the default is not within its own bounds.
    """
    threshold = Threshold(key, float(default), unit, lowest, highest, is_whole, text)
    if key in DECLARED:
        raise ValueError(f"{key!r} is declared twice")
    if wrong := wrong_with(threshold=threshold, value=threshold.default):
        raise ValueError(f"the default of {key!r}: {wrong}")
    DECLARED[key] = threshold
    return threshold


def wrong_with(*, threshold: Threshold, value: float) -> str:
    """Return why the number cannot be the threshold; "" where it can.

    >>> late = Threshold("x.late", 120.0, "s", 10, 3600, True, "Late after it.")
    >>> wrong_with(threshold=late, value=5)
    'x.late is 10 to 3600 s, not 5'
    >>> wrong_with(threshold=late, value=60.5), wrong_with(threshold=late, value=60)
    ('x.late is a whole number, not 60.5', '')
    >>> wrong_with(threshold=late, value=float("nan"))
    'x.late is a finite number, not nan'
    """
    key = threshold.key
    if not math.isfinite(value):
        return f"{key} is a finite number, not {value}"
    if threshold.is_whole and value != int(value):
        return f"{key} is a whole number, not {written(value)}"
    if not threshold.lowest <= value <= threshold.highest:
        allowed = f"{written(threshold.lowest)} to {threshold.in_words(threshold.highest)}"
        return f"{key} is {allowed}, not {written(value)}"
    return ""


def holding(*, threshold: Threshold, changed_to: float | None) -> float:
    """Return the number that holds: the default too where a new version moved the bounds away."""
    if changed_to is None or wrong_with(threshold=threshold, value=changed_to):
        return threshold.default
    return changed_to


def written(value: float) -> str:
    """Return a number without needless digits.

    >>> written(600.0), written(0.005), written(1e6)
    ('600', '0.005', '1000000')
    """
    return str(int(value)) if float(value).is_integer() else repr(float(value))
