"""Many bets at once, and what they must come to by the scalar rules."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from betting.models import Bankroll, Bet
from markets.models import Event
from settlements.domain import rules
from settlements.models import LedgerTransfer, Settlement
from settlements.services import ledger
from tests.settlements.builders import (
    KICK_OFF,
    a_bankroll,
    a_book,
    a_result,
    a_selection,
    an_event,
)

TERMS = (
    ("MATCH_ODDS", "HOME", None),
    ("MATCH_ODDS", "DRAW", None),
    ("MATCH_ODDS", "AWAY", None),
    ("ASIAN_HANDICAP", "HOME", "-0.75"),
    ("ASIAN_HANDICAP", "AWAY", "-0.75"),
    ("ASIAN_HANDICAP", "HOME", "-1"),
    ("TOTAL", "OVER", "2.25"),
    ("TOTAL", "UNDER", "2.5"),
)


def a_crowd(
    *, bets: int, bankrolls: int = 3, events: int = 12, seed: int = 0
) -> tuple[list[Bankroll], list[Event]]:
    """Accept bets of every kind, side and line, spread over events and bankrolls."""
    random, book = np.random.default_rng(seed), a_book()
    owners = [a_bankroll("1000000.00") for _ in range(bankrolls)]
    matches = [an_event() for _ in range(events)]
    selections = [
        a_selection(match, kind=kind, role=role, line=line)
        for match in matches
        for kind, role, line in TERMS
    ]
    draws = zip(
        random.integers(0, len(selections), bets),
        random.integers(0, bankrolls, bets),
        random.integers(100, 20_000, bets),
        random.integers(1_050, 9_000, bets),
        random.random(bets) < 0.2,
        strict=True,
    )
    Bet.objects.bulk_create(
        Bet(
            selection=selections[selection],
            bankroll=owners[owner],
            book=book,
            stake=Decimal(int(stake)) / 100,
            price=Decimal(int(price)) / 1000,
            side="LAY" if is_lay else "BACK",
            client_ref=f"crowd{seed}-{number}",
            placed_at=KICK_OFF,
            status="ACCEPTED",
        )
        for number, (selection, owner, stake, price, is_lay) in enumerate(draws)
    )
    return owners, matches


def play(matches: Sequence[Event], *, seed: int = 0, **terms: object) -> None:
    """Give every match a result; each tenth is abandoned."""
    random = np.random.default_rng(seed)
    for number, match in enumerate(matches):
        if number % 10 == 9:
            a_result(match, status="ABANDONED", **terms)
        else:
            home, away = random.integers(0, 5, 2).tolist()
            a_result(match, home, away, **terms)


def expected_profits() -> dict[int, Decimal]:
    """Return what each bet must have brought by the latest results, one scalar rule at a time."""
    bets = Bet.objects.select_related("selection__market__event")
    latest = {}
    profits = {}
    for bet in bets:
        market = bet.selection.market
        if market.event_id not in latest:
            latest[market.event_id] = market.event.results.order_by("-version").first()
        result = latest[market.event_id]
        if result.status in rules.VOIDING:
            outcome = rules.Outcome.VOID
        else:
            outcome = rules.judge(
                kind=market.kind,
                role=bet.selection.role,
                line=bet.selection.line,
                home=result.home_score,
                away=result.away_score,
            )
        profits[bet.pk] = rules.profit(
            side=bet.side, outcome=outcome, stake=bet.stake, price=bet.price
        )
    return profits


def assert_settled_once(owners: Sequence[Bankroll], *, revisions: int = 1) -> None:
    """Hold every bet, settlement, transfer and balance against the scalar rules."""
    expected = expected_profits()
    settled = dict(Bet.objects.filter(status="SETTLED").values_list("pk", "profit"))
    assert settled == expected
    assert Settlement.objects.count() == revisions * len(expected)
    unreversed = LedgerTransfer.objects.filter(kind="SETTLEMENT", reversed_by=None)
    assert unreversed.count() == sum(profit != 0 for profit in expected.values())
    assert ledger.imbalance() == Decimal("0.00")
    for owner in owners:
        won = sum(owner.bets.values_list("profit", flat=True), Decimal(0))
        owner.refresh_from_db()
        assert owner.balance == Decimal("1000000.00") + won
