from datetime import timedelta

import pytest

from betting import monitors
from betting.services import heartbeats, reconciling
from betting.venues.base import Heart, VenueUnknown
from betting.venues.betfair import BetfairVenue
from monitoring import registry
from monitoring.models import Heartbeat
from tests.betting.betfair import PATIENCE, a_mapped_event, a_ticket, an_exchange, place
from tests.betting.betfair_double import BEFORE, Fault
from tests.betting.builders import NOON, a_book, a_part, a_selection
from tests.betting.venues import FakeVenue

pytestmark = pytest.mark.django_db


class Watched(FakeVenue):
    """Hears us as told; off where nobody bets there."""

    def __init__(self, hears: Heart | Exception | None = None, *, is_on: bool = True):
        super().__init__()
        self.hears, self.is_on, self.asked = hears or Heart("", 60), is_on, []

    def keep_alive(self, *, seconds):
        self.asked.append(seconds)
        if isinstance(self.hears, Exception):
            raise self.hears
        return self.hears


def lost(venue: Watched, now=NOON) -> list[str]:
    return [one.why for one in heartbeats.lost_hearts(now=now, venues={"exchange": venue})]


class TestBeat:
    def test_tells_every_venue_that_keeps_watch_and_no_other(self):
        one, off, other = Watched(), Watched(is_on=False), FakeVenue()
        found = heartbeats.beat(now=NOON, venues={"one": one, "off": off, "other": other})
        assert (found, one.asked, off.asked) == ({"heard": 1, "failed": {}}, [60], [])
        assert Heartbeat.objects.get().name == "venue:one"

    def test_that_fails_at_one_venue_goes_on_to_the_next(self):
        venues = {"a": Watched(VenueUnknown("timed out")), "b": Watched()}
        found = heartbeats.beat(now=NOON, venues=venues)
        assert found == {"heard": 1, "failed": {"a": "timed out"}}

    def test_asks_for_as_long_a_silence_as_an_operator_set(self, change_threshold):
        change_threshold(heartbeats.SILENCE, 120)
        venue = Watched()
        heartbeats.beat(now=NOON, venues={"exchange": venue})
        assert venue.asked == [120]


class TestLostHearts:
    def test_are_healthy_then_silent_then_heard_again(self):
        venue = Watched()
        assert lost(venue) == ["it never heard of us"]
        heartbeats.beat(now=NOON, venues={"exchange": venue})
        assert lost(venue, NOON + timedelta(seconds=60)) == []
        late = NOON + timedelta(seconds=90)
        assert lost(venue, late) == ["it heard nothing for 90 s"]
        heartbeats.beat(now=late, venues={"exchange": venue})
        assert lost(venue, late) == []

    def test_tell_that_a_venue_acted(self):
        venue = Watched(Heart("ALL_BETS_CANCELLED", 60))
        heartbeats.beat(now=NOON, venues={"exchange": venue})
        assert "ALL_BETS_CANCELLED" in lost(venue)[0]

    def test_are_none_where_nobody_bets(self):
        assert lost(Watched(is_on=False)) == []
        assert list(registry.checks[monitors.HEART].run(NOON)) == []


class TestAtTheExchange:
    @pytest.fixture
    def double(self, settings):
        with an_exchange(settings) as double:
            yield double

    def test_is_heard_and_asked_for_the_silence(self, double):
        assert BetfairVenue(timeout_seconds=PATIENCE).keep_alive(seconds=45) == Heart("", 45)
        assert double.sent("heartbeat") == [{"preferredTimeoutSeconds": 45}]

    def test_a_line_that_is_cut_opens_a_finding(self, double):
        double.misbehave("heartbeat", *[Fault(BEFORE, cut=True)] * 2)
        assert "betfair" in heartbeats.beat(now=NOON)["failed"]
        (finding,) = registry.checks[monitors.HEART].run(NOON + timedelta(seconds=61))
        assert finding.subject == "venue:betfair"

    def test_silence_takes_orders_back_and_their_money_is_free(self, double):
        event = a_mapped_event(double)
        selection = a_selection(event)
        double.markets["1.206064380"].offers[1, "BACK"] = (2.02, 4.0)
        bet = a_part(
            venue="betfair", selection=selection, book=a_book("betfair_exchange"), client_ref="dz"
        )
        resting = BetfairVenue(rests=True, timeout_seconds=PATIENCE)
        place(a_ticket(selection, client_ref="dz", price=bet.requested_price), at=resting)
        now = 1000.0
        double.clock = lambda: now
        heartbeats.beat(now=NOON)
        now += 61
        heartbeats.beat(now=NOON)
        assert Heartbeat.objects.get().detail["acted"] == "ALL_BETS_CANCELLED"
        reconciling.follow(now=NOON)
        bet.refresh_from_db()
        assert (bet.order_state, bet.stake) == ("LAPSED", 4)
