"""Bets settled by the rule sets of their books: racing, periods, told outcomes, commission."""

from datetime import timedelta
from decimal import Decimal as D

import pytest

from betting.models import Bet
from markets.models import Result, Selection
from monitoring.models import Incident
from settlements import queries
from settlements.models import CommissionDue, LedgerTransfer, Settlement
from settlements.services import commissions, comparing, ledger, rule_sets, settling
from settlements.services.rule_sets import Rules, RuleSetRefused
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
BY = {"reason": "as they publish it", "actor": "test", "now": NOON}
STRUCK = KICK_OFF - timedelta(hours=1)


def settle(as_of=NOON):
    return settling.settle_due(as_of=as_of, now=NOON, actor="test")


def under(terms, *, code="theirs"):
    """Pay every bet by these terms."""
    made = rule_sets.make_version(code=code, terms=terms, **BY)
    if made.version == 1:
        rule_sets.set_use(code=code, **BY)
    return made


def outcome(bet):
    bet.refresh_from_db()
    return bet.outcome, bet.profit


class TestARace:
    def test_pays_its_winner_and_shares_a_dead_heat(self):
        runners = a_race("A", "B", "C")
        bets = [
            an_accepted_bet(runners[name], price="4.000", side=side)
            for name, side in (("A", "BACK"), ("B", "LAY"), ("C", "BACK"))
        ]
        came_in(runners, A=1, B=1, C=3)
        assert settle().settled == 3
        assert [outcome(bet) for bet in bets] == [
            ("WON", D("10.00")), ("WON", D("-10.00")), ("LOST", D("-10.00")),
        ]  # fmt: skip
        assert bets[0].settlements.get().working == {"dead_heat": "1/2"}
        assert ledger.imbalance() == 0

    def test_pays_a_dead_heat_in_full_where_the_book_does(self):
        under({"dead_heat": "IN_FULL"})
        runners = a_race("A", "B")
        bet = an_accepted_bet(runners["A"], price="4.000")
        came_in(runners, A=1, B=1)
        settle()
        assert outcome(bet) == ("WON", D("30.00"))
        assert bet.settlements.get().rule_set.code == "theirs"

    def test_pays_places_and_each_way_by_the_terms_of_the_market(self):
        placed = a_race("A", "B", "C", "D", kind="PLACE", places=2)
        bet = an_accepted_bet(placed["B"], price="2.000")
        came_in(placed, A=1, B=2, C=2, D=4)
        both = a_race("A", "B", "C", "D", kind="EACH_WAY", places=3, place_fraction="1/4")
        each_way = an_accepted_bet(both["B"], price="9.000", stake="20.00")
        came_in(both, A=1, B=2, C=3, D=4)
        assert settle().failed == 0
        assert outcome(bet) == ("WON", D("0.00"))  # half the stake at 2.0, half lost
        # 10 to win lost, 10 at 1 + 8 x 1/4 = 3.0 placed
        assert outcome(each_way) == ("HALF_WON", D("10.00"))
        assert each_way.settlements.get().working["parts"] == ["LOST", "WON"]

    def test_lowers_prices_struck_before_a_runner_was_taken_out(self):
        under({"non_runner": "REDUCTION_FACTOR"})
        runners = a_race("A", "B", "Gone")
        gone = runners["Gone"]
        Selection.objects.filter(pk=gone.pk).update(removed_at=STRUCK, reduction=D("25.00"))
        earlier, later = (
            an_accepted_bet(runners["A"], price="8.000", placed_at=STRUCK + timedelta(minutes=by))
            for by in (-1, 1)
        )
        on_it = an_accepted_bet(gone, price="4.000", placed_at=STRUCK - timedelta(minutes=9))
        came_in(runners, A=1, B=2)
        assert settle().void == 1
        assert outcome(earlier) == ("WON", D("50.00"))
        assert outcome(later) == ("WON", D("70.00"))
        assert outcome(on_it) == ("VOID", D("0.00"))
        assert earlier.settlements.get().working == {"paid_price": "6", "withdrawn": 1}

    def test_that_does_not_tell_of_the_runner_leaves_its_bets_open(self):
        runners = a_race("A", "B")
        bet = an_accepted_bet(runners["B"])
        came_in(runners, A=1)
        assert settle().failed == 1
        assert outcome(bet) == (None, None)
        assert "how the runner" in Incident.objects.get().summary

    def test_asks_as_many_questions_for_many_bets(self, django_assert_max_num_queries):
        purse = a_bankroll()
        for _ in range(6):
            runners = a_race("A", "B")
            an_accepted_bet(runners["A"], bankroll=purse)
            came_in(runners, A=1, B=2)
        with django_assert_max_num_queries(34):
            assert settle().settled == 6


class TestTerms:
    def test_settle_a_half_and_a_given_up_match(self):
        half = an_accepted_bet(a_selection(kind="TOTAL", role="OVER", line="0.5", period="H1"))
        a_result(half, 3, 1, home_score_half=0, away_score_half=0)
        gave_up = an_accepted_bet(a_selection(kind="MONEYLINE", role="AWAY"))
        a_result(gave_up, 1, 0, status="RETIRED", winner="AWAY")
        assert settle().settled == 2
        assert outcome(half) == ("LOST", D("-10.00"))
        assert outcome(gave_up) == ("WON", D("9.00"))

    def test_let_stand_what_was_decided_and_wait_for_what_is_put_off(self):
        under({"abandoned": "DECIDED_STANDS", "postponed_hours": 48, "tie": "LOST"})
        over = an_accepted_bet(a_selection(kind="TOTAL", role="OVER", line="2.5"))
        a_result(over, 2, 1, status="ABANDONED")
        put_off = an_accepted_bet()
        a_result(put_off, status="POSTPONED")
        tied = an_accepted_bet(a_selection(kind="MONEYLINE", role="HOME"))
        a_result(tied, 1, 1)
        report = settle()
        assert (report.settled, report.failed) == (2, 0)
        assert outcome(over) == ("WON", D("9.00"))
        assert outcome(tied) == ("LOST", D("-10.00"))
        assert outcome(put_off) == (None, None)
        minute = {"limit": timedelta(minutes=1)}
        assert queries.overdue(as_of=NOON, **minute) == []
        late = queries.overdue(as_of=KICK_OFF + timedelta(hours=49), **minute)
        assert [bet.bet_id for bet in late] == [put_off.pk]
        assert settle(as_of=KICK_OFF + timedelta(hours=48)).void == 1

    def test_pay_a_bet_by_the_version_of_when_it_was_struck_and_for_ever(self):
        under({"commission": {"base": "EACH_WIN", "rate": "0.10"}})
        rule_sets.make_version(
            code="theirs", terms={"commission": {"base": "EACH_WIN", "rate": "0.20"}},
            since=NOON + timedelta(minutes=1), **BY,
        )  # fmt: skip
        bet = an_accepted_bet()
        a_result(bet, 1, 0)
        settle()
        bet.refresh_from_db()
        assert (bet.profit, bet.commission) == (D("8.10"), D("0.90"))
        rule_sets.set_use(code=rule_sets.make_version(code="other", terms={}, **BY).code,
                          book=bet.book.code, **BY)  # fmt: skip
        a_result(bet, 2, 0, known_at=NOON)
        assert settle().resettled == 1
        bet.refresh_from_db()
        assert (bet.profit, bet.commission) == (D("8.10"), D("0.90"))
        kinds = LedgerTransfer.objects.filter(settlement__bet=bet).order_by("pk")
        assert [row.kind for row in kinds] == [
            "SETTLEMENT", "COMMISSION", "REVERSAL", "REVERSAL", "SETTLEMENT", "COMMISSION",
        ]  # fmt: skip
        assert ledger.imbalance() == 0


class TestCommissionOnAMarket:
    TERMS = {"commission": {"base": "MARKET_NET", "rate": "0.05"}}

    def test_is_taken_of_the_net_shared_and_shared_anew(self):
        under(self.TERMS)
        purse, event = a_bankroll(), an_event()
        home, draw = (a_selection(event, role=role) for role in ("HOME", "DRAW"))
        win = an_accepted_bet(home, bankroll=purse, stake="100.00", price="6.000")
        lose = an_accepted_bet(draw, bankroll=purse, stake="80.00", price="4.000")
        a_result(win, 1, 0)
        settle()
        win.refresh_from_db()
        assert (win.profit, win.commission) == (D("479.00"), D("21.00"))
        assert outcome(lose) == ("LOST", D("-80.00"))
        later = an_accepted_bet(home, bankroll=purse, stake="20.00", price="6.000")
        settle()
        rows = Bet.objects.order_by("pk").values_list("profit", "commission")
        # 500 - 80 + 100 = 520 x 5 % = 26.00, a sixth of it the later bet's
        assert list(rows) == [
            (D("478.33"), D("21.67")), (D("-80.00"), D("0.00")), (D("95.67"), D("4.33")),
        ]  # fmt: skip
        a_result(win, 0, 0, known_at=NOON)
        assert settle().resettled == 3
        rows = Bet.objects.order_by("pk").values_list("profit", "commission")
        assert list(rows) == [
            (D("-100.00"), D("0.00")), (D("234.00"), D("6.00")), (D("-20.00"), D("0.00")),
        ]  # fmt: skip
        purse.refresh_from_db()
        assert purse.balance == 1000 + sum(profit for profit, _ in rows)
        assert (ledger.imbalance(), settle().resettled) == (0, 0)
        assert later.settlements.count() == 2

    def test_that_a_killed_worker_left_is_taken_by_the_next(self, monkeypatch):
        under(self.TERMS)
        bet = an_accepted_bet(stake="100.00", price="6.000")
        a_result(bet, 1, 0)
        with monkeypatch.context() as patch:
            patch.setattr(commissions, "charge_due", lambda **_: 0)
            settle()
        assert outcome(bet) == ("WON", D("500.00"))
        assert (CommissionDue.objects.count(), ledger.imbalance()) == (1, 0)
        asked = {"bankroll_ids": [bet.bankroll_id], "rule_sets": Rules.load(), "at": NOON}
        assert commissions.charge_due(**asked) == 1
        assert outcome(bet) == ("WON", D("475.00"))
        assert (commissions.charge_due(**asked), ledger.imbalance()) == (0, 0)


class TestABetThatAFileTold:
    def test_is_settled_by_what_it_told_under_the_rules_that_its_mapping_names(self):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        runners = a_race("A", "B")
        back = a_told_bet(runners["A"], "WON", rate=D("0.08"), price="3.460", stake="1.00")
        lay = a_told_bet(
            runners["B"], "WON", rate=D("0.08"), side="LAY", price="3.460", stake="0.41",
            liability_asked=D("1.00"),
        )  # fmt: skip
        unformed = a_told_bet(runners["B"], "LOST", price="0", stake="1.00")
        a_result(runners["A"].market.event, 3, 0)  # whatever a result says
        assert settle().settled == 3
        assert outcome(back) == ("WON", D("2.26"))
        assert outcome(lay) == ("LOST", D("0.37"))  # the selection lost, the lay won
        assert lay.commission == D("0.04")
        assert outcome(unformed) == ("LOST", D("-1.00"))
        assert Settlement.objects.filter(result=None).count() == 3
        a_result(runners["A"].market.event, 0, 3, known_at=NOON)
        report = settle()
        assert (report.settled, report.resettled, report.ledger_imbalance) == (0, 0, 0)

    def test_of_several_winners_shares_where_its_rules_do(self):
        rule_sets.make_version(code="shared", terms={}, **BY)
        runners = a_race("A", "B", "C")
        bets = [
            a_told_bet(runners[name], told, rules="shared", price="4.000", side=side)
            for name, told, side in (
                ("A", "WON", "BACK"), ("B", "LOST", "LAY"), ("C", "LOST", "BACK"),
            )
        ]  # fmt: skip
        settle()
        assert [outcome(bet)[1] for bet in bets] == [D("10.00"), D("-10.00"), D("-10.00")]

    def test_waits_under_rules_that_there_are_not_and_for_a_result_under_none(self):
        unknown = a_told_bet(a_race("A")["A"], "WON", rules="moon")
        plain = a_told_bet(a_selection(), "WON", rules="")
        report = settle()
        assert (report.settled, report.failed) == (0, 1)
        assert outcome(unknown) == outcome(plain) == (None, None)
        assert "no rule set 'moon'" in Incident.objects.get().summary
        assert settling.troubles(as_of=NOON) != {}
        a_result(plain, 0, 1)
        assert settle().settled == 1
        assert outcome(plain) == ("LOST", D("-10.00"))

    def test_without_a_price_is_void_under_the_usual_rules(self):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        bet = a_told_bet(a_race("A")["A"], "WON", rules="usual", price="0")
        assert settle().void == 1
        assert outcome(bet) == ("VOID", D("0.00"))


def test_no_result_is_made_by_told_bets():
    rule_sets.ensure_shipped(now=NOON, actor="test")
    a_told_bet(a_race("A")["A"], "WON")
    settle()
    assert not Result.objects.exists()


class TestComparing:
    def test_tells_what_other_rules_would_have_paid_by_cause_and_writes_nothing(self):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        read, purse = an_import(), a_bankroll()
        race, other = a_race("A", "B", "C"), a_race("D", "E")
        about = {"imported": read, "rate": D("0.10"), "bankroll": purse}
        a_told_bet(race["A"], "WON", price="4.000", **about)
        a_told_bet(race["B"], "WON", price="3.000", **about)
        a_told_bet(race["C"], "LOST", price="3.000", **about)
        a_told_bet(other["D"], "WON", price="3.000", **about)
        a_told_bet(other["E"], "LOST", price="0", **about)
        assert settle().settled == 5
        found = comparing.compare(import_id=read.pk, code="exchange", as_of=NOON)
        # 27 + 18 - 10, 18, -10; 10 + 5 - 10 less a tenth of 5, 18, 0
        assert (found.profit, found.profit_other) == (D("43.00"), D("22.50"))
        told = {name: (cause.bets, cause.amount) for name, cause in found.causes.items()}
        assert told == {
            "dead_heat": (2, D("-35.00")),
            "commission": (2, D("4.50")),
            "no_starting_price": (1, D("10.00")),
        }
        amounts = [cause.amount for cause in found.causes.values()]
        assert found.profit + sum(amounts) == found.profit_other
        assert (found.bets, found.same, found.unjudged) == (5, 2, 0)
        assert Settlement.objects.count() == 5

    @pytest.mark.parametrize(
        ("rules", "code", "told"),
        [("", "exchange", "no rule set: results"), ("usual", "moon", "no rule set 'moon'")],
        ids=["a file under none", "no such rules"],
    )
    def test_is_refused_of_what_there_is_not(self, rules, code, told):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        with pytest.raises(RuleSetRefused, match=told):
            comparing.compare(import_id=an_import(rules).pk, code=code, as_of=NOON)
        with pytest.raises(RuleSetRefused, match="no import"):
            comparing.compare(import_id=987654, code="usual", as_of=NOON)
