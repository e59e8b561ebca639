"""What goes wrong between us and the exchange, and what is then known of a bet.

After every fault the exchange itself is asked: a bet that we call rejected must not exist there,
and one that we call accepted must exist once.
"""

import threading
from datetime import timedelta

import pytest

from betting.models import Bet
from betting.services import placing, reconciling
from betting.venues.base import State, VenueRejected, VenueUnknown
from betting.venues.betfair import BetfairVenue, reading
from markets.services import exchanges
from tests.betting.betfair import (
    MARKET,
    PATIENCE,
    a_mapped_event,
    a_ticket,
    an_exchange,
    patient,
    place,
    states,
)
from tests.betting.betfair_double import AFTER, BEFORE, Fault
from tests.betting.builders import NOON, a_bankroll, a_decision, a_selection, a_strategy
from tests.faults.processes import wait_for

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=10)
NO_HTTP = b"<html>Bad gateway</html>"


@pytest.fixture
def double(settings):
    with an_exchange(settings) as double:
        yield double


@pytest.fixture
def ticket(double):
    return a_ticket(a_selection(a_mapped_event(double)))


def ask(ticket):
    (answer,) = patient().ask([ticket.client_ref], now=LATER)
    return answer.state


def hurry_to_place(double, venue) -> None:
    """Let the venue wait for no more than a second, for its orders alone."""

    def hurry():
        venue._calls.exchange.timeout_seconds = 1.0

    double.misbehave("listMarketBook", Fault(AFTER, then=hurry))


class TestNobodyKnows:
    @pytest.mark.parametrize("when", [BEFORE, AFTER])
    @pytest.mark.parametrize(
        "fault",
        [
            {"cut": True},
            {"status": 500, "body": NO_HTTP},
            {"status": 501, "body": NO_HTTP},
            {"status": 502, "body": NO_HTTP},
            {"status": 503, "body": NO_HTTP},
            {"body": NO_HTTP},
            {"body": b""},
            {"body": b"[]"},
            {"body": b"null"},
            {"body": b'{"jsonrpc": "2.0", "result": {"status": 7}}'},
            {"body": b'{"jsonrpc": "2.0", "result": [1]}'},
            {"error": "TIMEOUT_ERROR"},
            {"error": "UNEXPECTED_ERROR"},
            {"error": "SERVICE_BUSY"},
            {"error": "SOMETHING_NEW"},
            {"error": "INVALID_SESSION_INFORMATION"},
            {"forgets": True},
            {"report": "TIMEOUT_ERROR", "execution": "TIMEOUT"},
            {"report": "ERROR_IN_MATCHER"},
        ],
        ids=lambda fault: "-".join(f"{key} {value!r}"[:40] for key, value in fault.items()),
    )
    def test_it_stays_unknown_until_it_is_asked(self, double, ticket, when, fault):
        double.misbehave("placeOrders", Fault(when, **fault))
        (answer,) = place(ticket)
        assert answer.state == State.UNKNOWN and answer.reason
        assert len(double.sent("placeOrders")) == 1
        there = len(double.existing(ticket.client_ref))
        assert there == (1 if when == AFTER else 0)
        assert ask(ticket) == (State.ACCEPTED if there else State.REJECTED)

    @pytest.mark.parametrize("when", [BEFORE, AFTER])
    def test_where_no_answer_ever_comes(self, double, ticket, when):
        silent, venue = threading.Event(), patient()
        hurry_to_place(double, venue)
        double.misbehave("placeOrders", Fault(when, hold=silent, cut=True))
        (answer,) = place(ticket, at=venue)
        assert answer.state == State.UNKNOWN and "not finished in time" in answer.reason
        assert len(double.sent("placeOrders")) == 1
        silent.set()
        if when == AFTER:
            wait_for(lambda: double.existing(ticket.client_ref))
        assert ask(ticket) == (State.ACCEPTED if when == AFTER else State.REJECTED)

    def test_where_it_arrives_after_we_gave_up(self, double, ticket):
        bet, venue = a_reserved(ticket), patient()
        late = threading.Event()
        hurry_to_place(double, venue)
        double.misbehave("placeOrders", Fault(BEFORE, hold=late))
        assert states(place(ticket, at=venue)) == [State.UNKNOWN]
        soon = bet.reserved_at + timedelta(seconds=30)
        assert states(patient().ask([ticket.client_ref], now=soon)) == [State.UNKNOWN]
        late.set()
        wait_for(lambda: double.existing(ticket.client_ref))
        assert states(patient().ask([ticket.client_ref], now=soon)) == [State.ACCEPTED]

    def test_nothing_more_is_sent_after_it(self, double):
        tickets = [
            a_ticket(a_selection(a_mapped_event(double, market=market)))
            for market in ("1.1", "1.2")
        ]
        double.misbehave("placeOrders", Fault(AFTER, cut=True))
        first, second = place(*tickets)
        assert (first.state, second.state) == (State.UNKNOWN, State.REJECTED)
        assert second.reason.startswith("not sent")
        assert len(double.sent("placeOrders")) == 1

    def test_an_answer_that_leaves_one_out(self, double, ticket):
        body = b'{"jsonrpc": "2.0", "result": {"status": "SUCCESS", "instructionReports": []}}'
        double.misbehave("placeOrders", Fault(AFTER, body=body))
        assert states(place(ticket)) == [State.UNKNOWN]

    def test_an_order_that_is_still_pending(self, double, ticket):
        body = (
            b'{"jsonrpc": "2.0", "result": {"status": "SUCCESS", "instructionReports":'
            b' [{"status": "SUCCESS", "orderStatus": "PENDING"}]}}'
        )
        double.misbehave("placeOrders", Fault(AFTER, body=body))
        assert states(place(ticket)) == [State.UNKNOWN]

    @pytest.mark.parametrize("method", ["listCurrentOrders", "listClearedOrders"])
    def test_asking_that_fails_decides_nothing(self, double, ticket, method):
        double.misbehave(method, Fault(BEFORE, status=500, body=NO_HTTP))
        with pytest.raises(VenueUnknown, match="betfair did not tell"):
            ask(ticket)

    def test_a_cancellation_that_was_cut(self, double, ticket):
        venue = BetfairVenue(rests=True, timeout_seconds=PATIENCE)
        double.markets[MARKET].offers[1, "BACK"] = (2.0, 50.0)
        place(ticket, at=venue)
        double.misbehave("cancelOrders", Fault(AFTER, cut=True))
        with pytest.raises(VenueUnknown):
            venue.cancel([ticket.client_ref], now=LATER)
        assert ask(ticket) == State.REJECTED and not double.existing(ticket.client_ref)


class TestKnownNotToBe:
    @pytest.mark.parametrize(
        "fault",
        [
            {"error": "INVALID_INPUT_DATA"},
            {"error": "TOO_MANY_REQUESTS"},
            {"error": "ACCESS_DENIED"},
            {"error": "INVALID_APP_KEY"},
            {"status": 400, "body": NO_HTTP},
            {"status": 403, "body": NO_HTTP},
            {"report": "INSUFFICIENT_FUNDS"},
            {"report": "MARKET_SUSPENDED"},
            {"report": "LOSS_LIMIT_EXCEEDED"},
            {"report": "SOMETHING_NEW"},
        ],
        ids=lambda fault: "-".join(str(value)[:30] for value in fault.values()),
    )
    def test_it_is_rejected_with_the_reason(self, double, ticket, fault):
        double.misbehave("placeOrders", Fault(BEFORE, **fault))
        (answer,) = place(ticket)
        said = fault.get("error") or fault.get("report") or f"answered {fault['status']}"
        assert answer.state == State.REJECTED and said in answer.reason
        assert double.existing(ticket.client_ref) == []
        assert ask(ticket) == State.REJECTED

    def test_too_little_money(self, double, ticket):
        double.funds = 5.0
        assert place(ticket)[0].reason == "INSUFFICIENT_FUNDS: the account has too little money"

    def test_one_bad_order_fails_its_whole_request(self, double, ticket, monkeypatch):
        monkeypatch.setattr(
            double, "_order_error", lambda one: "RUNNER_REMOVED" * (one["selectionId"] == 2)
        )
        event = a_mapped_event(double, market="1.7")
        tickets = [a_ticket(a_selection(event, role)) for role in ("HOME", "DRAW")]
        reasons = [answer.reason.partition(":")[0] for answer in place(*tickets)]
        assert reasons == ["RELATED_ACTION_FAILED", "RUNNER_REMOVED"]

    def test_a_market_that_changed_since_it_was_looked_at(self, double, ticket):
        def changes():
            double.markets[MARKET].version += 1

        double.misbehave("listMarketBook", Fault(AFTER, then=changes))
        assert place(ticket)[0].reason == "INVALID_MARKET_VERSION: the market had changed"

    @pytest.mark.parametrize("method", ["listMarketBook", "getAccountDetails", "listCurrentOrders"])
    @pytest.mark.parametrize(
        "fault", [{"cut": True}, {"status": 500, "body": NO_HTTP}, {"body": NO_HTTP}],
        ids=["cut", "500", "garbage"],
    )  # fmt: skip
    def test_where_it_could_not_be_prepared(self, double, ticket, method, fault):
        double.misbehave(method, Fault(BEFORE, **fault))
        with pytest.raises(VenueRejected, match="nothing was sent"):
            place(ticket)
        assert double.sent("placeOrders") == []

    @pytest.mark.parametrize(
        "fault",
        [{"cut": True}, {"status": 503, "body": NO_HTTP}, {"body": b'{"status": "FAIL"}'}],
        ids=["cut", "503", "refused"],
    )
    def test_where_the_login_fails(self, double, ticket, fault):
        double.misbehave("login", Fault(BEFORE, **fault))
        with pytest.raises(VenueRejected, match="nothing was sent"):
            place(ticket)
        assert double.requests == []

    def test_where_nobody_listens(self, settings, ticket):
        nowhere = settings.ENVIRONMENT.model_copy(update={"betfair_url": "http://127.0.0.1:9/"})
        settings.ENVIRONMENT = nowhere
        with pytest.raises(VenueRejected, match="nothing was sent"):
            place(ticket)


class TestSession:
    def test_is_begun_again_for_a_question(self, double, ticket):
        venue = patient()
        venue.ask([ticket.client_ref], now=LATER)
        double.sessions.clear()
        assert states(venue.ask([ticket.client_ref], now=LATER)) == [State.REJECTED]
        assert double.logins == 2

    def test_lost_in_the_middle_sends_no_order_twice(self, double, ticket):
        venue = patient()
        double.misbehave("placeOrders", Fault(AFTER, forgets=True))
        assert states(place(ticket, at=venue)) == [State.UNKNOWN]
        assert len(double.sent("placeOrders")) == 1
        assert states(venue.ask([ticket.client_ref], now=LATER)) == [State.ACCEPTED]
        assert double.logins == 2


class TestReason:
    @pytest.mark.parametrize(
        "code", ["INSUFFICIENT_FUNDS", "BET_TAKEN_OR_LAPSED", "MARKET_SUSPENDED", "INVALID_ODDS"]
    )
    def test_tells_the_code_and_what_it_means(self, code):
        told, _, meaning = reading.reason(code).partition(": ")
        assert told == code and meaning


class TestCheckBetting:
    def test_no_test_reaches_the_real_exchange(self, double, settings):
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"betfair_url": ""})
        with pytest.raises(exchanges.NoExchange, match="on this machine or nowhere"):
            exchanges.Exchange(1.0).log_in()


@pytest.mark.django_db(transaction=True)
class TestReconciling:
    @pytest.mark.parametrize(
        ("when", "status"), [(BEFORE, "REJECTED"), (AFTER, "ACCEPTED")], ids=["never", "taken"]
    )
    def test_finds_out_what_became_of_a_bet(self, double, when, status):
        decision = a_decision(
            strategy=a_strategy(bankroll=a_bankroll(kind="LIVE")),
            event=a_mapped_event(double),
            book="betfair_exchange",
        )
        double.misbehave("placeOrders", Fault(when, cut=True))
        report = placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="t")
        assert report.unknown == 1
        again = placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="t")
        assert (again.accepted, again.unknown) == (0, 0)
        reconciling.reconcile(now=LATER, older_than=timedelta(minutes=1))
        bet = Bet.objects.get()
        assert bet.status == status
        assert len(double.existing(bet.client_ref)) == (status == "ACCEPTED")
        assert len(double.sent("placeOrders")) == 1


def a_reserved(ticket) -> Bet:
    """Our side of a ticket that is being sent."""
    return Bet.objects.create(
        bankroll=a_bankroll(kind="LIVE"),
        selection_id=ticket.selection_id,
        book_id=ticket.book_id,
        venue="betfair",
        client_ref=ticket.client_ref,
        price=ticket.price,
        stake=ticket.stake,
        placed_at=NOON,
        reserved_at=NOON,
    )
