from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.template.loader import render_to_string

from betting.models import Bankroll
from settlements import monitors
from settlements.services import daily, settling
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_result,
    a_selection,
    an_accepted_bet,
)

pytestmark = pytest.mark.django_db


def settle():
    settling.settle_due(as_of=NOON, now=NOON, actor="test")
    daily.refresh_due()


class TestLedgerImbalance:
    def test_is_quiet_while_all_holds_and_again_once_it_is_put_right(self):
        bankroll = a_bankroll("100.00")
        seen = [len(list(monitors.ledger_imbalance(NOON)))]
        for amount in ("99.00", "100.00"):
            Bankroll.objects.filter(pk=bankroll.pk).update(balance=D(amount))
            seen.append(len(list(monitors.ledger_imbalance(NOON))))
        assert seen == [0, 1, 0]

    def test_names_the_bankroll_and_the_amount(self):
        bankroll = a_bankroll("100.00")
        Bankroll.objects.filter(pk=bankroll.pk).update(balance=D("99.00"))
        (finding,) = monitors.ledger_imbalance(NOON)
        assert (finding.severity, finding.subject) == ("P0", f"betting.Bankroll:{bankroll.pk}")
        assert "1.00" in finding.summary


class TestOverdue:
    def test_speaks_once_of_all_that_waits_and_is_quiet_once_settled(self):
        for _ in range(2):
            a_result(an_accepted_bet(), 1, 0, known_at=NOON - timedelta(minutes=30))
        (finding,) = monitors.overdue(NOON)
        assert (finding.severity, finding.subject) == ("P1", "")
        assert "2 accepted bets" in finding.summary and "30 min" in finding.summary
        settle()
        assert list(monitors.overdue(NOON)) == []

    def test_gives_a_fresh_result_its_time(self):
        a_result(an_accepted_bet(), 1, 0, known_at=NOON - timedelta(seconds=30))
        assert list(monitors.overdue(NOON)) == []

    def test_goes_by_how_long_settling_may_take(self, change_threshold):
        a_result(an_accepted_bet(), 1, 0, known_at=NOON - timedelta(minutes=30))
        change_threshold(monitors.OVERDUE_AFTER, 40)
        assert list(monitors.overdue(NOON)) == []
        change_threshold(monitors.OVERDUE_AFTER, 20)
        assert len(list(monitors.overdue(NOON))) == 1


class TestUnsettleable:
    def test_names_the_market_that_has_no_rule(self):
        strange = a_selection(kind="TOTAL", role="OVER", line="2.5", period="HALF")
        bet = an_accepted_bet(strange)
        assert list(monitors.unsettleable(NOON)) == []
        a_result(bet, 1, 0)
        (finding,) = monitors.unsettleable(NOON)
        assert finding.subject == f"markets.Market:{strange.market_id}"
        assert "no rule judges TOTAL HALF OVER 2.5" in finding.summary


class TestThePanel:
    def render(self):
        return render_to_string(
            "settlements/panel_performance.html", monitors.performance(NOON + timedelta(hours=1))
        )

    def test_shows_figures_with_intervals_and_the_equity_as_a_table_too(self):
        bankroll = a_bankroll("1000.00")
        for score in ((1, 0), (0, 2)):
            a_result(an_accepted_bet(bankroll=bankroll), *score)
        settle()
        page = self.render()
        assert "-5.0 %" in page and "(-1212.1 to 1202.1)" in page  # of two events
        assert "999.00" in page or "999.0" in page
        assert "performance-equity-0" in page
        assert "SIMULATED" not in page

    def test_says_simulated_and_keeps_it_apart(self):
        for fields in ({}, {"is_simulated": True}):
            a_result(an_accepted_bet(bankroll=a_bankroll(**fields)), 1, 0)
        settle()
        assert self.render().count("SIMULATED") >= 1
        assert len(monitors.performance(NOON)["groups"]) == 2

    def test_says_what_to_do_where_there_is_nothing(self):
        assert "No bankroll yet" in self.render()
        a_bankroll()
        assert "No bet of this group was settled yet" in self.render()


class TestTheGauges:
    def test_tell_groups_apart_by_their_labels(self):
        for fields in ({}, {"is_simulated": True}):
            a_result(an_accepted_bet(bankroll=a_bankroll(**fields)), 1, 0)
        settle()
        samples = {labels["simulated"]: value for labels, value in monitors.profit()}
        assert samples == {"false": 9.0, "true": 9.0}
        assert [value for _, value in monitors.turnover()] == [10.0, 10.0]
        assert list(monitors.clv()) == []  # nothing was held against a close yet
