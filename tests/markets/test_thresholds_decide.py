"""Changing a threshold changes what the markets' services and checks do."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from markets import queries
from markets.domain import gates, levels, movement, quality, quality_limits, quotas
from markets.models import Fetch, PriceSnapshot, QualityFinding, Source, UnknownName
from markets.monitors import quality as quality_monitors
from markets.monitors import sources as monitors
from markets.services import closing, recording, suggesting
from monitoring.domain.thresholds import DECLARED
from monitoring.models import User
from tests.markets import quality as flaws
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_source,
    an_event,
    match_odds,
)

pytestmark = pytest.mark.django_db
FETCHED = START - timedelta(minutes=30)


def recorded(*prices, is_live=False):
    """Record prices of one event as they were fetched half an hour before its start."""
    source = a_source()
    batch = a_batch(events=[an_event()], prices=prices)
    return recording.record(
        batch=batch, source=source, now=FETCHED, fetched_at=FETCHED, is_live=is_live
    )


class TestTheQuoteGate:
    @pytest.mark.parametrize(("highest", "stored"), [(None, 1), (100, 0)])
    def test_goes_by_its_highest_price(self, change_threshold, highest, stored):
        if highest is not None:
            change_threshold(gates.HIGHEST, highest)
        counts = recorded(a_price("101", hours_before=1))
        assert PriceSnapshot.objects.count() == stored
        assert counts.prices.refused == ({} if stored else {"above 100": 1})

    @pytest.mark.parametrize(("ahead", "stored"), [(None, 0), (1_200, 1)])
    def test_goes_by_how_far_a_clock_may_be_ahead(self, change_threshold, ahead, stored):
        if ahead is not None:
            change_threshold(gates.AHEAD, ahead)
        recorded(a_price("2.0", hours_before=0.25))  # a quarter of an hour after it was fetched
        assert PriceSnapshot.objects.count() == stored

    @pytest.mark.parametrize(
        ("oldest", "told"),
        [(None, {"older than 600 s, kept": 1}), (7_200, {}), (60, {"older than 60 s, kept": 1})],
    )
    def test_goes_by_how_old_a_live_price_may_be(self, change_threshold, oldest, told):
        if oldest is not None:
            change_threshold(gates.OLDEST, oldest)
        counts = recorded(a_price("2.0", hours_before=1), is_live=True)
        assert counts.prices.refused == told
        assert PriceSnapshot.objects.count() == 1


@pytest.fixture
def source():
    return a_source(location="/data", cadence_seconds=3_600, last_attempt_at=NOW)


class TestAQuota:
    @pytest.fixture
    def used(self, source):
        Source.objects.update(
            quota_limit=500, quota_used=400, quota_remaining=100, quota_read_at=NOW
        )

    @pytest.mark.parametrize(
        ("threshold", "value"), [(quotas.LOW_SHARE, 0.8), (quotas.LOW_LEFT, 101)],
        ids=["share", "left"],
    )  # fmt: skip
    def test_runs_low_where_it_is_said_to(self, used, change_threshold, threshold, value):
        assert list(monitors.quota_low(NOW)) == []
        change_threshold(threshold, value)
        assert len(list(monitors.quota_low(NOW))) == 1

    def test_slows_its_source_by_so_much(self, used, change_threshold):
        change_threshold(quotas.LOW_LEFT, 200)
        later = NOW + timedelta(hours=3)
        assert queries.sources_due(now=later) == []
        change_threshold(quotas.SLOWER, 3)
        assert len(queries.sources_due(now=later)) == 1


class TestServiceLevels:
    def looks(self, source, state, n):
        Fetch.objects.bulk_create(
            Fetch(
                source=source, origin="x", state=state, started_at=NOW - timedelta(minutes=n),
                finished_at=NOW, latency_ms=100, error_kind="TIMEOUT" if state == "FAILED" else "",
            )
            for n in range(n)
        )  # fmt: skip

    def severities(self):
        return [finding.severity for finding in monitors.source_slow(NOW)]

    def test_go_by_the_share_that_succeeds(self, source, change_threshold):
        self.looks(source, "FAILED", 2)
        self.looks(source, "NOTHING_NEW", 58)
        assert self.severities() == ["P3"]  # 58 of 60
        change_threshold(levels.SUCCESS_SHARE, 0.95)
        assert self.severities() == []
        change_threshold(levels.PAGED_SHARE, 0.99)
        assert self.severities() == ["P1"]

    def test_go_by_how_many_looks_say_anything(self, source, change_threshold):
        self.looks(source, "FAILED", 2)
        self.looks(source, "NOTHING_NEW", 2)
        assert self.severities() == []
        change_threshold(levels.PAGED_LOOKS, 4)
        assert self.severities() == ["P1"]

    def test_go_by_how_long_an_answer_may_take(self, source, change_threshold):
        self.looks(source, "NOTHING_NEW", 30)
        assert self.severities() == []
        change_threshold(levels.LATENCY_SHARE, 0.01)
        Source.objects.update(timeout_seconds=5)
        assert self.severities() == ["P3"]

    def test_go_by_the_failures_in_a_row(self, source, change_threshold):
        Source.objects.update(failures_in_a_row=2)
        assert list(monitors.fetch_failing(NOW)) == []
        change_threshold(levels.FAILING_AFTER, 2)
        assert len(list(monitors.fetch_failing(NOW))) == 1

    def test_go_by_how_long_a_source_may_be_silent(self, source, change_threshold):
        Source.objects.update(last_success_at=NOW - timedelta(hours=5))
        assert len(list(monitors.source_stale(NOW))) == 1
        change_threshold(levels.STALE_AFTER, 6)
        assert list(monitors.source_stale(NOW)) == []


class TestSteam:
    @pytest.fixture
    def moved(self):
        """Two books shorten the home side within six minutes, and lengthen the away side."""
        prices = []
        for place, book in enumerate(("pinnacle", "bet365")):
            prices += match_odds("2.40", "3.40", "3.10", hours_before=24, book=book)
            prices += match_odds("2.00", "3.40", "3.90", hours_before=5 - place / 10, book=book)
            prices += match_odds("2.00", "3.40", "3.90", hours_before=0.5, book=book)
        batch = a_batch(events=[an_event()], prices=prices)
        recording.record(batch=batch, source=a_source(), now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)

    def found(self):
        return queries.movement_report(until=NOW).steam_found

    @pytest.mark.parametrize(
        ("threshold", "value"),
        [(movement.STEAM_STEP, 0.3), (movement.STEAM_HOURS, 0.05)],
        ids=["a larger step", "fewer hours"],
    )
    def test_is_what_the_thresholds_say(self, moved, change_threshold, threshold, value):
        assert self.found() == 0
        change_threshold(movement.STEAM_BOOKS, 2)
        assert self.found() == 2
        change_threshold(threshold, value)
        assert self.found() == 0

    def test_and_timing_are_told_by_the_numbers_that_hold(self, moved, change_threshold, client):
        change_threshold(movement.ENOUGH, 70)
        change_threshold(movement.STEAM_BOOKS, 4)
        client.force_login(User.objects.create_superuser("root", password=None))
        text = client.get(reverse("admin:markets_movement")).content.decode()
        assert "nothing is advised below 70 events" in text
        assert "4 books or more never went the same way within 2 hours" in text


class TestAnAlias:
    def a_name(self, score, margin):
        suggestions = [{"id": 1, "name": "Alders", "score": score}]
        return UnknownName(name="Alder", suggestions=suggestions, margin=margin)

    def test_is_likely_from_the_line_on(self, change_threshold):
        assert not suggesting.is_likely(self.a_name(90.0, 20.0))
        change_threshold(suggesting.MAPS_ABOVE, 90)
        assert suggesting.is_likely(self.a_name(90.0, 20.0))
        change_threshold(suggesting.MARGIN, 25)
        assert not suggesting.is_likely(self.a_name(90.0, 20.0))

    def test_is_suggested_from_the_lower_line_on(self, change_threshold):
        recording.record(
            batch=a_batch(events=[an_event(home="Leeds United", away="Derby County")]),
            source=a_source(), now=NOW,
        )  # fmt: skip
        league = queries.events_starting(after=START - timedelta(1), until=NOW).get().competition
        asked = {"name": "Leeds Utd", "sport_id": league.sport_id, "competition_id": None}
        assert [one.name for one in suggesting.suggest(**asked)] == ["Leeds United"]
        change_threshold(suggesting.LISTS_ABOVE, 99)
        assert suggesting.suggest(**asked) == []


class TestARuleOfQuality:
    def test_goes_by_its_number(self, change_threshold):
        event = flaws.an_event()
        flaws.quote(event, "MONEYLINE", book="pinnacle", HOME="2.08", AWAY="1.9")
        flaws.quote(event, "MONEYLINE", book="other", HOME="1.9", AWAY="2.08")
        assert flaws.found("arbitrage") == []  # 4 % of sure profit
        change_threshold(quality_limits.ARBITRAGE, 0.02)
        assert len(flaws.found("arbitrage")) == 1

    def test_believes_the_margins_between_its_bounds(self, change_threshold):
        flaws.quote(flaws.an_event(), HOME="2.1", DRAW="3.4", AWAY="3.6")
        assert flaws.found("overround") == []
        change_threshold(DECLARED["markets.overround-three-way-highest"], 0.01)
        (said,) = flaws.found("overround")
        assert "believed are 0 to 1 %" in said

    def test_tells_somebody_above_what_it_tolerates(self, change_threshold):
        rule = quality.RULES["overround"]
        QualityFinding.objects.create(
            kind=rule.kind, subject="markets.Market:1", detail="x", n=1, found_at=NOW, seen_at=NOW
        )
        assert list(quality_monitors.quality(NOW)) == []
        change_threshold(rule.alert_above, 0)
        (finding,) = quality_monitors.quality(NOW)
        assert "1 findings open, tolerated are 0" in finding.summary
        assert Decimal(rule.alert_above.default) == 10
