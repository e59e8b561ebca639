"""Figures over windows of betting days, from the days' own sums, however many bets there are.

A window is whole betting days, today among them.  Of several bankrolls together, today is that of
the first one's zone, a cluster is an event of one of them, and drawdowns are those by the day's
end; of one bankroll they are those by moment of settlement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection, models
from django.db.models import Sum

from betting.models import Bankroll, Strategy
from markets.models import Book, Competition, Market, Participant, Sport
from models_ml.models import ModelVersion
from monitoring.errors import Refused
from settlements.domain import decay, windows
from settlements.domain.windows import Figures, Money, Rolling
from settlements.models import PerformanceDay
from settlements.services.daily_statements import COLUMNS

Cut = PerformanceDay.Cut
DAYS: Mapping[str, int | None] = {"7d": 7, "30d": 30, "90d": 90, "all": None}
ZERO = Decimal("0.00")
#: Keys in the order in which a person reads them; of other cuts the most turned over come first.
ORDERS: Mapping[str, Sequence[str]] = {
    Cut.EDGE: ("below 0", "0-2", "2-4", "4-6", "6-10", "10+", ""),
    Cut.HOURS: ("started", "0-1", "1-4", "4-12", "12-24", "24-48", "48-72", "72+"),
    Cut.ODDS: ("FAVOURITE", "EVEN", "OUTSIDER", ""),
    Cut.HOUR: tuple(f"{hour:02}" for hour in range(24)),
}
_TITLES: Mapping[str, Mapping[str, str]] = {
    Cut.EDGE: {
        "below 0": "Below 0 %", "0-2": "0 to 2 %", "2-4": "2 to 4 %", "4-6": "4 to 6 %",
        "6-10": "6 to 10 %", "10+": "10 % and more", "": "No probability",
    },
    Cut.HOURS: {"started": "After the start", "72+": "72 h and more"},
    Cut.ODDS: {
        "FAVOURITE": "Favourite (55 % and more)", "EVEN": "Between",
        "OUTSIDER": "Outsider (45 % and less)", "": "No price",
    },
    Cut.MARKET: dict(Market.Kind.choices),
    Cut.SIDE: {"BACK": "Back", "LAY": "Lay"},
    Cut.ALL: {"": "All"},
}  # fmt: skip
_TABLES: Mapping[str, type[models.Model]] = {
    Cut.STRATEGY: Strategy, Cut.SPORT: Sport, Cut.COMPETITION: Competition, Cut.BOOK: Book,
    Cut.VERSION: ModelVersion, Cut.TEAM: Participant,
}  # fmt: skip


#: What a day brought, and its path where it is that of one bankroll.
_Day = tuple[Decimal, Sequence[Decimal] | None]


class UnknownWindow(Refused):
    """A window is 7d, 30d, 90d, any other number of days, or all."""


@dataclass(frozen=True, slots=True)
class Span:
    """Betting days from ``first`` to ``last``, both in it; None is without an end."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one key of a cut."""

    key: str
    title: str
    figures: Figures


def days_of(window: str) -> int | None:
    """Return how many days a window has, None for all of them.

    >>> days_of("30d"), days_of("all"), days_of("365d")
    (30, None, 365)
    """
    if window in DAYS:
        return DAYS[window]
    number = window.removesuffix("d")
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and int(number)):
        raise UnknownWindow(f"{window!r} is no window: 7d, 30d, 90d, any days such as 14d, or all")
    return int(number)


def span(*, bankroll_ids: Sequence[int], days: int | None, now: datetime) -> Span:
    """Return the window of the last days, today the last of them."""
    return _until(today(bankroll_ids=bankroll_ids, now=now), days)


def today(*, bankroll_ids: Sequence[int], now: datetime) -> date:
    """Return the betting day that a moment is in."""
    return now.astimezone(ZoneInfo(_zone(bankroll_ids))).date()


def _zone(bankroll_ids: Sequence[int]) -> str:
    zones = Bankroll.objects.filter(pk__in=bankroll_ids).order_by("pk")
    return zones.values_list("time_zone", flat=True).first() or "UTC"


def _until(last: date, days: int | None) -> Span:
    return Span(None if days is None else last - timedelta(days=days - 1), last)


def moments(*, bankroll_ids: Sequence[int], within: Span) -> tuple[datetime, datetime]:
    """Return from when to when a window of given days lasts, in the first bankroll's zone."""
    if within.first is None or within.last is None:
        raise ValueError("a window without an end has no moments")
    zone = ZoneInfo(_zone(bankroll_ids))
    ends = (within.first, within.last + timedelta(days=1))
    since, until = (datetime.combine(day, time(), tzinfo=zone) for day in ends)
    return since, until


def by(
    *,
    bankroll_ids: Sequence[int],
    cut: str,
    within: Span = Span(),
    strategy_id: int | None = None,
    most: int | None = None,
) -> list[Line]:
    """Return the figures of each key of a cut; of a strategy its bets alone.

    Keys of an order are in it; of others, the most turned over come first, ``most`` of them.
    """
    rows = _sums(bankroll_ids, cut, within, strategy_id)
    if cut in ORDERS:
        place = {key: number for number, key in enumerate(ORDERS[cut])}
        rows.sort(key=lambda row: place.get(row[0], len(place)))
    rows = rows[:most]
    titles = _titles(cut, [key for key, _ in rows])
    return [Line(key, titles[key], windows.figures(sums)) for key, sums in rows]


def total(
    *, bankroll_ids: Sequence[int], within: Span = Span(), strategy_id: int | None = None
) -> Figures:
    """Return the figures of all bets of a window."""
    rows = _sums(bankroll_ids, Cut.ALL, within, strategy_id)
    return windows.figures(rows[0][1] if rows else dict.fromkeys(COLUMNS, ZERO))


def money(
    *, bankroll_ids: Sequence[int], within: Span = Span(), strategy_id: int | None = None
) -> Money:
    """Return drawdowns, Sharpe and the rest of a window.

    Of a strategy they are those of a bankroll that it alone had bet with.
    """
    found = _days(bankroll_ids, within, strategy_id)
    return _money(found, opening(bankroll_ids=bankroll_ids, within=within))


def _money(found: Mapping[date, _Day], opening: Decimal) -> Money:
    return windows.money(
        days=[day.toordinal() for day in found],
        profits=[profit for profit, _ in found.values()],
        paths=[path for _, path in found.values()],
        opening=opening,
    )


def side_by_side(
    *, bankroll_ids: Sequence[int], names: Sequence[str] = tuple(DAYS), now: datetime
) -> dict[str, tuple[Figures, Money]]:
    """Return figures and money of several windows that end today, in few statements."""
    every = _days(bankroll_ids, Span(), None)
    won, held = sum((profit for profit, _ in every.values()), ZERO), _held(bankroll_ids)
    last, shown = today(bankroll_ids=bankroll_ids, now=now), {}
    for name in names:
        within = _until(last, days_of(name))
        own = {day: told for day, told in every.items() if _is_in(day, within)}
        later = sum((profit for day, (profit, _) in every.items() if _begins(day, within)), ZERO)
        start = held - (later if within.first else won)
        shown[name] = total(bankroll_ids=bankroll_ids, within=within), _money(own, start)
    return shown


def _is_in(day: date, within: Span) -> bool:
    return _begins(day, within) and (within.last is None or day <= within.last)


def _begins(day: date, within: Span) -> bool:
    return within.first is None or day >= within.first


def _held(bankroll_ids: Sequence[int]) -> Decimal:
    rows = Bankroll.objects.filter(pk__in=bankroll_ids)
    return rows.aggregate(held=Sum("balance"))["held"] or ZERO


def opening(*, bankroll_ids: Sequence[int], within: Span) -> Decimal:
    """Return the money before a window: today's, less what was won since its first day.

    So deposits and withdrawals count as there from the beginning, and make no peak and no fall.
    """
    since = _rows(bankroll_ids, Cut.ALL, Span(within.first), None)
    return _held(bankroll_ids) - (since.aggregate(won=Sum("profit"))["won"] or ZERO)


def daily_profit(
    *, bankroll_ids: Sequence[int], within: Span = Span(), strategy_id: int | None = None
) -> list[tuple[date, Decimal]]:
    """Return what each day with a settled bet brought, in order."""
    return [(day, won) for day, (won, _) in _days(bankroll_ids, within, strategy_id).items()]


def equity(
    *, bankroll_ids: Sequence[int], within: Span = Span(), strategy_id: int | None = None
) -> list[tuple[date, Decimal]]:
    """Return the money at each day's end, first what there was the day before."""
    found = daily_profit(bankroll_ids=bankroll_ids, within=within, strategy_id=strategy_id)
    if not found:
        return []
    stands = opening(bankroll_ids=bankroll_ids, within=within)
    points = [(found[0][0] - timedelta(days=1), stands)]
    for day, profit in found:
        stands += profit
        points.append((day, stands))
    return points


def rolling(
    *, bankroll_ids: Sequence[int], window: int, strategy_id: int | None = None
) -> tuple[list[date], Rolling]:
    """Return for each day with a settled bet the yield over the ``window`` days up to it."""
    names = (
        "profit", "turnover", "profit_2", "profit_turnover", "turnover_2", "events", "bets",
    )  # fmt: skip
    rows = (
        _rows(bankroll_ids, Cut.ALL, Span(), strategy_id)
        .values("day")
        .order_by("day")
        .values_list("day", *(Sum(name) for name in names))
    )
    found = list(rows)
    days = [row[0] for row in found]
    columns = {
        name: np.array([row[place] for row in found], dtype=np.float64)
        for place, name in enumerate(names, start=1)
    }
    ordinals = np.array([day.toordinal() for day in days], dtype=np.int64)
    return days, windows.rolling(days=ordinals, columns=columns, window=window)


#: What an edge may be seen wearing off in: a rate's top and bottom among the sums.
WATCHED: Mapping[str, tuple[str, str]] = {
    "CLV": ("clv", "valued"),
    "Yield": ("profit", "turnover"),
}


def edge_decay(
    *, bankroll_ids: Sequence[int], strategy_id: int | None = None
) -> dict[str, tuple[list[date], decay.Watch | None]]:
    """Return for each watched rate its days and its CUSUM; None while there are too few days."""
    names = [name for pair in WATCHED.values() for name in pair]
    rows = list(
        _rows(bankroll_ids, Cut.ALL, Span(), strategy_id)
        .values("day")
        .order_by("day")
        .values_list("day", *(Sum(name) for name in names))
    )
    sums = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, len(names)).T
    days = [row[0] for row in rows]
    return {
        title: (days, decay.watch(top=sums[2 * place], bottom=sums[2 * place + 1]))
        for place, title in enumerate(WATCHED)
    }


def _rows(
    bankroll_ids: Sequence[int], cut: str, within: Span, strategy_id: int | None
) -> models.QuerySet[PerformanceDay]:
    rows = PerformanceDay.objects.filter(bankroll_id__in=bankroll_ids, cut=cut)
    rows = (
        rows.filter(strategy__isnull=True)
        if strategy_id is None
        else rows.filter(strategy_id=strategy_id)
    )
    if within.first is not None:
        rows = rows.filter(day__gte=within.first)
    return rows if within.last is None else rows.filter(day__lte=within.last)


def _days(bankroll_ids: Sequence[int], within: Span, strategy_id: int | None) -> dict[date, _Day]:
    """Return profit and path by day; a day of several bankrolls has no path."""
    rows = _rows(bankroll_ids, Cut.ALL, within, strategy_id).order_by("day")
    found: dict[date, _Day] = {}
    for day, profit, path in rows.values_list("day", "profit", "path"):
        before = found.get(day)
        alone = len(bankroll_ids) == 1
        found[day] = (profit + before[0] if before else profit, path if alone else None)
    return found


_SUMS = f"""
select key, {", ".join(f"sum({name})" for name in COLUMNS)}
from settlements_performanceday
where bankroll_id = any(%(ids)s) and cut = %(cut)s and {{whose}}
  and day >= %(first)s and day <= %(last)s
group by key order by sum(turnover) desc, key
"""


def _sums(
    bankroll_ids: Sequence[int], cut: str, within: Span, strategy_id: int | None
) -> list[tuple[str, dict[str, Any]]]:
    whose = "strategy_id is null" if strategy_id is None else "strategy_id = %(strategy)s"
    about = {
        "ids": list(bankroll_ids), "cut": cut, "strategy": strategy_id,
        "first": within.first or date.min, "last": within.last or date.max,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(whose=whose), about)
        return [(row[0], dict(zip(COLUMNS, row[1:], strict=True))) for row in cursor.fetchall()]


def _titles(cut: str, keys: Iterable[str]) -> dict[str, str]:
    keys = list(keys)
    if cut in _TABLES:
        known = _TABLES[cut]._default_manager.in_bulk([int(key) for key in keys if key])
        return {key: str(known[int(key)]) if key else "None" for key in keys}
    titles = _TITLES.get(cut, {})
    endings = {Cut.HOURS: " h", Cut.HOUR: ":00"}
    words = {key: f"{key}{endings[Cut(cut)]}" if cut in endings else key for key in keys}
    return {key: titles.get(key) or words[key].replace("_", " ").capitalize() for key in keys}
