from datetime import timedelta
from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from betting import monitors, queries
from betting.models import Bankroll
from betting.queries import uses
from betting.services import halting, reconciling
from monitoring import registry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_replay,
    a_strategy,
    an_event,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=3)


def found(kind: str, now=LATER) -> list[str]:
    return [finding.subject for finding in registry.checks[kind].run(now)]


class TestStuckReservation:
    @pytest.mark.parametrize("status", ["RESERVED", "UNKNOWN"])
    def test_is_found_after_a_while_and_gone_once_the_venue_was_asked(self, status):
        bet = a_bet(status=status)
        assert found(monitors.STUCK, NOON + timedelta(minutes=1)) == []
        assert found(monitors.STUCK) == [f"betting.Bet:{bet.pk}"]
        reconciling.reconcile(now=LATER, older_than=timedelta(minutes=1))
        assert found(monitors.STUCK) == []

    def test_is_no_matter_of_bets_that_have_an_answer(self):
        for status in ("ACCEPTED", "REJECTED", "CANCELLED"):
            a_bet(status=status, event=an_event())
        assert found(monitors.STUCK) == []


class TestExposureOverLimit:
    def test_is_found_when_money_leaves_and_gone_when_it_is_back(self):
        bankroll = a_bankroll("1000.00")
        a_strategy(bankroll=bankroll, max_open_share=0.10, max_event_share=0.10)
        a_bet(bankroll=bankroll, stake="100.00")
        assert found(monitors.OVER_LIMIT) == []
        Bankroll.objects.update(balance=Decimal("999.99"))
        assert set(found(monitors.OVER_LIMIT)) == {f"betting.Bankroll:{bankroll.pk}"}
        Bankroll.objects.update(balance=Decimal("1000.00"))
        assert found(monitors.OVER_LIMIT) == []

    def test_is_found_on_one_event_alone(self):
        bankroll = a_bankroll("1000.00")
        a_strategy(bankroll=bankroll, max_open_share=0.25, max_event_share=0.03)
        event = an_event()
        a_bet(bankroll=bankroll, event=event, stake="30.01")
        excess = uses.exposures_over_limit()
        assert [(e.where, e.open, e.limit) for e in excess] == [
            (f"event {event.pk}", Decimal("30.01"), Decimal("30.00"))
        ]

    def test_leaves_replays_out(self):
        a_bet(bankroll=a_bankroll("0.00", kind="REPLAY", replay=a_replay()))
        assert found(monitors.OVER_LIMIT) == []


class TestPanels:
    @pytest.mark.parametrize("name", ["betting.bets", "betting.bankrolls"])
    def test_show_what_there_is_and_say_what_to_do_where_there_is_nothing(self, name):
        panel = registry.panels[name]
        empty = render_to_string(panel.template, panel.context(NOON))
        assert "cl-empty" in empty
        bankroll = a_bankroll("1234.50", name="Main", is_simulated=True)
        a_bet(bankroll=bankroll)
        halting.halt(reason="<b>drift</b>", actor="user:alice", now=NOON)
        shown = render_to_string(panel.template, panel.context(NOON))
        assert "Main" in shown and "simulated" in shown.lower()
        assert "<b>drift" not in shown
        if name == "betting.bankrolls":
            assert "paused" in shown.lower() and "&lt;b&gt;drift" in shown
            assert "1,224.50" in shown

    @pytest.mark.parametrize("name, most", [("betting.bets", 2), ("betting.bankrolls", 5)])
    def test_read_a_bounded_number_of_rows_and_no_replays(
        self, name, most, django_assert_max_num_queries
    ):
        bankroll = a_bankroll()
        for _ in range(4):
            a_bet(bankroll=bankroll, event=an_event())
        a_bet(bankroll=a_bankroll(name="Old season", kind="REPLAY", replay=a_replay()))
        panel = registry.panels[name]
        with django_assert_max_num_queries(most):
            shown = render_to_string(panel.template, panel.context(NOON))
        assert "Old season" not in shown


class TestGauges:
    def test_tell_money_bets_and_halts(self):
        bankroll = a_bankroll("100.00", name="Main")
        a_bet(bankroll=bankroll, stake="12.50")
        halting.halt(reason="?", actor="t", now=NOON)
        samples = {name: list(gauge.samples()) for name, gauge in registry.gauges.items()}
        label = {"bankroll": "Main", "currency": "EUR"}
        assert samples["closingline_open_exposure"] == [(label, 12.5)]
        assert samples["closingline_bankroll_balance"] == [(label, 100.0)]
        assert ({"status": "ACCEPTED"}, 1.0) in samples["closingline_open_bets"]
        assert samples["closingline_betting_halts"] == [({}, 1.0)]


class TestResponses:
    def act(self, name: str) -> str:
        return registry.responses[name].act(
            subject="", actor="user:alice", reason="too much", now=LATER
        )

    def test_pause_betting(self):
        assert "paused" in self.act("betting.pause")
        assert queries.halted().everything

    def test_ask_the_venues(self):
        a_bet(status="UNKNOWN")
        assert self.act("betting.reconcile") == "1 asked: 0 accepted, 1 rejected, 0 unknown"
