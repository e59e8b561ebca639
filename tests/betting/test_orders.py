from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from betting import monitors, queries
from betting.domain import orders
from betting.domain.orders import Order, Said, State
from betting.models import Bet
from betting.services import answering, placing, reconciling
from betting.venues.base import Answer
from betting.venues.base import State as Told
from monitoring import registry
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_bet, a_decision, a_part
from tests.betting.venues import FakeVenue, place

D = Decimal
ASKED, PRICE = D("10.00"), D("2.20")


def an_order(state: str = "SUBMITTED", matched: str = "0.00", price: str | None = None) -> Order:
    paid = D(price) if price else None
    return Order(State(state), ASKED, PRICE, D(matched), paid)


ANSWERS = {
    "taken whole": ("SUBMITTED", Said("ACCEPTED"), "FILLED", "10.00", "2.20", "ACCEPTED"),
    "taken better": (
        "SUBMITTED", Said("ACCEPTED", price=D("2.30")), "FILLED", "10.00", "2.30", "ACCEPTED",
    ),
    "on offer": (
        "SUBMITTED", Said("ACCEPTED", D(0), waits=True), "ACCEPTED", "10.00", "2.20", "ACCEPTED",
    ),
    "in part": (
        "SUBMITTED", Said("ACCEPTED", D(4), D("2.30"), True),
        "PARTIAL", "10.00", "2.240", "ACCEPTED",
    ),
    "in part, and over": (
        "SUBMITTED", Said("ACCEPTED", D(4), D("2.30")), "LAPSED", "4", "2.30", "ACCEPTED",
    ),
    "said no": ("SUBMITTED", Said("REJECTED"), "REJECTED", "10.00", "2.20", "REJECTED"),
    "silence": ("SUBMITTED", Said("UNKNOWN"), "UNKNOWN", "10.00", "2.20", "UNKNOWN"),
    "found": ("UNKNOWN", Said("ACCEPTED"), "FILLED", "10.00", "2.20", "ACCEPTED"),
    "never arrived": ("UNKNOWN", Said("REJECTED"), "REJECTED", "10.00", "2.20", "REJECTED"),
    "taken back": ("CREATED", Said("CANCELLED"), "CANCELLED", "10.00", "2.20", "CANCELLED"),
    "offer taken back": (
        "ACCEPTED", Said("CANCELLED"), "CANCELLED", "10.00", "2.20", "CANCELLED",
    ),
    "offer ended": ("ACCEPTED", Said("REJECTED"), "LAPSED", "10.00", "2.20", "CANCELLED"),
    "silence on an offer": (
        "ACCEPTED", Said("UNKNOWN"), "ACCEPTED", "10.00", "2.20", "ACCEPTED",
    ),
    "more than asked": (
        "SUBMITTED", Said("ACCEPTED", D(11)), "UNKNOWN", "10.00", "2.20", "UNKNOWN",
    ),
    "matched before it was taken back": (
        "ACCEPTED", Said("CANCELLED", D(10), D("2.20")), "FILLED", "10.00", "2.20", "ACCEPTED",
    ),
    "after its last word": ("REJECTED", Said("ACCEPTED"), "REJECTED", "10.00", "2.20", "REJECTED"),
}  # fmt: skip


class TestAfter:
    @pytest.mark.parametrize(
        ("before", "said", "state", "stake", "price", "status"), ANSWERS.values(), ids=ANSWERS
    )
    def test_an_answer(self, before, said, state, stake, price, status):
        found = orders.after(an_order(before), said)
        assert (found.state, found.status) == (state, status)
        assert (found.stake, found.price) == (D(stake), D(price))
        assert (found.asked_stake, found.asked_price) == (ASKED, PRICE)

    def test_an_older_answer_takes_nothing_back(self):
        part = an_order("PARTIAL", "6.00", "2.25")
        assert orders.after(part, Said("ACCEPTED", D(4), D("2.30"), True)) == part
        closed = orders.after(part, Said("CANCELLED"))
        assert (closed.state, closed.stake, closed.price) == ("CANCELLED", D(6), D("2.25"))

    def test_what_a_lay_can_lose_counts_both_its_parts(self):
        part = Order(State.PARTIAL, D(9), D("3.00"), D(3), D("2.90"), is_lay=True)
        assert part.price == D("2.967")  # 3 x 1.9 + 6 x 2.0 = 17.7, never less
        assert part.stake * (part.price - 1) >= D("17.7")

    @given(
        st.lists(
            st.builds(
                Said,
                word=st.sampled_from(["ACCEPTED", "REJECTED", "CANCELLED", "UNKNOWN"]),
                matched=st.none() | st.integers(0, 1100).map(lambda cents: D(cents) / 100),
                price=st.none() | st.sampled_from([D("2.20"), D("2.24"), D("3.00")]),
                waits=st.booleans(),
            ),
            max_size=8,
        )
    )
    def test_whatever_is_said_keeps_to_the_steps(self, story):
        order = an_order("CREATED")
        for said in story:
            found = orders.after(order, said)
            assert orders.may_become(order.state, found.state)
            assert order.matched_stake <= found.matched_stake <= ASKED
            assert not order.is_over or found == order
            assert found.stake in (ASKED, found.matched_stake)
            order = found


@pytest.fixture
def write(db):
    def write(bet: Bet, **columns: object) -> None:
        with transaction.atomic():
            Bet.objects.filter(pk=bet.pk).update(**columns)

    return write


def fields_of(state: str) -> dict[str, object]:
    matched = {"PARTIAL": "4", "FILLED": "10", "CANCELLED": "4", "LAPSED": "4"}.get(state, "0")
    order = Order(State(state), D(10), D(2), D(matched), D("2.02") if matched != "0" else None)
    return {
        "status": order.status,
        "order_state": state,
        "stake": order.stake,
        "price": order.price,
        "matched_stake": order.matched_stake,
        "matched_price": order.matched_price,
    }


@pytest.mark.django_db
class TestTheDatabase:
    def test_takes_the_steps_of_the_rules_and_no_other(self):
        bet, wrong = a_bet(status="RESERVED"), []
        for old, new in product(State, State):
            with connection.cursor() as cursor:
                cursor.execute("set local session_replication_role = replica")  # no triggers
                Bet.objects.filter(pk=bet.pk).update(**fields_of(old))
                cursor.execute("set local session_replication_role = origin")
            try:
                with transaction.atomic():
                    Bet.objects.filter(pk=bet.pk).update(**fields_of(new))
                taken = True
            except IntegrityError:
                taken = False
            shrinks = fields_of(old)["matched_stake"] > fields_of(new)["matched_stake"]
            if taken != (orders.may_become(old, new) and not shrinks):
                wrong.append((old, new))
        assert wrong == []

    @pytest.mark.parametrize(
        "columns",
        [
            {"requested_stake": D("20.00")},
            {"requested_price": D("1.50")},
            {"matched_stake": D("3.99")},
            {"matched_stake": D("10.01")},
            {"matched_stake": D("10.00")},
            {"matched_price": None},
            {"stake": D("4.00")},
            {"status": "RESERVED"},
            {"side": "LAY"},
            {"status": "SETTLED", "outcome": "WON", "profit": D(1), "settled_at": NOON},
        ],
        ids=lambda columns: "-".join(f"{k}={v}" for k, v in columns.items())[:40],
    )
    def test_refuses_what_cannot_be(self, write, columns):
        with pytest.raises(IntegrityError):
            write(a_part(), **columns)

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("RESERVED", "CREATED"), ("UNKNOWN", "UNKNOWN"), ("ACCEPTED", "FILLED"),
            ("REJECTED", "REJECTED"), ("CANCELLED", "CANCELLED"),
        ],
    )  # fmt: skip
    def test_gives_an_order_to_a_bet_of_a_writer_that_names_none(self, write, status, state):
        assert a_bet(status=status).order_state == state
        bet = a_bet(status="RESERVED")
        write(bet, status=status, price=D("2.40"))
        bet.refresh_from_db()
        assert bet.order_state == state
        assert bet.matched_stake == (10 if status == "ACCEPTED" else 0)

    def test_lets_a_bet_be_changed_until_it_is_sent(self, write):
        bet = a_bet(status="RESERVED")
        write(bet, stake=D("12.00"), price=D("1.90"))
        bet.refresh_from_db()
        assert (bet.requested_stake, bet.requested_price) == (D(12), D("1.9"))

    def test_lets_a_bet_that_was_taken_be_void(self, write):
        bet = a_bet()
        write(bet, status="CANCELLED")
        bet.refresh_from_db()
        assert (bet.order_state, bet.stake) == ("FILLED", D(10))


def told(bet: Bet, **answer: object) -> Bet:
    answering.record(answers=[Answer(bet.client_ref, **answer)], actor="t", now=NOON)
    bet.refresh_from_db()
    return bet


@pytest.mark.django_db
class TestRecord:
    def test_follows_an_order_until_it_is_filled(self):
        bet = a_bet(status="RESERVED")
        for matched, price, state, stands in (
            ("0", None, "ACCEPTED", "2.000"),
            ("4", "2.10", "PARTIAL", "2.040"),
            ("4", "2.10", "PARTIAL", "2.040"),
            ("10", "2.05", "FILLED", "2.050"),
        ):
            waits = state != "FILLED"
            told(
                bet, state=Told.ACCEPTED, matched=D(matched), waits=waits,
                price=D(price) if price else None,
            )  # fmt: skip
            assert (bet.order_state, bet.stake, bet.price) == (state, D(10), D(stands))
        assert (bet.requested_price, bet.matched_price) == (D("2.000"), D("2.050"))
        actions = AuditEntry.objects.filter(subject=f"betting.Bet:{bet.pk}").order_by("pk")
        assert list(actions.values_list("action", flat=True)) == [
            "bet.accepted", "bet.order_partial", "bet.order_filled",
        ]  # fmt: skip

    def test_frees_what_was_not_matched_when_it_lapses(self):
        bet = told(a_part(), state=Told.ACCEPTED, matched=D("4.00"), price=D("2.02"))
        assert (bet.status, bet.order_state, bet.stake) == ("ACCEPTED", "LAPSED", D(4))
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == D("4.00")

    def test_costs_nothing_where_nothing_was_matched(self):
        bet = told(a_bet(order_state="ACCEPTED"), state=Told.REJECTED, reason="lapsed")
        assert (bet.status, bet.order_state) == ("CANCELLED", "LAPSED")
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == 0

    def test_keeps_a_bet_unknown_that_is_said_to_be_overfilled(self):
        bet = told(a_bet(status="RESERVED"), state=Told.ACCEPTED, matched=D("12.00"))
        assert (bet.status, bet.status_reason) == (
            "UNKNOWN", "it says 12.00 of 10.00 are matched",
        )  # fmt: skip

    def test_does_nothing_to_what_is_over(self):
        bet = a_bet(status="REJECTED")
        before = AuditEntry.objects.count()
        assert told(bet, state=Told.ACCEPTED).status == "REJECTED"
        assert AuditEntry.objects.count() == before

    def test_locks_and_writes_many_in_a_bounded_number_of_queries(
        self, django_assert_max_num_queries
    ):
        bets = [a_bet(status="RESERVED") for _ in range(12)]
        answers = [Answer(bet.client_ref, Told.ACCEPTED) for bet in bets]
        with django_assert_max_num_queries(9):
            recorded = answering.record(answers=answers, actor="t", now=NOON)
        assert (recorded.statuses["ACCEPTED"], recorded.orders["FILLED"]) == (12, 12)


@pytest.mark.django_db
class TestPlacing:
    def test_tells_what_was_asked_from_what_was_matched(self):
        class Half(FakeVenue):
            def place(self, tickets):
                super().place(tickets)
                return [
                    Answer(t.client_ref, Told.ACCEPTED, "v1", D("2.30"), "", D("5.00"), waits=True)
                    for t in tickets
                ]

        assert place(a_decision(), venue=Half()).accepted == 1
        bet = Bet.objects.get()
        assert (bet.requested_stake, bet.requested_price) == (D(10), D("2.2"))
        assert (bet.matched_stake, bet.matched_price) == (D(5), D("2.3"))
        assert (bet.order_state, bet.stake, bet.price) == ("PARTIAL", D(10), D("2.25"))
        assert bet.latency_ms is not None

    def test_says_before_the_call_that_it_is_being_sent(self):
        class Looks(FakeVenue):
            def place(self, tickets):
                self.seen = Bet.objects.get(client_ref=tickets[0].client_ref).order_state
                return super().place(tickets)

        venue = Looks()
        place(a_decision(), venue=venue)
        assert venue.seen == "SUBMITTED"

    def test_does_not_send_what_was_closed_before_the_call(self, monkeypatch):
        submit = placing._submit

        def late(bets):
            later = NOON + timedelta(minutes=5)
            reconciling.reconcile(now=later, older_than=timedelta(minutes=1))
            return submit(bets)

        monkeypatch.setattr(placing, "_submit", late)
        venue = FakeVenue()
        assert place(a_decision(), venue=venue).accepted == 0
        assert (venue.tickets, Bet.objects.get().status) == ([], "REJECTED")


@pytest.mark.django_db
class TestFollow:
    def test_asks_about_orders_that_wait_and_no_others(self):
        class Venue(FakeVenue):
            def ask(self, client_refs, *, now):
                self.asked = list(client_refs)
                return [Answer(ref, Told.ACCEPTED, matched=D("7.00")) for ref in client_refs]

        venue, bet = Venue(), a_part()
        for status in ("ACCEPTED", "RESERVED", "REJECTED"):
            a_bet(status=status)
        found = reconciling.follow(now=NOON, venues={"paper": venue})
        assert (found, venue.asked) == ({"followed": 1, "moved": 1}, [bet.client_ref])
        bet.refresh_from_db()
        assert (bet.order_state, bet.stake) == ("LAPSED", D(7))
        assert reconciling.follow(now=NOON, venues={"paper": venue})["followed"] == 0

    def test_leaves_an_order_as_it_stands_where_the_venue_is_silent(self):
        bet = a_part(venue="elsewhere")
        assert reconciling.follow(now=NOON) == {"followed": 1, "moved": 0}
        bet.refresh_from_db()
        assert bet.order_state == "PARTIAL"

    def test_raises_an_incident_once_the_event_has_begun(self):
        bet = a_part()
        begun = bet.selection.market.event.starts_at
        check = registry.checks[monitors.STUCK]
        assert list(check.run(begun)) == []
        late = [finding.subject for finding in check.run(begun + timedelta(minutes=3))]
        assert late == [f"betting.Bet:{bet.pk}"]
