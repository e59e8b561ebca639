from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import transaction

from betting.models import Bet
from markets.models import Market, Participant, StatisticResult
from monitoring.models import AuditEntry, Incident
from settlements.models import LedgerTransfer, Settlement
from settlements.services import ledger, settling
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


def settle(as_of=NOON, **terms):
    return settling.settle_due(as_of=as_of, now=NOON, actor="test", **terms)


def cash_of(bet):
    """Return the signed amounts that a bet moved, in order."""
    moved = LedgerTransfer.objects.filter(settlement__bet=bet).order_by("pk")
    return [t.amount if t.credit.kind == "CASH" else -t.amount for t in moved]


def a_bet_on_a_player():
    """Return one on a player of the home side to score more than 24.5 points."""
    event = an_event()
    player = Participant.objects.create(sport=event.competition.sport, name="Player", kind="PLAYER")
    terms = {"kind": "PLAYER_TOTAL", "line": "24.5", "statistic": "points", "participant": player}
    return an_accepted_bet(a_selection(event, role="OVER", **terms))


def a_figure(result, bet, **told):
    market = bet.selection.market
    return StatisticResult.objects.create(
        result=result, participant=market.participant, statistic=market.statistic, **told
    )


class TestSettleDue:
    def test_closes_the_bet_and_moves_the_bankroll_by_its_profit(self):
        bet = an_accepted_bet(stake="10.00", price="1.900")
        a_result(bet, 2, 1)

        report = settle()

        bet.refresh_from_db()
        assert (bet.status, bet.outcome, bet.profit) == ("SETTLED", "WON", D("9.00"))
        assert bet.settled_at == NOON
        assert bet.bankroll.balance == D("1009.00")
        assert report.as_dict() == {
            "settled": 1,
            "resettled": 0,
            "void": 0,
            "failed": 0,
            "ledger_imbalance": "0.00",
        }

    @pytest.mark.parametrize(
        ("kind", "role", "line", "score", "outcome", "profit"),
        [
            ("MATCH_ODDS", "DRAW", None, (1, 1), "WON", "9.00"),
            ("ASIAN_HANDICAP", "HOME", "-0.75", (2, 1), "HALF_WON", "4.50"),
            ("ASIAN_HANDICAP", "AWAY", "-0.75", (2, 1), "HALF_LOST", "-5.00"),
            ("ASIAN_HANDICAP", "AWAY", "-1", (1, 0), "PUSH", "0.00"),
            ("TOTAL", "OVER", "2.5", (2, 1), "WON", "9.00"),
            ("TOTAL", "UNDER", "2.25", (1, 1), "HALF_WON", "4.50"),
            ("MONEYLINE", "AWAY", None, (98, 101), "WON", "9.00"),
            ("MONEYLINE", "HOME", None, (20, 20), "PUSH", "0.00"),
            ("SPREAD", "AWAY", "-3.5", (27, 24), "WON", "9.00"),
        ],
    )
    def test_judges_every_kind_by_its_own_line(self, kind, role, line, score, outcome, profit):
        bet = an_accepted_bet(a_selection(kind=kind, role=role, line=line), price="1.900")
        a_result(bet, *score)
        settle()
        bet.refresh_from_db()
        assert (bet.outcome, bet.profit) == (outcome, D(profit))

    @pytest.mark.parametrize(
        ("whose", "outcome"), [("home", "WON"), ("away", "LOST")], ids=["home", "away"]
    )
    def test_counts_the_points_of_one_side(self, whose, outcome):
        event = an_event()
        side = getattr(event, whose)
        over = a_selection(event, kind="TEAM_TOTAL", role="OVER", line="24.5", participant=side)
        bet = an_accepted_bet(over)
        a_result(bet, 27, 24)
        settle()
        bet.refresh_from_db()
        assert bet.outcome == outcome

    @pytest.mark.parametrize(
        ("told", "outcome"),
        [
            ({"value": D("31")}, "WON"),
            ({"value": D("22")}, "LOST"),
            ({"took_part": False}, "VOID"),
            (None, "VOID"),
        ],
        ids=["over", "under", "did-not-play", "not-listed"],
    )
    def test_counts_the_figure_of_a_player(self, told, outcome):
        bet = a_bet_on_a_player()
        result = a_result(bet, 101, 99, has_statistics=True)
        if told:
            a_figure(result, bet, **told)
        settle()
        bet.refresh_from_db()
        assert bet.outcome == outcome

    def test_waits_for_the_figures_of_players(self):
        bet = a_bet_on_a_player()
        a_result(bet, 101, 99)
        assert settle().as_dict() | {"ledger_imbalance": None} == dict.fromkeys(
            ("settled", "resettled", "void", "failed"), 0
        ) | {"ledger_imbalance": None}
        later = a_result(bet, 101, 99, has_statistics=True, only_adds=True)
        a_figure(later, bet, value=D("31"))
        assert settle().settled == 1

    def test_says_that_figures_are_missing(self):
        bet = a_bet_on_a_player()
        a_result(bet, 101, 99)
        (said,) = settling.troubles(as_of=NOON).values()
        assert "without figures of players" in said

    def test_pays_a_layer_what_the_backer_loses(self):
        bet = an_accepted_bet(side="LAY", stake="10.00", price="3.000")
        a_result(bet, 1, 0)
        settle()
        bet.refresh_from_db()
        assert (bet.outcome, bet.profit) == ("WON", D("-20.00"))
        assert bet.bankroll.balance == D("980.00")

    @pytest.mark.parametrize("status", ["ABANDONED", "POSTPONED", "CANCELLED"])
    def test_voids_what_was_not_played_and_moves_nothing(self, status):
        bet = an_accepted_bet()
        a_result(bet, status=status)
        report = settle()
        bet.refresh_from_db()
        assert (bet.outcome, bet.profit, report.void) == ("VOID", 0, 1)
        assert cash_of(bet) == []

    def test_pays_on_what_was_matched_once_nothing_of_it_waits(self):
        bet = an_accepted_bet(
            stake="10.00", price="1.900", order_state="PARTIAL",
            matched_stake=D("4.00"), matched_price=D("2.000"),
        )  # fmt: skip
        a_result(bet, 2, 1)
        assert settle().settled == 0
        Bet.objects.update(order_state="LAPSED", stake=D("4.00"), price=D("2.000"))
        assert settle().settled == 1
        bet.refresh_from_db()
        assert (bet.profit, cash_of(bet)) == (D("4.00"), [D("4.00")])

    def test_twice_is_once(self):
        bet = an_accepted_bet()
        a_result(bet, 0, 1)

        first, second = settle(), settle()

        assert (first.settled, second.settled) == (1, 0)
        assert cash_of(bet) == [D("-10.00")]
        assert AuditEntry.objects.filter(action="settlements.settled").count() == 1

    def test_knows_nothing_that_is_told_later(self):
        bet = an_accepted_bet()
        result = a_result(bet, 1, 0)
        assert settle(as_of=result.known_at - timedelta(seconds=1)).settled == 0
        assert settle(as_of=result.known_at).settled == 1

    @pytest.mark.parametrize("status", ["RESERVED", "UNKNOWN", "REJECTED", "CANCELLED"])
    def test_leaves_alone_what_the_venue_did_not_take(self, status):
        bet = an_accepted_bet(status=status)
        a_result(bet, 1, 0)
        assert settle().settled == 0

    def test_settles_in_chunks_and_stops_at_the_limit(self):
        event, bankroll = an_event(), a_bankroll()
        bets = [an_accepted_bet(a_selection(event), bankroll=bankroll) for _ in range(7)]
        a_result(event, 1, 0)
        assert settle(chunk=2, limit=5).settled == 5
        assert list(Bet.objects.filter(status="ACCEPTED").values_list("pk", flat=True)) == [
            bet.pk for bet in bets[5:]
        ]
        assert settle(chunk=2).settled == 2

    def test_settles_only_the_bankrolls_it_is_told(self):
        event = an_event()
        mine, other = (an_accepted_bet(a_selection(event)) for _ in range(2))
        a_result(event, 1, 0)
        assert settle(bankroll_ids=[mine.bankroll_id]).settled == 1
        other.refresh_from_db()
        assert other.status == "ACCEPTED"

    def test_asks_as_many_questions_for_many_bets_as_for_one(self, django_assert_num_queries):
        bankroll = a_bankroll()
        for size in (1, 40):
            event = an_event()
            for _ in range(size):
                an_accepted_bet(a_selection(event), bankroll=bankroll)
            a_result(event, 1, 0)
            with django_assert_num_queries(30):
                assert settle(with_imbalance=False).settled == size

    def test_asks_three_questions_of_bets_when_nothing_is_due(self, django_assert_num_queries):
        an_accepted_bet()
        with django_assert_num_queries(15):  # bankrolls, rules, uses, a look in its own transaction
            settle(with_imbalance=False)


class TestACorrectedResult:
    def settled_then_corrected(self, first, second, **terms):
        bet = an_accepted_bet(stake="10.00", **terms)
        a_result(bet, *first)
        settle()
        a_result(bet, *second, known_at=NOON + timedelta(days=30))
        report = settle(as_of=NOON + timedelta(days=30))
        bet.refresh_from_db()
        return bet, report

    def test_reverses_the_transfer_and_posts_its_own(self):
        bet, report = self.settled_then_corrected((2, 1), (1, 1))

        assert (report.settled, report.resettled) == (0, 1)
        assert (bet.outcome, bet.profit) == ("LOST", D("-10.00"))
        assert cash_of(bet) == [D("9.00"), D("-9.00"), D("-10.00")]
        settled, reversal, _ = LedgerTransfer.objects.filter(settlement__bet=bet).order_by("pk")
        assert (reversal.kind, reversal.reverses) == ("REVERSAL", settled)
        assert bet.bankroll.balance == D("990.00")
        assert [s.revision for s in bet.settlements.order_by("revision")] == [1, 2]
        assert (
            AuditEntry.objects.get(action="settlements.resettled").detail["profit_before"] == "9.00"
        )

    def test_posts_again_where_the_profit_stays_the_same(self):
        bet, _ = self.settled_then_corrected((2, 1), (3, 1))
        assert cash_of(bet) == [D("9.00"), D("-9.00"), D("9.00")]

    def test_posts_no_reversal_of_a_push(self):
        bet, _ = self.settled_then_corrected(
            (1, 0), (2, 0), selection=a_selection(kind="ASIAN_HANDICAP", line="-1")
        )
        assert cash_of(bet) == [D("9.00")]

    def test_is_settled_once(self):
        bet, _ = self.settled_then_corrected((2, 1), (1, 1))
        assert settle(as_of=NOON + timedelta(days=31)).resettled == 0
        assert bet.settlements.count() == 2

    def test_touches_no_other_event(self):
        other = an_accepted_bet()
        a_result(other, 1, 0)
        self.settled_then_corrected((2, 1), (1, 1))
        assert other.settlements.count() == 1

    def test_leaves_a_bet_alone_that_a_version_only_adds_to(self):
        bet = an_accepted_bet()
        a_result(bet, 2, 1)
        settle()
        later = NOON + timedelta(days=1)
        a_result(bet, 2, 1, known_at=later, only_adds=True)
        assert settle(as_of=later).resettled == 0
        assert bet.settlements.count() == 1

    def test_hears_a_correction_that_was_added_to(self):
        bet = an_accepted_bet()
        a_result(bet, 2, 1)
        settle()
        later = NOON + timedelta(days=1)
        a_result(bet, 1, 1, known_at=later)
        last = a_result(bet, 1, 1, known_at=later, only_adds=True)
        assert settle(as_of=later).resettled == 1
        assert bet.settlements.order_by("revision").last().result == last
        assert settle(as_of=later + timedelta(days=1)).resettled == 0

    def test_never_goes_back_to_an_older_version(self):
        bet = an_accepted_bet()
        a_result(bet, 2, 1)
        a_result(bet, 1, 1, known_at=NOON - timedelta(hours=1))
        assert settle().settled == 1
        assert settle(as_of=NOON - timedelta(minutes=90)).resettled == 0

    def test_may_void_a_bet_and_bring_it_back(self):
        bet = an_accepted_bet(stake="10.00")
        for days, (home, away, status) in enumerate(
            [(2, 1, "FINAL"), (None, None, "ABANDONED"), (0, 1, "FINAL")]
        ):
            a_result(bet, home, away, status=status, known_at=NOON + timedelta(days=days))
            settle(as_of=NOON + timedelta(days=days))
        assert cash_of(bet) == [D("9.00"), D("-9.00"), D("-10.00")]
        assert ledger.imbalance() == D("0.00")


class TestWhatNoRuleCovers:
    def a_strange_bet(self):
        selection = a_selection(kind="TOTAL", role="OVER", line="2.5", period="HALF")
        bet = an_accepted_bet(selection)
        a_result(bet, 2, 1)
        return bet

    def test_is_counted_left_open_and_opens_one_incident(self):
        bet = self.a_strange_bet()
        reports = [settle(), settle()]
        bet.refresh_from_db()
        assert [report.failed for report in reports] == [1, 1]
        assert bet.status == "ACCEPTED"
        incident = Incident.objects.get(kind="settlements.unsettleable")
        assert incident.subject == f"markets.Market:{bet.selection.market_id}"
        assert incident.occurrences == 1

    def test_does_not_stop_the_others(self):
        strange = self.a_strange_bet()
        good = an_accepted_bet()
        a_result(good, 1, 0)
        report = settle(chunk=1)
        assert (report.settled, report.failed) == (1, 1)
        assert strange.pk < good.pk

    def test_is_void_like_any_other_when_the_match_was_not_played(self):
        bet = an_accepted_bet(a_selection(kind="TOTAL", role="OVER", line="2.5", period="HALF"))
        a_result(bet, status="CANCELLED")
        assert settle().void == 1

    def test_is_found_by_the_check(self):
        bet = self.a_strange_bet()
        found = settling.troubles(as_of=NOON)
        assert list(found) == [f"markets.Market:{bet.selection.market_id}"]
        Market.objects.filter(pk=bet.selection.market_id).update(period="FULL")
        assert settling.troubles(as_of=NOON) == {}


class TestSettlement:
    def test_is_never_edited(self):
        bet = an_accepted_bet()
        a_result(bet, 1, 0)
        settle()
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            Settlement.objects.update(profit=D("1.00"))

    def test_leaves_the_books_equal_after_a_mixed_day(self):
        event, bankroll = an_event(), a_bankroll()
        for role in ("HOME", "DRAW", "AWAY"):
            for side in ("BACK", "LAY"):
                an_accepted_bet(a_selection(event, role=role), bankroll=bankroll, side=side)
        a_result(event, 0, 0)
        settle()
        a_result(event, status="ABANDONED", known_at=NOON)
        report = settle()
        assert (report.resettled, report.void) == (6, 6)
        bankroll.refresh_from_db()
        assert bankroll.balance == D("1000.00")
        assert ledger.imbalance() == D("0.00")
