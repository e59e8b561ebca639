"""Eight placers at once where every limit is nearly used: none is passed by a cent.

Each round founds events that share sides, competition and books, and lets the placers try all of
them in orders of their own, so that they meet at each limit in turn; meanwhile halts come and go.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event as Signal

import pytest
from django.db import connection

from betting import queries
from betting.domain.limits import Dimension
from betting.models import Bet, Decision, Limit
from betting.queries import risk
from betting.services import halting, placing
from markets.models import Event
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_book,
    a_decision,
    a_strategy,
    an_event_with_prices,
    predictions_of,
)
from tests.betting.venues import FakeVenue
from tests.faults.processes import times

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.faults, pytest.mark.timeout(3600),
]  # fmt: skip
PLACERS, TRIES = 8, times(12, 1_000)
WIDE = dict.fromkeys(["max_stake_share", "max_event_share", "max_day_share", "max_open_share"], 1.0)
ROWS = {
    "EVENT": Decimal("30.00"),
    "PARTICIPANT": Decimal("41.07"),
    "BOOK": Decimal("130.11"),
    "STRATEGY": Decimal("97.13"),
    "OPEN": Decimal("171.31"),
    "DAY": Decimal("190.00"),
}


def a_scene(seed: int):
    """Return a bankroll with a limit on everything, and decisions that come to more than any."""
    rng, bankroll = random.Random(seed), a_bankroll("200.00")
    for dimension, amount in ROWS.items():
        Limit.objects.create(bankroll=bankroll, dimension=dimension, amount=amount)
    strategies = [a_strategy(bankroll=bankroll, **WIDE) for _ in range(2)]
    events = [an_event_with_prices() for _ in range(6)]
    for one, other in zip(events[::2], events[1::2], strict=True):
        Event.objects.filter(pk=other.pk).update(away=one.home_id)
    decisions = []
    for event in events:
        predictions = predictions_of(event)
        for strategy in strategies:
            decision = a_decision(
                strategy=strategy,
                prediction=rng.choice(predictions),
                stake=f"{rng.randint(500, 2500) / 100:.2f}",
                book=rng.choice(["alpha", "beta"]),
            )
            decisions.append(decision.pk)
    return bankroll, decisions


def be_patient() -> None:
    """Let a placer wait for the bankroll however slow the machine is, instead of giving up."""
    with connection.cursor() as cursor:
        cursor.execute("set lock_timeout = '240s'; set statement_timeout = '240s'")


def assert_within(bankroll) -> None:
    """Hold the bets that stand against every limit, and against the money there is."""
    used = risk.usage(bankroll=bankroll, as_of=NOON, dimensions=set(Dimension))
    for dimension, most in ROWS.items():
        stands = [amount for (of, _), amount in used.exposed.items() if of == dimension]
        assert all(0 <= amount <= most for amount in stands), (dimension, stands)
    assert used.day_total <= ROWS["DAY"]
    assert queries.available(bankroll_id=bankroll.pk) >= 0


def a_placer(seed: int, decisions: list[int], venue: FakeVenue, tries: int):
    """Place decisions one by one and in small batches, in an order of its own."""
    rng = random.Random(seed)

    def work() -> int:
        be_patient()
        try:
            return sum(
                placing.place(
                    decision_ids=rng.sample(decisions, rng.choice([1, 1, 3])),
                    as_of=NOON,
                    now=NOON,
                    actor="t",
                    venue=venue,
                ).accepted
                for _ in range(tries)
            )
        finally:
            connection.close()

    return work


def all_at_once(decisions: list[int], venue: FakeVenue, *, seed: int, tries: int) -> int:
    with ThreadPoolExecutor(PLACERS) as placers:
        works = [
            placers.submit(a_placer(seed * PLACERS + n, decisions, venue, tries))
            for n in range(PLACERS)
        ]
        return sum(work.result() for work in works)


def test_no_limit_is_passed_by_a_cent_and_nothing_is_sent_twice():
    tried, seed = 0, 0
    while tried < TRIES:
        seed, venue = seed + 1, FakeVenue()
        bankroll, decisions = a_scene(seed)
        accepted = all_at_once(decisions, venue, seed=seed, tries=12)
        tried += 12
        assert_within(bankroll)
        sent = [ticket.client_ref for ticket in venue.tickets]
        assert (
            len(sent)
            == len(set(sent))
            == accepted
            == Bet.objects.filter(bankroll=bankroll, status="ACCEPTED").count()
        ), f"seed {seed}"
        left = Decision.objects.filter(pk__in=decisions, bet=None)
        assert left and not left.filter(refusal="").exists(), f"seed {seed}"


def test_a_halt_that_comes_meanwhile_holds_whoever_begins_after_it():
    for seed in range(times(1, 25)):
        bankroll, decisions = a_scene(seed)
        book, halted, venue = a_book("beta"), Signal(), FakeVenue()
        at_book = set(Decision.objects.filter(book=book).values_list("pk", flat=True))

        def work(n: int, seed=seed, decisions=decisions, at_book=at_book, halted=halted,
                 venue=venue) -> list[int]:  # fmt: skip
            """Place one by one; return what was taken at the book though its halt stood."""
            rng, wrong = random.Random(seed * PLACERS + n), []
            be_patient()
            try:
                for pk in rng.sample(decisions, len(decisions)):
                    stood = halted.is_set()
                    report = placing.place(
                        decision_ids=[pk], as_of=NOON, now=NOON, actor="t", venue=venue
                    )
                    wrong += [pk] if stood and pk in at_book and report.accepted else []
            finally:
                connection.close()
            return wrong

        with ThreadPoolExecutor(PLACERS) as placers:
            works = [placers.submit(work, n) for n in range(PLACERS)]
            halting.halt(reason="?", actor="t", now=NOON, scope="BOOK", scope_id=book.pk)
            halted.set()
            assert [wrong for each in works for wrong in each.result()] == [], f"seed {seed}"
        assert_within(bankroll)
        left = Decision.objects.filter(pk__in=at_book & set(decisions), bet=None)
        assert set(left.values_list("refusal", flat=True)) <= {"HALTED"}, f"seed {seed}"
        halting.lift_scope(reason="?", actor="t", now=NOON, scope="BOOK", scope_id=book.pk)
