"""Circuit breakers: opened by failures at venues or a losing streak, tried by one bet."""

from datetime import timedelta
from decimal import Decimal as D

import pytest

from betting import monitors
from betting.models import Bankroll, Bet, TradingHalt
from betting.services import breaking, halting, limiting, placing
from betting.venues.base import State
from monitoring import registry
from monitoring.errors import TemporarilyFailed
from tests.betting.builders import NOON, a_bankroll, a_decision, a_strategy
from tests.betting.venues import FakeVenue

pytestmark = pytest.mark.django_db
COOLED = NOON + timedelta(minutes=30)


@pytest.fixture
def bankroll() -> Bankroll:
    found = a_bankroll("10000.00")
    limiting.set_limit(
        dimension="VENUE_FAILURES", bankroll_id=found.pk, number="3", actor="t", reason="x",
        now=NOON,
    )  # fmt: skip
    return found


def place(bankroll: Bankroll, *, venue: FakeVenue, bets: int = 1, now=NOON):
    """Place new decisions at noon's prices, by another wall clock."""
    strategy = a_strategy(bankroll=bankroll)
    ids = [a_decision(strategy=strategy, stake="1.00").pk for _ in range(bets)]
    return placing.place(decision_ids=ids, as_of=NOON, now=now, actor="t", venue=venue)


def a_cooled_halt(bankroll: Bankroll, rule: str) -> TradingHalt:
    return halting.halt(
        reason="?", actor=f"rule:{rule}", now=NOON, scope="BANKROLL", scope_id=bankroll.pk,
        expires_at=COOLED, rule=rule,
    )  # fmt: skip


class TestVenueFailures:
    @pytest.mark.parametrize(
        "says", [State.REJECTED, TemporarilyFailed("no answer")], ids=["rejected", "unanswered"]
    )
    def test_open_the_breaker_at_the_limit_on_this_bankroll_alone(self, bankroll, says):
        place(bankroll, venue=FakeVenue(says=says), bets=2)
        assert not TradingHalt.objects.exists()
        place(bankroll, venue=FakeVenue(says=says))
        halt = TradingHalt.objects.get()
        assert (halt.rule, halt.scope, halt.scope_id) == (
            "venue-failures", "BANKROLL", bankroll.pk,
        )  # fmt: skip
        assert halt.expires_at == COOLED
        (found,) = registry.checks[monitors.VENUE_FAILING].run(NOON)
        assert found.subject == f"betting.TradingHalt:{halt.pk}"
        refused = place(bankroll, venue=FakeVenue(), now=COOLED - timedelta(seconds=1))
        assert list(refused.refusals.values()) == ["HALTED"]
        assert place(a_bankroll(), venue=FakeVenue()).accepted == 1
        assert list(registry.checks[monitors.VENUE_FAILING].run(COOLED)) == []

    def test_are_forgotten_after_a_while_and_counted_not_without_a_limit(self, bankroll):
        place(bankroll, venue=FakeVenue(says=State.REJECTED), bets=2)
        place(
            bankroll, venue=FakeVenue(says=State.REJECTED), bets=2,
            now=NOON + timedelta(minutes=5, seconds=1),
        )  # fmt: skip
        place(a_bankroll(), venue=FakeVenue(says=State.REJECTED), bets=4)
        assert not TradingHalt.objects.exists()

    def test_half_open_one_bet_tries_and_closes_it(self, bankroll):
        a_cooled_halt(bankroll, "venue-failures")
        tried = place(bankroll, venue=FakeVenue(), bets=3, now=COOLED)
        assert tried.accepted == 1
        assert list(tried.refusals.values()) == [breaking.HALF_OPEN] * 2
        assert place(bankroll, venue=FakeVenue(), bets=3, now=COOLED).accepted == 3

    def test_half_open_one_failure_opens_it_again(self, bankroll):
        a_cooled_halt(bankroll, "venue-failures")
        place(bankroll, venue=FakeVenue(says=State.REJECTED), now=COOLED)
        assert TradingHalt.objects.latest("pk").expires_at == COOLED + timedelta(minutes=30)

    def test_half_open_nothing_follows_a_bet_without_an_answer(self, bankroll):
        a_cooled_halt(bankroll, "venue-failures")
        limiting.set_limit(
            dimension="VENUE_FAILURES", bankroll_id=bankroll.pk, is_enabled=False, actor="t",
            reason="x", now=NOON,
        )  # fmt: skip
        place(bankroll, venue=FakeVenue(says=TemporarilyFailed("?")), now=COOLED)
        refused = place(bankroll, venue=FakeVenue(), now=COOLED)
        assert list(refused.refusals.values()) == [breaking.HALF_OPEN]


class TestLosses:
    @pytest.mark.parametrize("rule", ["losing-streak", "drawdown"])
    def test_half_open_one_bet_is_open_at_a_time_until_one_wins(self, bankroll, rule):
        a_cooled_halt(bankroll, rule)
        assert place(bankroll, venue=FakeVenue(), bets=2, now=COOLED).accepted == 1
        assert place(bankroll, venue=FakeVenue(), now=COOLED).refused == 1
        for outcome, profit, accepted in (("PUSH", "0", 1), ("WON", "1", 3)):
            Bet.objects.filter(status="ACCEPTED").update(
                status="SETTLED", outcome=outcome, profit=D(profit), settled_at=COOLED
            )
            assert place(bankroll, venue=FakeVenue(), bets=3, now=COOLED).accepted == accepted

    def test_is_closed_by_a_person_who_lifts_it_and_after_a_day(self, bankroll):
        halt = a_cooled_halt(bankroll, "losing-streak")
        a_day_on = COOLED + breaking.LONGEST
        assert place(bankroll, venue=FakeVenue(), bets=2, now=a_day_on).accepted == 2
        TradingHalt.objects.filter(pk=halt.pk).update(lifted_by="user:lena", lifted_at=NOON)
        assert place(bankroll, venue=FakeVenue(), bets=2, now=COOLED).accepted == 2

    def test_of_another_bankroll_holds_nobody_else(self, bankroll):
        a_cooled_halt(a_bankroll(), "losing-streak")
        assert place(bankroll, venue=FakeVenue(), bets=2, now=COOLED).accepted == 2
