"""What settlements' tests stand on: events, books, prices, bets, results, made by the ORM."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from betting.models import Bankroll, Bet
from betting.services import bankrolls
from markets.domain import kinds
from markets.models import (
    Book,
    ClosingPrice,
    Competition,
    Event,
    Market,
    Participant,
    Result,
    Season,
    Selection,
    Source,
    Sport,
)
from settlements.models import BetValue
from settlements.services import ledger

D = Decimal
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
KICK_OFF = NOON - timedelta(hours=4)
ROLES = {
    "MATCH_ODDS": ("HOME", "DRAW", "AWAY"),
    "ASIAN_HANDICAP": ("HOME", "AWAY"),
    "TOTAL": ("OVER", "UNDER"),
    **{kind: kinds.ROLES[kind] for kind in ("MONEYLINE", "SPREAD", "TEAM_TOTAL", "PLAYER_TOTAL")},
}
_numbers = count(1)


def a_bankroll(balance: str = "1000.00", **fields: Any) -> Bankroll:
    fields = {
        "name": f"Bankroll {next(_numbers)}",
        "kind": "PAPER",
        "currency": "EUR",
        "time_zone": "UTC",
        **fields,
    }
    bankroll = bankrolls.open_bankroll(**fields, actor="test", now=NOON)
    if D(balance):
        ledger.deposit(
            bankroll_id=bankroll.pk,
            amount=D(balance),
            reference="opening",
            actor="test",
            now=NOON - timedelta(days=400),
        )
    bankroll.refresh_from_db()
    return bankroll


def a_competition(code: str = "X1", *, is_simulated: bool = False) -> Competition:
    sport, _ = Sport.objects.get_or_create(code="soccer", defaults={"name": "Soccer"})
    competition, _ = Competition.objects.get_or_create(
        code=code, defaults={"sport": sport, "name": code, "is_simulated": is_simulated}
    )
    return competition


def an_event(*, starts_at: datetime = KICK_OFF, **competition: Any) -> Event:
    league = a_competition(**competition)
    season, _ = Season.objects.get_or_create(competition=league, label="2025-26")
    home, away = (
        Participant.objects.create(sport=league.sport, name=f"Club {next(_numbers)}")
        for _ in range(2)
    )
    return Event.objects.create(
        competition=league,
        season=season,
        home=home,
        away=away,
        name=f"{home} – {away}",
        starts_at=starts_at,
    )


def a_selection(
    event: Event | None = None,
    *,
    kind: str = "MATCH_ODDS",
    role: str = "HOME",
    line: str | None = None,
    period: str = "FULL",
    **whose: Any,
) -> Selection:
    """Return a selection of a market; ``line`` is the market's: home handicap or total.

    ``whose`` is the participant and the statistic of one that asks for a figure.
    """
    market, created = Market.objects.get_or_create(
        event=event or an_event(),
        kind=kind,
        period=period,
        line=None if line is None else D(line),
        **whose,
    )
    if created:
        for each in ROLES.get(kind, (role,)):
            own = market.line
            if own is not None and each == "AWAY":
                own = -own
            Selection.objects.create(market=market, role=each, name=each.title(), line=own)
    return market.selections.get(role=role)


def a_book(code: str = "bet365", **fields: Any) -> Book:
    return Book.objects.get_or_create(code=code, defaults={"name": code, **fields})[0]


def an_accepted_bet(
    selection: Selection | None = None,
    *,
    bankroll: Bankroll | None = None,
    stake: str = "10.00",
    price: str = "1.900",
    side: str = "BACK",
    placed_at: datetime = KICK_OFF - timedelta(hours=1),
    **fields: Any,
) -> Bet:
    return Bet.objects.create(
        selection=selection or a_selection(),
        bankroll=bankroll or a_bankroll(),
        stake=D(stake),
        price=D(price),
        side=side,
        client_ref=f"t{next(_numbers)}",
        placed_at=placed_at,
        **{"status": "ACCEPTED", "book": fields.get("book") or a_book(), **fields},
    )


def a_result(
    of: Bet | Event,
    home: int | None = None,
    away: int | None = None,
    *,
    status: str = "FINAL",
    known_at: datetime = KICK_OFF + timedelta(hours=2),
    **fields: object,
) -> Result:
    """Record the next version of an event's result."""
    event = of if isinstance(of, Event) else of.selection.market.event
    source, _ = Source.objects.get_or_create(code="test", defaults={"name": "Test"})
    return Result.objects.create(
        event=event,
        version=event.results.count() + 1,
        status=status,
        home_score=home,
        away_score=away,
        source=source,
        known_at=known_at,
        recorded_at=known_at,
        **fields,
    )


def a_close(
    selection: Selection,
    *,
    book: Book,
    price: str,
    fair: float | None,
    confirmed_before: timedelta = timedelta(minutes=1),
    method: str = "shin",
) -> ClosingPrice:
    start = selection.market.event.starts_at
    return ClosingPrice.objects.create(
        selection=selection,
        book=book,
        opening_price=D(price),
        opened_at=start - timedelta(days=1),
        price=D(price),
        seen_at=start - timedelta(hours=2),
        confirmed_at=start - confirmed_before,
        starts_at=start,
        overround=0.03,
        fair_probability=fair,
        method=method,
    )


def a_valued_bet(
    clv: float,
    *,
    bankroll: Bankroll,
    event: Event | None = None,
    stake: str = "10.00",
    **fields: Any,
) -> Bet:
    """Return a bet on an event of its own that was worth so much by the close."""
    bet = an_accepted_bet(
        a_selection(event or an_event(), role=fields.pop("role", "HOME")),
        bankroll=bankroll, stake=stake, **fields,
    )  # fmt: skip
    BetValue.objects.create(
        bet=bet, reference="pinnacle", method="shin", closing_price="1.900",
        closing_probability=0.5, close_age_seconds=60, clv_raw=clv + 0.03, clv=clv,
        valued_at=NOON, expected_profit=round(float(stake) * clv, 2),
    )  # fmt: skip
    return bet
