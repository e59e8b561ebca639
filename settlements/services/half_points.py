"""What half a point is worth in each sport, by its results as they are known today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from markets.models import Sport
from monitoring.errors import Refused
from settlements.domain import spreads
from settlements.domain.spreads import HalfPoint
from settlements.services.spread_history import Question, Shapes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Lines that are told of, by measure and how wide the sport spreads: handicaps of the favourite.
_NARROW, _WIDE = np.arange(-3.0, 0.01, 0.25), np.arange(-14.5, 0.01, 0.5)


class UnknownSport(Refused):
    """No sport has this code, or none whose spread is known."""


@dataclass(frozen=True, slots=True)
class HalfPoints:
    """The half points of one sport and measure, and what they rest on."""

    sport: str
    measure: str
    distribution: str
    history: int
    sd: float
    rows: Sequence[HalfPoint]


def table(
    *, now: datetime, sport: str | None = None, is_simulated: bool = False
) -> list[HalfPoints]:
    """Return what half a point is worth on margins and totals, sport by sport.

    Raises:
        UnknownSport: nobody knows how that sport is spread.
    """
    known = sorted({code for code, _ in spreads.SIGMA})
    if sport is not None and sport not in known:
        raise UnknownSport(f"half points are known of {', '.join(known)}, not of {sport!r}")
    rows = Sport.objects.filter(code__in=[sport] if sport else known).order_by("code")
    day = (now - _EPOCH).days + 1
    asked = [
        Question(pk, code, is_simulated, measure, "FULL", day)
        for pk, code in rows.values_list("pk", "code")
        for measure in (spreads.MARGIN, spreads.TOTAL)
    ]
    shapes = Shapes()
    shapes.read(asked)
    return [_of(one, shape) for one in asked if (shape := shapes.of(one)) is not None]


def _of(one: Question, shape: spreads.Spread) -> HalfPoints:
    sd = spreads.SIGMA[one.sport, one.measure]
    step = 0.25 if sd < 5.0 else 0.5
    if one.measure == spreads.MARGIN:
        at = _NARROW if sd < 5.0 else _WIDE
    else:
        mass = np.exp(shape.log_mass - shape.log_mass.max())
        middle = round(float(mass @ shape.values / mass.sum()))
        at = np.arange(max(middle - 12 * step, step), middle + 12 * step + 0.01, step)
    return HalfPoints(
        sport=one.sport, measure=one.measure, distribution=shape.kind, history=shape.n, sd=sd,
        rows=spreads.half_points(
            shape=shape, at=at, is_handicap=one.measure == spreads.MARGIN
        ),
    )  # fmt: skip
