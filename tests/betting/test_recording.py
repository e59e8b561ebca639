"""Bets that a person placed elsewhere: recorded once, held to every rule, never sent."""

from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.domain.recorded import BadBet, Wanted
from betting.models import Bankroll, Bet, TrackedBet
from betting.services import finding, halting, reconciling, recording, stopping
from betting.services.recording import BetRefused, Told
from markets.models import Event, Market, Selection
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_replay,
    a_selection,
    an_event,
)

pytestmark = pytest.mark.django_db
WHO = {"actor": "user:alice", "now": NOON}


def told(bankroll: Bankroll | None = None, event: Event | None = None, **changes) -> Told:
    """Ten at 2.00 with Alpha on the home side, known as "slip 17"."""
    asked = {
        "bankroll_id": (bankroll or a_bankroll("100.00")).pk,
        "selection_id": a_selection(event or an_event()).pk,
        "book_id": a_book().pk,
        "price": Decimal("2.00"),
        "stake": Decimal("10.00"),
        "reference": "slip 17",
    }
    return Told(**{**asked, **changes})


def record(bet: Told, **changes) -> Bet:
    return recording.record(told=bet, **{**WHO, **changes})[0]


def refused(bet: Told, **changes) -> BetRefused:
    with pytest.raises(BetRefused) as no:
        record(bet, **changes)
    assert not TrackedBet.objects.filter(reference="slip 17").exists()
    return no.value


class TestRecord:
    def test_stands_in_the_exposure_and_in_the_audit_and_is_sent_nowhere(self):
        bankroll = a_bankroll("100.00")
        bet = record(told(bankroll, side="LAY", price=Decimal("4.5"), note="by  phone"))
        assert (bet.status, bet.venue, bet.liability) == ("ACCEPTED", "manual", Decimal("35.00"))
        assert queries.available(bankroll_id=bankroll.pk) == Decimal("65.00")
        assert (bet.tracked.note, bet.tracked.recorded_by) == ("by phone", "user:alice")
        entry = AuditEntry.objects.get(action="bet.recorded")
        assert (entry.subject, entry.detail["reference"]) == (f"betting.Bet:{bet.pk}", "slip 17")

    def test_of_the_same_bet_twice_is_one_bet(self):
        bet = told()
        first, is_new = recording.record(told=bet, **WHO)
        again, is_new_again = recording.record(told=bet, actor="api:x", now=NOON + timedelta(1))
        assert (first.pk, is_new, is_new_again) == (again.pk, True, False)
        with pytest.raises(BetRefused, match="slip 17 stands for another bet: stake differ"):
            record(told(Bankroll.objects.get(), first.selection.market.event, stake=Decimal(9)))
        assert Bet.objects.count() == 1

    def test_gives_one_without_a_reference_one_of_its_own(self):
        bankroll, event = a_bankroll(), an_event()
        bets = [record(told(bankroll, event, reference="")) for _ in range(2)]
        assert bets[0].tracked.reference != bets[1].tracked.reference

    def test_of_a_started_event_takes_what_was_placed_before(self):
        event = an_event(starts_at=NOON - timedelta(hours=1))
        assert refused(told(event=event)).field == "placed_at"
        assert record(told(event=event, placed_at=NOON - timedelta(hours=2))).status == "ACCEPTED"

    @pytest.mark.parametrize(
        "changes, field",
        [
            ({"stake": Decimal("0")}, "stake"),
            ({"stake": Decimal("-5")}, "stake"),
            ({"stake": Decimal("NaN")}, "stake"),
            ({"stake": Decimal("1e30")}, "stake"),
            ({"stake": Decimal("1.001")}, "stake"),
            ({"stake": Decimal("100.01")}, "stake"),
            ({"side": "LAY", "price": Decimal("11.001")}, "stake"),
            ({"side": "BOTH"}, "side"),
            ({"price": Decimal("1")}, "price"),
            ({"price": Decimal("-2")}, "price"),
            ({"price": Decimal("Infinity")}, "price"),
            ({"price": Decimal("2.0001")}, "price"),
            ({"placed_at": NOON + timedelta(minutes=2)}, "placed_at"),
            ({"placed_at": NOON + timedelta(days=1)}, "placed_at"),
            ({"selection_id": 10**12}, "selection"),
            ({"book_id": 10**12}, "book"),
            ({"bankroll_id": 10**12}, "bankroll"),
            ({"currency": "USD"}, "currency"),
            ({"note": "a\x00b"}, "note"),
        ],
        ids=lambda value: (
            "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        ),
    )
    def test_refuses_what_cannot_be_and_names_the_field(self, changes, field):
        assert refused(told(**changes)).field == field
        assert not Bet.objects.exists() and not AuditEntry.objects.exists()

    def test_holds_an_exchange_to_its_ladder_and_a_book_to_none(self):
        exchange = a_book("exchange", kind="EXCHANGE")
        no = refused(told(price=Decimal("2.01"), book_id=exchange.pk))
        assert (no.field, no.message) == (
            "price",
            "expected 2.00 or 2.02 on the ladder, found 2.01",
        )
        assert record(told(price=Decimal("2.01"))).price == Decimal("2.01")

    def test_refuses_money_events_and_books_that_do_not_belong_together(self):
        simulated, replayed = (
            a_bankroll(is_simulated=True),
            a_bankroll(kind="REPLAY", replay=a_replay()),
        )
        over = an_event()
        Event.objects.filter(pk=over.pk).update(status="CANCELLED")
        gone = an_event()
        Selection.objects.filter(market__event=gone).update(removed_at=NOON - timedelta(days=1))
        best = a_book("best", kind="AGGREGATE")
        closed = a_book("closed", is_enabled=False, disabled_reason="asked for papers")
        found = [
            refused(told(simulated)),
            refused(told(replayed)),
            refused(told(event=over)),
            refused(told(event=gone)),
            refused(told(book_id=best.pk)),
            refused(told(book_id=closed.pk)),
        ]
        assert [no.field for no in found] == [
            "selection", "bankroll", "selection", "selection", "book", "book",
        ]  # fmt: skip
        assert "asked for papers" in found[-1].message

    def test_is_held_back_by_a_halt_but_for_what_lowers_the_exposure(self):
        bankroll, event = a_bankroll("100.00"), an_event()
        halt = halting.halt(reason="x", scope="BOOK", scope_id=a_book().pk, **WHO)
        assert "halt stands" in refused(told(bankroll, event)).message
        halting.lift(halt_id=halt.pk, reason="y", **WHO)
        record(told(bankroll, event, reference="first"))
        halting.halt(reason="x", is_reduce_only=True, **WHO)
        assert "lowers" in refused(told(bankroll, event)).message
        lay = told(bankroll, event, side="LAY", stake=Decimal(4))
        assert record(lay).status == "ACCEPTED"

    def test_asks_the_same_of_every_row_whatever_stands(self, django_assert_max_num_queries):
        bankroll, event = a_bankroll(), an_event()
        for n in range(5):
            record(told(bankroll, event, reference=f"r{n}"))
        bet = told(bankroll, event)
        with django_assert_max_num_queries(21):
            record(bet)


class TestBetThatIsNotTakenYet:
    def test_may_be_changed_by_every_rule_then_accepted(self):
        bankroll = a_bankroll("100.00")
        bet = record(told(bankroll), is_accepted=False)
        assert (bet.status, queries.available(bankroll_id=bankroll.pk)) == ("RESERVED", Decimal(90))
        asked = {"bet_id": bet.pk, "reason": "the book took more", **WHO}
        changed = recording.change(**asked, stake=Decimal("95.00"), note="slip lost")
        assert (changed.liability, changed.tracked.note) == (Decimal("95.00"), "slip lost")
        detail = AuditEntry.objects.get(action="bet.changed").detail
        assert (detail["before"], detail["after"]) == ({"stake": "10.00"}, {"stake": "95.00"})
        with pytest.raises(BetRefused, match="at risk"):
            recording.change(**asked, stake=Decimal("100.01"))
        with pytest.raises(BetRefused, match="reason"):
            recording.change(**{**asked, "reason": " "}, stake=Decimal("1.00"))
        for _ in range(2):
            assert recording.accept(bet_id=bet.pk, **WHO).status == "ACCEPTED"
        with pytest.raises(BetRefused, match="void it instead"):
            recording.change(**asked, stake=Decimal("1.00"))

    def test_waits_for_nobody_and_no_venue_is_asked_about_it(self):
        record(told(), is_accepted=False)
        later = NOON + timedelta(days=2)
        assert not queries.unanswered(reserved_before=later).exists()
        assert reconciling.reconcile(now=later, older_than=timedelta(0))["asked"] == 0
        assert queries.fill_rate(since=NOON, until=later).rate is None


class TestVoid:
    def test_frees_the_money_and_keeps_the_reason(self):
        bankroll = a_bankroll("100.00")
        bet = record(told(bankroll))
        voided = recording.void(bet_id=bet.pk, reason="palpable error", **WHO)
        assert (voided.status, voided.status_reason) == ("CANCELLED", "palpable error")
        assert queries.available(bankroll_id=bankroll.pk) == Decimal(100)
        with pytest.raises(BetRefused, match="cancelled"):
            recording.void(bet_id=bet.pk, reason="again", **WHO)

    def test_touches_no_bet_that_a_venue_knows(self):
        bet = a_bet()
        with pytest.raises(BetRefused, match="recorded or imported"):
            recording.void(bet_id=bet.pk, reason="x", **WHO)
        bet.refresh_from_db()
        assert bet.status == "ACCEPTED"


@pytest.mark.django_db(transaction=True)
class TestEmergencyStop:
    def test_asks_no_venue_to_take_back_what_none_was_sent(self):
        bet = record(told(), is_accepted=False)
        stopped = stopping.stop_everything(reason="x", actor="user:alice", now=NOON)
        assert (stopped.asked, stopped.failed) == (0, {})
        bet.refresh_from_db()
        assert bet.status == "RESERVED"


class TestFind:
    @pytest.fixture
    def event(self) -> Event:
        event = an_event()
        for line in ("2.5", "3.5"):
            market = Market.objects.create(event=event, kind="TOTAL", line=Decimal(line))
            for role in ("OVER", "UNDER"):
                Selection.objects.create(market=market, role=role, name=role.title())
        return event

    def test_takes_names_roles_labels_and_numbers(self, event):
        home = a_selection(event)
        for name, market, answer in (
            (event.name.upper(), "1x2", "home"),
            (str(event.pk), "MATCH_ODDS", "HOME"),
        ):
            assert finding.find(Wanted(name, market, answer)) == home
        over = finding.find(Wanted(event.name, "TOTAL", "over", line=Decimal("3.50")))
        assert (over.role, over.market.line) == ("OVER", Decimal("3.50"))

    @pytest.mark.parametrize(
        "changes, field",
        [
            ({"event": "Nobody v Nobody"}, "event"),
            ({"event": "99999999999999999999"}, "event"),
            ({"market": "CORRECT_SCORE"}, "market"),
            ({"market": "MONEYLINE"}, "market"),
            ({"period": "H1"}, "market"),
            ({"market": "TOTAL", "selection": "OVER"}, "line"),
            ({"market": "TOTAL", "selection": "OVER", "line": Decimal("9.5")}, "line"),
            ({"selection": "Third side"}, "selection"),
            ({"starts_at": NOON}, "starts_at"),
        ],
        ids=lambda value: (
            "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        ),
    )
    def test_names_the_field_that_cannot_be_told(self, event, changes, field):
        asked = {"event": event.name, "market": "MATCH_ODDS", "selection": "HOME", **changes}
        with pytest.raises(BadBet) as no:
            finding.find(Wanted(**asked))
        assert no.value.field == field

    def test_guesses_nothing_between_namesakes(self, event):
        other = an_event(starts_at=NOON + timedelta(days=7))
        Event.objects.filter(pk=other.pk).update(name=event.name)
        with pytest.raises(BadBet, match="give starts_at"):
            finding.find(Wanted(event.name, "MATCH_ODDS", "HOME"))
        asked = Wanted(event.name, "MATCH_ODDS", "HOME", starts_at=other.starts_at)
        assert finding.find(asked).market.event_id == other.pk

    def test_reads_no_more_for_many(self, event, django_assert_num_queries):
        asked = [Wanted(event.name, "TOTAL", "OVER", line=Decimal("2.5"))] * 50
        with django_assert_num_queries(2):
            assert len({found.pk for found in finding.find_all(asked)}) == 1
