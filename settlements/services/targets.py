"""Holding performance against its targets, and changing those with a reason.

Shipped are the targets and alert levels of three operations handbooks side by side: ``soccer``
(30-day yield above 10 %, alarm below −5 %; Sharpe above 0.8; win rate of 40 to 50 %; 40 to 60
bets a month), ``points`` (win rate above 54 %, a look below 52 %; yield above 5 %, bad below 0;
Sharpe above 1, a look below 0.5; worst drawdown below 20 %; CLV above 0, a look when below it for
three days) and ``exchange`` (win rate above 50 %, yield above 10 %).  They contradict each other,
and that is seen best side by side; an operator switches off what is not asked of this house.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from monitoring.errors import Refused
from monitoring.services import audit
from settlements.domain import presenting, targets
from settlements.domain.performance import Rate
from settlements.domain.targets import Band, Bounds
from settlements.domain.windows import Figures, Money
from settlements.models import PerformanceTarget
from settlements.queries import Group
from settlements.services import windows

Figure = PerformanceTarget.Figure
LONGEST_REASON = 500
AMOUNTS = frozenset({Figure.SHARPE, Figure.SORTINO, Figure.BETS})  # all others are shares
#: In words, in which tone, with which sign.
BANDS: Mapping[Band, tuple[str, str, str]] = {
    Band.GREEN: ("On target", "good", "check_circle"),
    Band.BETWEEN: ("Not on target", "idle", "remove"),
    Band.UNSURE: ("Beyond a bound, maybe by chance", "idle", "help"),
    Band.AMBER: ("Worth a look", "warn", "warning"),
    Band.RED: ("Bad", "bad", "error"),
    Band.FEW: ("Too few", "idle", "hourglass_empty"),
    Band.UNKNOWN: ("No value", "idle", "horizontal_rule"),
}
BOUNDS = ("green_low", "green_high", "amber_low", "amber_high", "red_low", "red_high")
EDITABLE = (*BOUNDS, "min_n", "needs_interval", "tells", "is_enabled")
#: Figures that are what they are: no chance is in them, so none has to be excluded.
PLAIN = frozenset({Figure.MAX_DRAWDOWN, Figure.DRAWDOWN, Figure.BETS, Figure.GROWTH,
                   Figure.SORTINO})  # fmt: skip
SHIPPED: Sequence[Mapping[str, Any]] = (
    {"source": "soccer", "figure": Figure.YIELD, "window_days": 30, "green_low": 0.10,
     "red_low": -0.05, "min_n": 50},
    {"source": "soccer", "figure": Figure.SHARPE, "green_low": 0.8, "min_n": 30},
    {"source": "soccer", "figure": Figure.WIN_RATE, "green_low": 0.40, "green_high": 0.50,
     "min_n": 50},
    {"source": "soccer", "figure": Figure.BETS, "window_days": 30, "green_low": 40,
     "green_high": 60},
    {"source": "points", "figure": Figure.WIN_RATE, "green_low": 0.54, "amber_low": 0.52,
     "min_n": 50},
    {"source": "points", "figure": Figure.YIELD, "green_low": 0.05, "red_low": 0.0, "min_n": 50},
    {"source": "points", "figure": Figure.SHARPE, "green_low": 1.0, "amber_low": 0.5,
     "min_n": 30},
    {"source": "points", "figure": Figure.MAX_DRAWDOWN, "green_high": 0.20, "red_high": 0.20,
     "needs_interval": False},
    {"source": "points", "figure": Figure.CLV, "window_days": 3, "green_low": 0.0,
     "amber_low": 0.0, "min_n": 20},
    {"source": "exchange", "figure": Figure.WIN_RATE, "green_low": 0.50, "min_n": 50},
    {"source": "exchange", "figure": Figure.YIELD, "green_low": 0.10, "min_n": 50},
)  # fmt: skip


class BadTarget(Refused):
    """These bounds contradict each other, or the target is there already."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a group of bankrolls stands by one target."""

    target: PerformanceTarget
    value: Rate
    n: int
    band: Band

    @property
    def is_passed(self) -> bool:
        """Return whether a bound is passed, as far as one may be sure."""
        return self.band in (Band.AMBER, Band.RED)

    @property
    def value_in_words(self) -> str:
        return self._say(self.value)

    @property
    def in_words(self) -> str:
        """Return the figure with its interval and n, and the bound that it stands beyond."""
        row = self.target
        low, high = row.amber_low, row.amber_high
        if self.band is Band.RED:
            low, high = row.red_low, row.red_high
        bound = low if low is not None and (self.value.value or 0.0) < low else high
        return f"{self.value_in_words} at n {self.n:,}, bound {self._say(Rate(bound))}"

    def _say(self, value: Rate) -> str:
        is_amount = self.target.figure in AMOUNTS
        return presenting.plain(value) if is_amount else presenting.percent(value)


def ensure_shipped(*, now: datetime, actor: str) -> int:
    """Write the shipped targets that were never there; return how many."""
    known = set(PerformanceTarget.objects.values_list("source", "figure", "window_days"))
    rows = [
        PerformanceTarget(**one, reason="shipped", changed_by=actor, changed_at=now)
        for one in SHIPPED
        if (one["source"], one["figure"], one.get("window_days")) not in known
    ]
    return len(PerformanceTarget.objects.bulk_create(rows, ignore_conflicts=True))


@transaction.atomic
def add(
    *,
    source: str,
    figure: str,
    window_days: int | None,
    values: Mapping[str, Any],
    reason: str,
    actor: str,
    now: datetime,
) -> PerformanceTarget:
    """Write a target of one's own.

    Raises:
        BadTarget: its bounds contradict each other, or it is there already.
    """
    row = PerformanceTarget(source=source, figure=figure, window_days=window_days)
    return _save(row, values, reason, actor, now, action="settlements.target-added")


@transaction.atomic
def change(
    *, target_id: int, values: Mapping[str, Any], reason: str, actor: str, now: datetime
) -> PerformanceTarget:
    """Change bounds, the fewest observations, or whether it is heeded.

    Raises:
        BadTarget: its bounds contradict each other.
    """
    row = PerformanceTarget.objects.select_for_update().get(pk=target_id)
    return _save(row, values, reason, actor, now, action="settlements.target-changed")


def _save(
    row: PerformanceTarget,
    values: Mapping[str, Any],
    reason: str,
    actor: str,
    now: datetime,
    *,
    action: str,
) -> PerformanceTarget:
    if unknown := sorted(set(values) - set(EDITABLE)):
        raise BadTarget(f"a target has no {', '.join(unknown)}")
    if not all(math.isfinite(values.get(name) or 0.0) for name in BOUNDS):
        raise BadTarget("a bound is a finite number, or none")
    before = {name: getattr(row, name) for name in EDITABLE} if row.pk else {}
    for name, value in values.items():
        setattr(row, name, value)
    row.reason, row.changed_by, row.changed_at = reason, actor, now
    try:
        row.full_clean()
    except ValidationError as wrong:
        raise BadTarget("; ".join(wrong.messages)) from wrong
    row.save()
    audit.record(
        actor=actor,
        action=action,
        subject=audit.label(row),
        at=now,
        target=str(row),
        reason=reason,
        before=before,
        after={name: getattr(row, name) for name in EDITABLE},
    )
    return row


def enabled() -> list[PerformanceTarget]:
    """Return the targets that are heeded, by source."""
    rows = PerformanceTarget.objects.filter(is_enabled=True)
    return list(rows.order_by("source", "figure", "window_days"))


def window_of(row: PerformanceTarget) -> str:
    """Return a target's window by its name."""
    return f"{row.window_days}d" if row.window_days else "all"


def standings(*, group: Group, now: datetime) -> list[Standing]:
    """Return where a group of bankrolls stands by each target that is heeded."""
    rows = enabled()
    names = tuple(dict.fromkeys(window_of(row) for row in rows))
    shown = windows.side_by_side(bankroll_ids=group.bankroll_ids, names=names, now=now)
    return judged(rows=rows, shown=shown)


def judged(
    *, rows: Sequence[PerformanceTarget], shown: Mapping[str, tuple[Figures, Money]]
) -> list[Standing]:
    """Return where windows stand by targets; ``shown`` has the window of each."""
    return [_standing(row, *shown[window_of(row)]) for row in rows]


def _standing(row: PerformanceTarget, figures: Figures, money: Money) -> Standing:
    value, n = _of(row.figure, figures, money)
    bounds = Bounds(
        green=(row.green_low, row.green_high),
        amber=(row.amber_low, row.amber_high),
        red=(row.red_low, row.red_high),
        min_n=row.min_n,
        needs_interval=row.needs_interval,
    )
    band = targets.judge(bounds=bounds, value=value, n=n, has_interval=row.figure not in PLAIN)
    return Standing(row, value, n, band)


def _of(figure: str, shown: Figures, money: Money) -> tuple[Rate, int]:
    """Return a figure and how many observations it is of."""
    found: dict[str, tuple[Rate, int]] = {
        Figure.YIELD: (shown.yield_, shown.bets),
        Figure.WIN_RATE: (shown.win_rate, shown.decided),
        Figure.CLV: (shown.clv, shown.valued),
        Figure.GROWTH: (Rate(money.growth), shown.bets),
        Figure.SHARPE: (money.sharpe, money.days),
        Figure.SORTINO: (Rate(money.sortino), money.days),
        Figure.MAX_DRAWDOWN: (Rate(money.max_drawdown), shown.bets),
        Figure.DRAWDOWN: (Rate(money.drawdown), shown.bets),
        Figure.BETS: (Rate(float(shown.bets)), shown.bets),
    }
    return found[figure]
