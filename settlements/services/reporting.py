"""Reports: what a period's bets came to, told once per group of money, and again when it changed.

A report is made of parts: a title, a note, a table, and a picture where one helps.  They are all
reckoned from the betting days' sums, but the single bets.  The page made of them needs no script.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string

from betting.models import Bankroll, Bet
from monitoring.errors import Refused
from monitoring.services import audit
from settlements import queries
from settlements.domain import drawing, periods, presenting
from settlements.domain.performance import Rate
from settlements.domain.periods import Period
from settlements.domain.windows import Figures, Money
from settlements.models import Report
from settlements.queries import Group
from settlements.services import windows
from settlements.services.windows import Cut, Span

Kind = Report.Kind
Part = dict[str, Any]  # title, headers, rows; note and svg where there are some
TOP = 10
FIGURES = (
    "Bets", "Void", "Turnover", "Profit", "Yield (95 %)", "Win rate (95 %)", "CLV (95 %)",
    "Beat the close (95 %)",
)  # fmt: skip
#: Which period of a moment a kind is of where none is asked for: the last one that is over.
USUAL: Mapping[str, Callable[[date], Period]] = {
    Kind.DAILY: periods.day_of,
    Kind.MONTHLY: periods.month_of,
    **dict.fromkeys((Kind.WEEKLY, Kind.CLV, Kind.PAPER, Kind.TOP, Kind.TIMING), periods.week_of),
}


class NoReport(Refused):
    """There is no such kind or period, or it has not begun yet."""


@dataclass(frozen=True, slots=True)
class _Of:
    """Whose bets of which days a part is about."""

    group: Group
    within: Span

    @property
    def about(self) -> dict[str, Any]:
        return {"bankroll_ids": self.group.bankroll_ids, "within": self.within}


def make(
    *, kind: str, period: str = "", group: str = "", actor: str, now: datetime
) -> list[Report]:
    """Write the report of a period for each live group of money, or for the one of this title.

    Where the latest revision tells just that, it is returned instead of writing another.

    Raises:
        NoReport: no such kind, period or group, or a period that has not begun.
    """
    if kind not in Kind.values:
        raise NoReport(f"there is no report {kind!r}; there are {', '.join(Kind.values).lower()}")
    groups = [
        one
        for one in queries.groups()
        if group in ("", one.title) and (kind != Kind.PAPER or one.kind == Bankroll.Kind.PAPER)
    ]
    if group and not groups:
        raise NoReport(f"no such report is made of {group!r}")
    asked = _period(kind, period, now)
    return [_make(kind, asked, one, actor, now) for one in groups]


def _period(kind: str, name: str, now: datetime) -> Period:
    try:
        found = periods.read(name) if name else _before(USUAL[kind], now.date())
    except ValueError as no:
        raise NoReport(str(no)) from no
    if found.first > now.date() + timedelta(days=1):
        raise NoReport(f"{found.name} has not begun yet")
    return found


def _before(of: Callable[[date], Period], today: date) -> Period:
    return of(of(today).first - timedelta(days=1))


@transaction.atomic
def _make(kind: str, period: Period, group: Group, actor: str, now: datetime) -> Report:
    content = _content(kind, period, group)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    told = Report.objects.filter(kind=kind, period=period.name, group=group.title)
    latest = told.order_by("-revision").first()
    if latest and latest.digest == digest:
        return latest
    revision = latest.revision + 1 if latest else 1
    about = {**content, "revision": revision, "as_of": now.isoformat(timespec="seconds")}
    report = Report.objects.create(
        kind=kind, period=period.name, group=group.title, revision=revision, first=period.first,
        last=period.last, as_of=now, content=about, digest=digest, made_by=actor, made_at=now,
        html=render_to_string("settlements/report.html", {"report": about}),
    )  # fmt: skip
    audit.record(
        actor=actor, action="settlements.reported", subject=audit.label(report), at=now,
        report=str(report), digest=digest,
    )  # fmt: skip
    return report


def _content(kind: str, period: Period, group: Group) -> dict[str, Any]:
    of = _Of(group, Span(period.first, period.last))
    return {
        "title": f"{Kind(kind).label} {period.name}",
        "kind": kind.lower(),
        "period": period.name,
        "group": group.title,
        "is_simulated": group.is_simulated,
        "currency": group.currency,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "parts": [part for make_part in _PARTS[kind] for part in make_part(of)],
    }


def as_csv(report: Report) -> str:
    """Return a report's tables one under the other, each under its title."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, part in enumerate(report.content["parts"]):
        if number:
            writer.writerow([])
        writer.writerow([part["title"]])
        writer.writerow(part["headers"])
        writer.writerows([_harmless(cell) for cell in row] for row in part["rows"])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    risky = isinstance(cell, str) and cell[:1] in ("=", "@", "\t", "\r")
    return f"'{cell}" if risky else cell


# -- parts -----------------------------------------------------------------------------


def _summary(of: _Of) -> list[Part]:
    shown, money = windows.total(**of.about), windows.money(**of.about)
    rows = [
        *zip(FIGURES, _figures(shown), strict=True),
        *_money_rows(money),
        ["Yield beyond what the close expected (95 %)", presenting.percent(shown.excess)],
        ["p of it, were there none", _p(shown.excess_p)],
        ["The close expected", f"{shown.expected:.2f}"],
        ["Our probabilities expected", f"{shown.model_expected:.2f}"],
    ]
    note = (
        "Yield is profit over turnover; void bets are in no figure. Intervals go by events."
        " Sharpe counts every day, times the root of 365."
    )
    return [_part("Figures", ("Figure", "Value"), rows, note=note)]


def _money_rows(money: Money) -> list[tuple[str, str]]:
    return [
        ("Money before", f"{money.opening:.2f}"),
        ("Money at the end", f"{money.equity:.2f}"),
        ("Return on bankroll", presenting.percent(Rate(money.growth))),
        ("Drawdown at the end", presenting.percent(Rate(money.drawdown))),
        ("Worst drawdown", presenting.percent(Rate(money.max_drawdown))),
        ("Sharpe (95 %)", presenting.plain(money.sharpe)),
        ("Sortino", presenting.plain(Rate(money.sortino))),
    ]


def _days(of: _Of) -> list[Part]:
    found = windows.daily_profit(**of.about)
    points = [(day, float(won)) for day, won in found]
    ends = [(day, float(money)) for day, money in windows.equity(**of.about)]
    return [
        _part(
            "By day", ("Betting day", "Profit"), [[f"{day}", f"{won:.2f}"] for day, won in found],
            svg=drawing.bars_svg(title="Daily profit", points=points),
        ),
        _part(
            "Equity", ("Day's end", "Money"), [[f"{day}", f"{money:.2f}"] for day, money in ends],
            svg=drawing.line_svg(title="Equity", points=ends),
        ),
    ]  # fmt: skip


def _by(*cuts: Cut, most: int | None = None) -> Callable[[_Of], list[Part]]:
    def parts(of: _Of) -> list[Part]:
        return [
            _part(
                f"By {cut.label.lower()}",
                ("Of", *FIGURES, "Yield beyond the close's (95 %)", "p"),
                [
                    [
                        line.title, *_figures(line.figures),
                        presenting.percent(line.figures.excess), _p(line.figures.excess_p),
                    ]
                    for line in windows.by(cut=cut, most=most, **of.about)
                ],
                note=f"The {most} most turned over." if most else "",
            )
            for cut in cuts
        ]  # fmt: skip

    return parts


def _figures(shown: Figures) -> list[str]:
    return [
        str(shown.bets), str(shown.void), f"{shown.turnover:.2f}", f"{shown.profit:.2f}",
        presenting.percent(shown.yield_), presenting.percent(shown.win_rate),
        presenting.percent(shown.clv), presenting.percent(shown.beat_close),
    ]  # fmt: skip


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _bets(of: _Of) -> list[Part]:
    return [
        _single("Most profitable bets", of, "-profit"),
        _single("Most unprofitable bets", of, "profit"),
    ]


def _single(title: str, of: _Of, order: str) -> Part:
    """Return the first bets of an order; the days are those of the bankrolls' zones."""
    rows = (
        Bet.objects.filter(bankroll_id__in=of.group.bankroll_ids, status=Bet.Status.SETTLED)
        .exclude(outcome=Bet.Outcome.VOID)
        .filter(**_between(of))
        .select_related("selection__market__event", "book", "strategy", "value")
        .order_by(order, "pk")[:TOP]
    )
    return _part(
        title,
        ("Bet", "Event", "Selection", "Book", "Strategy", "Stake", "Price", "Profit", "CLV"),
        [
            [
                bet.pk, str(bet.selection.market.event), str(bet.selection), str(bet.book),
                str(bet.strategy or ""), f"{bet.stake:.2f}", f"{bet.price:.3f}",
                f"{bet.profit:.2f}", _clv(bet),
            ]
            for bet in rows
        ],
    )  # fmt: skip


def _clv(bet: Bet) -> str:
    value = getattr(bet, "value", None)
    return "–" if value is None else f"{100 * value.clv:+.1f} %"


def _between(of: _Of) -> dict[str, datetime]:
    since, until = windows.moments(bankroll_ids=of.group.bankroll_ids, within=of.within)
    return {"settled_at__gte": since, "settled_at__lt": until}


def _part(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    note: str = "",
    svg: str = "",
) -> Part:
    return {
        "title": title,
        "headers": list(headers),
        "rows": [list(row) for row in rows],
        "note": note,
        "svg": svg,
    }


_PARTS: Mapping[str, Sequence[Callable[[_Of], list[Part]]]] = {
    Kind.DAILY: (_summary, _by(Cut.STRATEGY, Cut.COMPETITION), _bets),
    Kind.WEEKLY: (_summary, _days, _by(Cut.STRATEGY, Cut.MARKET, Cut.BOOK, Cut.VERSION), _bets),
    Kind.MONTHLY: (
        _summary,
        _days,
        _by(Cut.STRATEGY, Cut.SPORT, Cut.MARKET, Cut.BOOK, Cut.SIDE, Cut.VERSION, Cut.EDGE),
        _by(Cut.COMPETITION, Cut.TEAM, most=20),
        _bets,
    ),
    Kind.CLV: (
        _summary,
        _by(Cut.STRATEGY, Cut.BOOK, Cut.MARKET, Cut.HOURS, Cut.EDGE, Cut.ODDS),
    ),
    Kind.PAPER: (_summary, _days, _by(Cut.STRATEGY, Cut.MARKET, Cut.EDGE, Cut.SITUATION)),
    Kind.TOP: (_bets,),
    Kind.TIMING: (_summary, _by(Cut.HOURS, Cut.HOUR)),
}
