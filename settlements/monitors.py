"""What settlements hang into the watch, the dashboard and the metrics page."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from betting import queries as betting
from monitoring import thresholds
from monitoring.desk import chips
from monitoring.desk.sections import Chart
from monitoring.domain.findings import Finding, Severity
from monitoring.domain.thresholds import declare
from monitoring.registry import Sample, check, gauge, panel
from settlements import queries, reconciling_monitors
from settlements.domain import presenting
from settlements.domain.performance import Rate
from settlements.domain.targets import Band
from settlements.domain.windows import Figures, Money
from settlements.models import PerformanceTarget
from settlements.services import clv_watch, gaps, guarding, ledger, settling, targets, windows

OVERDUE_AFTER = declare(
    "settlements.overdue-after", 2, "min",
    "An accepted bet whose result is known for longer than this and is not settled opens an"
    " incident.",
    lowest=0.5, highest=10_080,
)  # fmt: skip
DRAWN = 300  # points of a curve
BESIDE = (reconciling_monitors,)  # register their own
FEW = 2_000  # bets up to which a curve has a point for each settlement
WINDOWS = {"all": "All time", "90d": "90 days", "30d": "30 days", "7d": "7 days"}


@check("settlements.ledger-imbalance", every=timedelta(minutes=5))
def ledger_imbalance(now: datetime) -> Iterator[Finding]:
    """Money moved that no transfer explains, or a transfer that moved no money."""
    for row in ledger.imbalances():
        yield Finding(
            severity=Severity.P0,
            subject=f"betting.Bankroll:{row.bankroll_id}",
            summary=(
                f"the books of {row.name} disagree by {row.total:.2f}: accounts {row.accounts:.2f},"
                f" balance {row.balance:.2f}, bets {row.bets:.2f}"
            ),
        )


@check(guarding.KIND, every=timedelta(seconds=30))
def no_bankroll_rests_because_of_its_losses(now: datetime) -> Iterator[Finding]:
    """No bankroll has lost so much that a rule has stopped it; one incident per halt."""
    for halt in betting.active_halts(at=now).filter(rule__in=guarding.RULES):
        subject = f"{halt._meta.label}:{halt.pk}"
        yield Finding(severity=Severity.P1, subject=subject, summary=halt.reason)


@check("settlements.overdue", every=timedelta(minutes=1))
def overdue(now: datetime) -> Iterator[Finding]:
    """Accepted bets whose result has been known for longer than settling should take."""
    late = queries.overdue(as_of=now, limit=thresholds.span(OVERDUE_AFTER))
    if late:
        minutes = (now - late[0].known_at).total_seconds() / 60
        yield Finding(
            severity=Severity.P1,
            summary=(
                f"{len(late)} accepted bets were not settled though their results are known,"
                f" the oldest (bet {late[0].bet_id}) for {minutes:.0f} min"
            ),
        )


@check(settling.UNSETTLEABLE, every=timedelta(minutes=1))
def unsettleable(now: datetime) -> Iterator[Finding]:
    """Bets with a result that no rule can judge by: a person must write the rule or void them."""
    for subject, summary in settling.troubles(as_of=now).items():
        yield Finding(severity=Severity.P1, subject=subject, summary=summary)


@check(clv_watch.KIND, every=timedelta(minutes=10))
def clv_low(now: datetime) -> Iterator[Finding]:
    """Strategies whose latest bets were struck at worse prices than the market closed at."""
    for one in clv_watch.low_strategies(now=now):
        simulated = " (SIMULATED)" if one.is_simulated else ""
        yield Finding(
            severity=Severity.P1 if one.low.is_bad else Severity.P2,
            subject=f"betting.Strategy:{one.strategy_id}",
            summary=f"{one.name}{simulated}: {one.low.words}",
        )


@check("settlements.performance-band", every=timedelta(minutes=10))
def performance_is_within_its_bands(now: datetime) -> Iterator[Finding]:
    """Figures of real bankrolls beyond a bound of a target, as far as one may be sure of it."""
    passed: dict[int, list[tuple[str, targets.Standing]]] = {}
    for group in queries.groups(simulated=False):
        for one in targets.standings(group=group, now=now):
            if one.is_passed and one.target.tells:
                passed.setdefault(one.target.pk, []).append((group.title, one))
    for found in passed.values():
        target = found[0][1].target
        is_bad = any(one.band is Band.RED for _, one in found)
        yield Finding(
            severity=Severity.P1 if is_bad else Severity.P2,
            subject=f"{target._meta.label}:{target.pk}",
            summary=f"{target} is passed: "
            + "; ".join(f"{title} {one.in_words}" for title, one in found),
        )


@check("settlements.backtest-gap", every=timedelta(hours=6))
def live_betting_keeps_what_backtests_promised(now: datetime) -> Iterator[Finding]:
    """A strategy's live yield lies below that of its latest backtest; one incident each."""
    for gap, is_great in gaps.told(now=now):
        yield Finding(
            severity=Severity.P2 if is_great else Severity.P4,
            subject=f"betting.Strategy:{gap.strategy_id}",
            summary=str(gap),
        )


@panel(
    "performance",
    title="Performance",
    template="settlements/panel_performance.html",
    order=20,
    width=12,
)
def performance(now: datetime) -> Mapping[str, object]:
    """Show the figures of each group of live bankrolls; replays are in none of them."""
    rows = targets.enabled()
    groups = enumerate(queries.groups())
    return {"groups": [_group(group, number, rows, now) for number, group in groups]}


def _group(
    group: queries.Group, number: int, rows: Sequence[PerformanceTarget], now: datetime
) -> dict[str, object]:
    names = tuple(dict.fromkeys([*WINDOWS, *(targets.window_of(row) for row in rows)]))
    shown = windows.side_by_side(bankroll_ids=group.bankroll_ids, names=names, now=now)
    every, _ = shown["all"]
    return {
        "title": group.title,
        "currency": group.currency,
        "is_simulated": group.is_simulated,
        "shown": every,
        "rows": [_row(words, *shown[name]) for name, words in WINDOWS.items()],
        "targets": [_chip(one) for one in targets.judged(rows=rows, shown=shown)],
        "chart": _curve(group, number=number, bets=every.bets),
    }


def _chip(one: targets.Standing) -> dict[str, object]:
    words, tone, icon = targets.BANDS[one.band]
    return {"chip": chips.chip(one.target, tone, icon), "words": f"{words}: {one.value_in_words}"}


def _row(label: str, shown: Figures, money: Money) -> dict[str, object]:
    return {
        "label": label,
        "cells": [
            f"{shown.bets:,}",
            f"{shown.turnover:,.2f}",
            f"{shown.profit:+,.2f}",
            presenting.percent(shown.yield_),
            presenting.percent(shown.clv),
            presenting.percent(shown.beat_close),
            presenting.percent(Rate(money.drawdown)),
            presenting.percent(Rate(money.max_drawdown)),
        ],
    }


def _curve(group: queries.Group, *, number: int, bets: int) -> Chart:
    """Draw the money by moment of settlement while bets are few, else by day."""
    if bets <= FEW:
        points = queries.equity(bankroll_ids=group.bankroll_ids)
        line = [(f"{point.at:%Y-%m-%d %H:%M:%S}", float(point.equity)) for point in points]
    else:
        ends = windows.equity(bankroll_ids=group.bankroll_ids)
        line = [(f"{day:%Y-%m-%d}", float(money)) for day, money in ends]
    step = max(1, -(-len(line) // DRAWN))
    line = [*line[:-1:step], line[-1]] if line else []
    return Chart(
        title=f"Equity, {group.title}",
        name=f"performance-equity-{number}",
        series={group.title: line} if line else {},
        unit=group.currency,
        stepped=True,
        columns=("Settled (UTC)" if bets <= FEW else "Betting day", "Equity"),
        empty="The curve begins with the first settled bet.",
    )


@gauge("profit", help="Profit of the settled live bets, in the bankrolls' currency")
def profit() -> Iterable[Sample]:
    return _samples(lambda shown: shown.profit)


@gauge("turnover", help="Turnover of the settled live bets, in the bankrolls' currency")
def turnover() -> Iterable[Sample]:
    return _samples(lambda shown: shown.turnover)


@gauge("clv", help="Mean margin-free closing-line value of the live bets, as a share")
def clv() -> Iterable[Sample]:
    return _samples(lambda shown: shown.clv)


def _samples(figure: Callable[[queries.Totals], Decimal | float | None]) -> Iterator[Sample]:
    for group in queries.groups():
        value = figure(queries.totals(group))
        if value is not None:
            labels = {
                "kind": group.kind,
                "currency": group.currency,
                "simulated": str(group.is_simulated).lower(),
            }
            yield labels, float(value)
