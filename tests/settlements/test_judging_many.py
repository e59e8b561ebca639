"""Bets judged and paid in columns hold against the rules for one bet, row by row."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection

from betting.models import Bet
from markets.models import Selection
from settlements.models import Settlement
from settlements.services import judging, ledger, rule_sets, settling, statements
from settlements.services.judging import Due, Judged
from settlements.services.rule_sets import Rules
from tests.settlements import crowds
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    a_bankroll,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)
from tests.settlements.racing import a_race, a_told_bet, an_import, came_in

pytestmark = pytest.mark.django_db
STRUCK = KICK_OFF - timedelta(hours=1)
BASES = ("NONE", "EACH_WIN", "STAKE", "RETURNS", "MARKET_NET")


def rules_of(random, *, versions):
    """Write versions of a rule set at random, one in force for each hour before the start."""
    for version in range(versions):
        terms = {
            "tie": random.choice(["PUSH", "LOST"]),
            "dead_heat": random.choice(["SHARED", "IN_FULL"]),
            "abandoned": random.choice(["VOID", "DECIDED_STANDS"]),
            "non_runner": random.choice(["NONE", "REDUCTION_FACTOR"]),
            "rounding": random.choice(["HALF_EVEN", "HALF_UP", "DOWN"]),
            "without_price": random.choice(["VOID", "AS_ZERO"]),
            "commission": {
                "base": random.choice(BASES),
                "rate": random.choice(["0", "0.0275", "0.2"]),
                "discount": random.choice(["0", "0.15"]),
                "is_of_bet": bool(random.random() < 0.5),
            },
        }
        rule_sets.make_version(
            code="drawn", terms={name: _plain(value) for name, value in terms.items()},
            since=STRUCK + timedelta(minutes=version), reason="drawn", actor="t", now=NOON,
        )  # fmt: skip
    rule_sets.set_use(code="drawn", reason="drawn", actor="t", now=NOON)


def _plain(value):
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else (
        str(value) if isinstance(value, np.str_) else value
    )  # fmt: skip


def a_match(random):
    """Return selections of a match that was played, given up, broken off, or told in halves."""
    event = an_event()
    picks = [a_selection(event, kind=kind, role=role, line=line) for kind, role, line in (
        *crowds.TERMS, ("MONEYLINE", "HOME", None), ("SPREAD", "AWAY", "-3.5"),
        ("BOTH_SCORE", "YES", None), ("DOUBLE_CHANCE", "HOME_DRAW", None),
    )]  # fmt: skip
    picks.append(a_selection(event, kind="TOTAL", role="OVER", line="0.5", period="H1"))
    home, away = random.integers(0, 4, 2).tolist()
    status = random.choice(["FINAL", "FINAL", "ABANDONED", "RETIRED", "POSTPONED"])
    winner = {"winner": "AWAY"} if status == "RETIRED" else {}
    halves = {"home_score_half": min(home, 1), "away_score_half": 0}
    a_result(event, home, away, status=str(status), **winner, **halves)
    return picks


def a_field(random, kind, **market):
    """Return the runners of a race that was run, with ties, one of them withdrawn."""
    names = "ABCDEF"
    runners = a_race(*names, kind=kind, **market)
    came_in(runners, **dict(zip(names, np.sort(random.integers(1, 5, 6)).tolist(), strict=True)))
    gone = a_race("Gone")["Gone"]
    Selection.objects.filter(pk=gone.pk).update(
        market=runners["A"].market, removed_at=STRUCK + timedelta(minutes=1), reduction=Decimal(20)
    )
    return [*runners.values(), gone]


def bet_on(random, pick, purse, number):
    side = str(random.choice(["BACK", "LAY"]))
    stake = Decimal(int(random.integers(1, 50_000))).scaleb(-2)
    by_liability = side == "LAY" and random.random() < 0.5
    return an_accepted_bet(
        pick, bankroll=purse, side=side, stake=str(stake),
        price=str(Decimal(int(random.integers(1_010, 20_000))).scaleb(-3)),
        placed_at=STRUCK + timedelta(minutes=int(number % 4)),
        **({"liability_asked": stake} if by_liability else {}),
    )  # fmt: skip


def told_bets(random, purse):
    """Accept bets that a file told, some without a price, of races of one and more winners."""
    read, race = an_import("drawn"), a_race("A", "B", "C")
    for number in range(12):
        told = str(random.choice(["WON", "LOST", "VOID"]))
        a_told_bet(
            list(race.values())[number % 3], told, imported=read, bankroll=purse,
            rate=random.choice([None, Decimal("0.08123457")]), stake=str(number + 1) + ".37",
            price="0" if number % 5 == 0 else "3.460",
            placed_at=STRUCK + timedelta(minutes=number % 4),
        )  # fmt: skip


def by_the_scalar_rules():
    """Return how each accepted bet must end, by its id; those of no end are left out."""
    ids = list(Bet.objects.filter(status="ACCEPTED").values_list("pk", flat=True))
    due = []
    with connection.cursor() as cursor:
        for statement in (statements.DUE, statements.TOLD):
            cursor.execute(statement, {"as_of": NOON, "bets": ids, "statuses": ["ACCEPTED"]})
            due += [Due(*row) for row in cursor.fetchall()]
    judged = judging.judge(due, rule_sets=Rules.load(), as_of=NOON)
    return {
        bet.bet_id: (one.outcome, one.profit, one.commission, one.rule_set_id, dict(one.working))
        for bet, one in zip(due, judged, strict=True)
        if isinstance(one, Judged)
    }, sum(one is not None and not isinstance(one, Judged) for one in judged)


@pytest.mark.parametrize("seed", range(2))
def test_every_sort_of_bet_ends_and_pays_as_it_does_by_itself(seed):
    random = np.random.default_rng(seed)
    rules_of(random, versions=3)
    purse = a_bankroll("1000000.00")
    picks = [pick for _ in range(4) for pick in a_match(random)]
    picks += a_field(random, "WIN") + a_field(random, "PLACE", places=3)
    picks += a_field(random, "EACH_WAY", places=3, place_fraction="1/4")
    for number, pick in enumerate(random.permutation(np.array(picks, dtype=object)).tolist() * 2):
        bet_on(random, pick, purse, number)
    told_bets(random, purse)
    expected, failed = by_the_scalar_rules()

    report = settling.settle_due(as_of=NOON, now=NOON, actor="test", chunk=50)

    told = ("outcome", "profit", "commission", "rule_set_id", "working")
    found = {row[0]: row[1:] for row in Settlement.objects.values_list("bet_id", *told)}
    assert found == expected
    assert len(expected) > 100 and (report.settled, report.failed) == (len(expected), failed)
    assert ledger.imbalance() == 0


def test_a_profit_that_fits_no_column_is_trouble_and_the_others_are_paid():
    event = an_event()
    most = an_accepted_bet(a_selection(event), stake="9999999999.99", price="900.000")
    other = an_accepted_bet(a_selection(event, role="DRAW"))
    a_result(event, 1, 0)
    report = settling.settle_due(as_of=NOON, now=NOON, actor="test")
    assert (report.settled, report.failed) == (1, 1)
    assert list(Settlement.objects.values_list("bet_id", flat=True)) == [other.pk]
    (said,) = settling.troubles(as_of=NOON).values()
    assert f"bet {most.pk} does not fit" in said
