"""A bankroll that loses too much is given a rest: once per breach, on itself alone."""

from datetime import UTC, datetime, timedelta

import pytest

from betting import queries as betting
from betting.models import Bankroll, TradingHalt
from betting.services import halting, limiting
from models_ml.models import Replay
from monitoring.models import AuditEntry, Incident
from monitoring.services import checking
from settlements import tasks
from settlements.services import guarding, settling
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_competition,
    a_result,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def set_limit(set_threshold):
    """Let a rule's number be this one."""
    return lambda rule, value: set_threshold(guarding.RULES[rule], value)


def settle(bankroll: Bankroll, *stakes: str, at: datetime = NOON, won: bool = False) -> None:
    """Settle a bet on the home side at 2.00 for each stake, one after another."""
    for stake in stakes:
        bet = an_accepted_bet(bankroll=bankroll, stake=stake, price="2.000")
        a_result(bet, *((1, 0) if won else (0, 1)), known_at=at)
        settling.settle_due(as_of=at, now=at, actor="test")


def rules(*, at: datetime = NOON) -> list[str]:
    """Return which rules hold a bankroll at a time, having let them look."""
    guarding.halt_losing(now=at)
    return list(betting.active_halts(at=at).values_list("rule", flat=True))


class TestWithoutLimits:
    def test_nothing_is_halted_and_no_bet_is_read(self, django_assert_num_queries):
        settle(a_bankroll("1000.00"), "900.00")
        with django_assert_num_queries(2):  # bankrolls, and the rows of limits
            assert list(guarding.breaches(now=NOON)) == []
        assert rules() == []


class TestDailyLoss:
    @pytest.mark.parametrize(
        "lost, expected",
        [
            pytest.param("49.99", [], id="a-cent-below"),
            pytest.param("50.00", ["daily-loss"], id="reached"),
            pytest.param("80.00", ["daily-loss"], id="passed"),
        ],
    )
    def test_halts_from_the_very_cent(self, set_limit, lost, expected):
        set_limit("daily-loss", 0.05)
        settle(a_bankroll("1000.00"), lost)
        assert rules() == expected

    def test_is_one_halt_on_this_bankroll_alone_with_one_incident(self, set_limit):
        set_limit("daily-loss", 0.05)
        loser, other = a_bankroll("1000.00"), a_bankroll("1000.00")
        settle(loser, "60.00")
        settle(other, "10.00")
        for _ in range(3):
            guarding.halt_losing(now=NOON)
        halt = TradingHalt.objects.get()
        assert (halt.scope, halt.scope_id, halt.set_by) == (
            "BANKROLL",
            loser.pk,
            "rule:daily-loss",
        )
        assert "lost 60.00 EUR (6.0%) in its betting day" in halt.reason
        incident = Incident.objects.get()
        assert (incident.kind, incident.severity) == (guarding.KIND, "P1")
        assert incident.subject == f"betting.TradingHalt:{halt.pk}"
        assert AuditEntry.objects.filter(action="betting.halt").count() == 1

    @pytest.mark.parametrize(
        "zone, ends",
        [
            pytest.param("UTC", datetime(2026, 3, 15, tzinfo=UTC), id="utc"),
            pytest.param("Asia/Tokyo", datetime(2026, 3, 14, 15, tzinfo=UTC), id="tokyo"),
            pytest.param("America/New_York", datetime(2026, 3, 15, 4, tzinfo=UTC), id="new-york"),
        ],
    )
    def test_ends_by_itself_at_the_next_day_of_the_bankrolls_own_zone(self, set_limit, zone, ends):
        set_limit("daily-loss", 0.05)
        settle(a_bankroll("1000.00", time_zone=zone), "60.00")
        assert rules() == ["daily-loss"]
        assert TradingHalt.objects.get().expires_at == ends
        assert rules(at=ends - timedelta(microseconds=1)) == ["daily-loss"]
        assert rules(at=ends) == []
        assert TradingHalt.objects.get().lifted_at == ends

    def test_ends_with_the_short_day_of_a_fast_league(self, set_limit):
        set_limit("daily-loss", 0.05)
        league = a_competition("SIM", is_simulated=True)
        league.time_scale = 360
        league.save()
        settle(a_bankroll("1000.00", is_simulated=True), "60.00")
        assert rules() == ["daily-loss"]
        assert TradingHalt.objects.get().expires_at == NOON + timedelta(minutes=4)

    def test_forgets_the_day_before(self, set_limit):
        set_limit("daily-loss", 0.05)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "40.00", at=NOON - timedelta(days=1))
        settle(bankroll, "40.00")
        assert rules() == []

    def test_counts_what_was_won_against_it(self, set_limit):
        set_limit("daily-loss", 0.05)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "40.00", won=True)
        settle(bankroll, "60.00")
        assert rules() == []

    def test_counts_a_correction_by_its_difference(self, set_limit):
        set_limit("daily-loss", 0.05)
        bankroll = a_bankroll("1000.00")
        bet = an_accepted_bet(bankroll=bankroll, stake="60.00", price="2.000")
        a_result(bet, 0, 1, known_at=NOON - timedelta(days=1))
        settling.settle_due(as_of=NOON - timedelta(days=1), now=NOON, actor="test")
        a_result(bet, 0, 2, known_at=NOON)
        assert settling.settle_due(as_of=NOON, now=NOON, actor="test").resettled == 1
        assert rules() == []

    def test_gives_the_limit_once_more_after_it_was_lifted(self, set_limit):
        set_limit("daily-loss", 0.05)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "60.00")
        guarding.halt_losing(now=NOON)
        halting.lift(
            halt_id=TradingHalt.objects.get().pk, actor="user:lena", reason="seen", now=NOON
        )
        later = NOON + timedelta(hours=1)
        settle(bankroll, "40.00", at=later)
        assert rules(at=later) == []
        settle(bankroll, "10.00", at=later + timedelta(hours=1))
        assert rules(at=later + timedelta(hours=1)) == ["daily-loss"]

    def test_leaves_replays_alone(self, set_limit):
        set_limit("daily-loss", 0.05)
        event = an_event()
        replay = Replay.objects.create(
            competition=event.competition, season=event.season, actor="cli:t", started_at=NOON
        )
        bankroll = a_bankroll("1000.00", kind="REPLAY", replay=replay)
        bet = an_accepted_bet(bankroll=bankroll, stake="500.00")
        a_result(bet, 0, 1, known_at=NOON)
        settling.settle_due(as_of=NOON, now=NOON, actor="test", bankroll_ids=[bankroll.pk])
        assert rules() == []


class TestDrawdown:
    def test_halts_until_somebody_lifts_it_where_it_never_cools_down(
        self, set_limit, set_threshold
    ):
        set_limit("drawdown", 0.10)
        set_threshold(guarding.DRAWDOWN_COOL_DOWN, 0)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "200.00", at=NOON - timedelta(days=9), won=True)  # its best: 1,200
        settle(bankroll, "60.00", at=NOON - timedelta(days=5))
        assert rules() == []
        settle(bankroll, "60.00")
        assert rules() == ["drawdown"]
        halt = TradingHalt.objects.get()
        assert (halt.expires_at, "120.00 EUR (10.0%) since its best" in halt.reason) == (None, True)
        assert rules(at=NOON + timedelta(days=300)) == ["drawdown"]

    def test_cools_down_and_opens_again_at_the_next_loss_until_a_win(self, set_limit):
        set_limit("drawdown", 0.15)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "150.00")
        assert rules() == ["drawdown"]
        over = NOON + timedelta(minutes=30)
        assert TradingHalt.objects.get().expires_at == over
        assert rules(at=over) == []
        settle(bankroll, "1.00", at=over + timedelta(minutes=1))
        assert rules(at=over + timedelta(minutes=1)) == ["drawdown"]
        later = over + timedelta(minutes=31)
        assert rules(at=later) == []
        settle(bankroll, "1.00", at=later + timedelta(minutes=1), won=True)
        settle(bankroll, "1.00", at=later + timedelta(minutes=2))
        assert rules(at=later + timedelta(minutes=2)) == []

    def test_tries_for_a_day_at_most(self, set_limit):
        set_limit("drawdown", 0.15)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "150.00")
        assert rules() == ["drawdown"]
        assert rules(at=NOON + timedelta(minutes=30)) == []
        next_day = NOON + timedelta(days=1, minutes=30)
        settle(bankroll, "1.00", at=next_day)
        assert rules(at=next_day) == []

    def test_cools_down_the_sooner_the_faster_the_league(self, set_limit):
        set_limit("drawdown", 0.15)
        league = a_competition("SIM", is_simulated=True)
        league.time_scale = 360
        league.save()
        settle(a_bankroll("1000.00", is_simulated=True), "150.00")
        assert rules() == ["drawdown"]
        assert TradingHalt.objects.get().expires_at == NOON + timedelta(seconds=5)

    def test_is_what_is_lost_now_not_what_was_won_back(self, set_limit):
        set_limit("drawdown", 0.10)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "150.00", at=NOON - timedelta(days=5))
        settle(bankroll, "100.00", won=True)
        assert rules() == []

    def test_counts_no_withdrawal(self, set_limit):
        from decimal import Decimal

        from settlements.services import ledger

        set_limit("drawdown", 0.10)
        bankroll = a_bankroll("1000.00")
        ledger.withdraw(
            bankroll_id=bankroll.pk,
            amount=Decimal("500.00"),
            reference="rent",
            actor="user:lena",
            now=NOON,
        )
        settle(bankroll, "20.00")
        assert rules() == []

    def test_counts_from_the_lift_on(self, set_limit):
        set_limit("drawdown", 0.10)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "150.00")
        guarding.halt_losing(now=NOON)
        halting.lift(
            halt_id=TradingHalt.objects.get().pk, actor="user:lena", reason="seen", now=NOON
        )
        assert rules(at=NOON + timedelta(minutes=1)) == []


class TestLosingStreak:
    def test_halts_for_the_time_of_the_cool_down(self, set_limit):
        set_limit("losing-streak", 3)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "1.00", "1.00")
        assert rules() == []
        settle(bankroll, "1.00")
        assert rules() == ["losing-streak"]
        assert TradingHalt.objects.get().expires_at == NOON + timedelta(minutes=30)

    def test_is_broken_by_a_win_and_not_by_a_void(self, set_limit):
        set_limit("losing-streak", 3)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "1.00", "1.00")
        settle(bankroll, "1.00", won=True)
        settle(bankroll, "1.00", "1.00")
        void = an_accepted_bet(bankroll=bankroll)
        a_result(void, status="CANCELLED", known_at=NOON)
        settling.settle_due(as_of=NOON, now=NOON, actor="test")
        assert rules() == []
        settle(bankroll, "1.00")
        assert rules() == ["losing-streak"]

    def test_halts_again_at_the_next_loss_until_a_win_counts_it_anew(self, set_limit):
        set_limit("losing-streak", 2)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "1.00", "1.00")
        assert rules() == ["losing-streak"]
        over = NOON + timedelta(minutes=30)
        assert rules(at=over) == []
        settle(bankroll, "1.00", at=over)
        assert rules(at=over + timedelta(seconds=1)) == []  # it was lost before the rest was over
        settle(bankroll, "1.00", at=over + timedelta(minutes=1))
        assert rules(at=over + timedelta(minutes=1)) == ["losing-streak"]
        later = over + timedelta(minutes=31)
        assert rules(at=later) == []
        settle(bankroll, "1.00", at=later + timedelta(minutes=1), won=True)
        settle(bankroll, "1.00", at=later + timedelta(minutes=2))
        assert rules(at=later + timedelta(minutes=2)) == []
        settle(bankroll, "1.00", at=later + timedelta(minutes=3))
        assert rules(at=later + timedelta(minutes=3)) == ["losing-streak"]

    def test_counts_anew_once_a_person_lifted_it(self, set_limit):
        set_limit("losing-streak", 2)
        bankroll = a_bankroll("1000.00")
        settle(bankroll, "1.00", "1.00")
        assert rules() == ["losing-streak"]
        halting.lift(
            halt_id=TradingHalt.objects.get().pk, actor="user:lena", reason="seen", now=NOON
        )
        settle(bankroll, "1.00", at=NOON + timedelta(minutes=1))
        assert rules(at=NOON + timedelta(minutes=1)) == []


class TestWeeklyLoss:
    def test_ends_on_the_next_monday_of_the_bankrolls_own_zone(self, set_limit):
        set_limit("weekly-loss", 0.05)
        bankroll = a_bankroll("1000.00", time_zone="America/New_York")
        settle(bankroll, "30.00", at=NOON - timedelta(days=8))  # of the week before
        settle(bankroll, "25.00", at=NOON - timedelta(days=3))
        assert rules() == []
        settle(bankroll, "25.00")
        assert rules() == ["weekly-loss"]
        halt = TradingHalt.objects.get()
        assert halt.expires_at == datetime(2026, 3, 16, 4, tzinfo=UTC)
        assert "in its betting week; 5.0% give it a rest" in halt.reason


class TestRows:
    def a_row(self, bankroll: Bankroll | None, dimension: str, **values) -> None:
        limiting.set_limit(
            dimension=dimension,
            bankroll_id=bankroll and bankroll.pk,
            actor="t",
            reason="x",
            now=NOON,
            **values,
        )

    def test_of_a_bankroll_stand_in_place_of_the_threshold(self, set_limit):
        set_limit("daily-loss", 0.05)
        bankroll, other = a_bankroll("1000.00"), a_bankroll("1000.00")
        self.a_row(bankroll, "DAILY_LOSS", share=0.2, amount="70.00")
        for each in (bankroll, other):
            settle(each, "60.00")
        assert rules() == ["daily-loss"]
        assert TradingHalt.objects.get().scope_id == other.pk
        settle(bankroll, "10.00", at=NOON + timedelta(minutes=1))
        guarding.halt_losing(now=NOON + timedelta(minutes=1))
        halt = TradingHalt.objects.get(scope_id=bankroll.pk)
        assert "20.0% or 70.00 give it a rest" in halt.reason

    def test_hold_where_no_threshold_is_set(self):
        bankroll = a_bankroll("1000.00")
        self.a_row(None, "LOSING_STREAK", number="2")
        self.a_row(None, "DRAWDOWN", share=0.5)
        settle(bankroll, "1.00", "1.00")
        assert rules() == ["losing-streak"]


class TestTogether:
    def test_each_rule_sets_its_own_halt(self, set_limit):
        set_limit("daily-loss", 0.05)
        set_limit("losing-streak", 1)
        settle(a_bankroll("1000.00"), "60.00")
        assert sorted(rules()) == ["daily-loss", "losing-streak"]
        assert Incident.objects.count() == 2

    def test_the_incident_ends_with_the_halt(self, set_limit):
        set_limit("losing-streak", 1)
        settle(a_bankroll("1000.00"), "1.00")
        guarding.halt_losing(now=NOON)
        checking.run_check(kind=guarding.KIND, now=NOON + timedelta(minutes=29))
        incident = Incident.objects.get()
        assert (incident.resolved_at, incident.occurrences) == (None, 2)
        checking.run_check(kind=guarding.KIND, now=NOON + timedelta(minutes=30))
        incident.refresh_from_db()
        assert incident.state == "RESOLVED"

    def test_settling_looks_by_itself(self, set_limit):
        class Run:
            actor = "task:settlements.tasks.settle_due"

            def progress(self, **_: object) -> None:
                """Nobody watches."""

            def raise_if_cancelled(self) -> None:
                """Nobody calls it off."""

        set_limit("losing-streak", 1)
        bankroll = a_bankroll("1000.00")
        bet = an_accepted_bet(bankroll=bankroll)
        a_result(bet, 0, 1)
        found = tasks.settle_due.body(Run())
        assert (found["settled"], found["halted"]) == (1, 1)
        assert TradingHalt.objects.get().scope_id == bankroll.pk
