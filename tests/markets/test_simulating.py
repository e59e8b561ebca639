import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.conf import settings
from django.db import connection

from markets.connectors import simulator
from markets.domain import simulation
from markets.models import (
    Book,
    ClosingPrice,
    Competition,
    Event,
    LatestPrice,
    Market,
    PriceSnapshot,
    Result,
    Season,
    Selection,
    Source,
)
from markets.services import partitions, simulating, switching
from monitoring.models import AuditEntry
from tests import kept

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SEED = 5
MONTHS = [(2026, 2), (2026, 3)]
NOTHING = {"seasons": 0, "events": 0, "prices": 0, "results": 0, "closes": 0}
PER_STEP = len(simulation.BOOKS) * simulation.N_SELECTIONS


def a_league(*, seasons=0, seed=SEED, now=NOW):
    return simulating.create_history(seasons=seasons, seed=seed, now=now, actor="cli:test")


def a_played_season():
    """One season before now; made once, for to make it takes seconds."""
    partitions.ensure(months=MONTHS)
    return kept.world("a played season", lambda: a_league(seasons=1))


def a_begun_league():
    """A league as its first tick leaves it: a season laid, its first matches quoted."""

    def begin():
        a_league()
        return simulating.tick(now=NOW)

    partitions.ensure(months=MONTHS)
    return kept.world("a begun league", begin)


def ticks(*, since, until, every):
    total = dict(NOTHING)
    while since <= until:
        for name, count in simulating.tick(now=since).items():
            total[name] += count
        since += timedelta(seconds=every)
    return total


def first_start():
    return Event.objects.order_by("starts_at").first().starts_at


def picture():
    """Everything a reader of the league sees, without the keys of the rows."""
    return (
        list(
            Event.objects.order_by("starts_at", "home__name").values_list(
                "season__label", "home__name", "away__name", "starts_at", "started_at", "status"
            )
        ),
        sorted(
            PriceSnapshot.objects.values_list(
                "selection__market__event__name",
                "selection__market__kind",
                "selection__role",
                "selection__line",
                "book__code",
                "seen_at",
                "price",
            ),
            key=str,
        ),
        sorted(Result.objects.values_list("event__name", "home_score", "away_score", "known_at")),
    )


class TestCreateHistory:
    def test_records_each_season_whole_before_now_and_one_after_the_other(self):
        counts = a_league(seasons=2)
        assert counts["seasons"] == Season.objects.count() == 2
        assert counts["events"] == Event.objects.filter(status="FINISHED").count() == 760
        assert counts["results"] == Result.objects.count() == 760
        assert counts["closes"] == 760
        assert ClosingPrice.objects.count() == 760 * PER_STEP
        assert counts["prices"] == PriceSnapshot.objects.count() > 760 * PER_STEP
        assert Market.objects.count() == 760 * 3
        assert Selection.objects.count() == 760 * simulation.N_SELECTIONS
        one, two = (
            Event.objects.filter(season__label=label).order_by("starts_at")
            for label in ("S00001", "S00002")
        )
        assert one.last().starts_at < two.first().starts_at
        assert Result.objects.order_by("-known_at").first().known_at < NOW
        assert not PriceSnapshot.objects.filter(seen_at__gte=NOW).exists()

    def test_flags_everything_as_simulated_with_the_sharp_book_as_reference(self):
        a_played_season()
        assert Competition.objects.get().is_simulated
        assert Source.objects.get().is_simulated
        assert set(Book.objects.values_list("is_simulated", flat=True)) == {True}
        for shown in (Competition.objects.get(), Source.objects.get(), Book.objects.first()):
            assert "SIMULATED" in str(shown)
        assert Book.objects.get(reference_rank=1).code == "sim-sharp"
        assert Book.objects.count() == 5

    def test_closes_at_the_last_price_before_the_start_with_fair_probabilities(self):
        a_played_season()
        closes = ClosingPrice.objects.filter(
            book__code="sim-sharp", selection__market__kind="MATCH_ODDS"
        ).order_by("selection__market__event__starts_at", "selection_id")
        assert not closes.filter(fair_probability=None).exists()
        sums = np.array([c.fair_probability for c in closes]).reshape(-1, 3).sum(axis=1)
        np.testing.assert_allclose(sums, 1.0, atol=1e-6)
        assert all(c.confirmed_at == c.starts_at - timedelta(seconds=1) for c in closes[:50])

    def test_twice_is_once(self):
        a_played_season()
        before = picture()
        assert a_league(seasons=3) == NOTHING
        assert picture() == before

    def test_is_written_in_the_audit(self):
        a_played_season()
        entry = AuditEntry.objects.get(action="markets.create_simulated_history")
        assert (entry.actor, entry.detail["events"]) == ("cli:test", 380)

    def test_is_refused_where_the_simulator_is_off(self, settings):
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"simulator_enabled": False})
        with pytest.raises(simulating.SimulatorOff):
            a_league(seasons=1)


class TestTick:
    def test_lays_the_first_season_so_that_it_begins_within_a_minute(self):
        counts = a_begun_league()
        assert (counts["seasons"], counts["events"]) == (1, 380)
        lead = first_start() - NOW
        assert timedelta(seconds=8) <= lead <= timedelta(seconds=30)

    def test_does_nothing_before_a_league_was_founded(self):
        assert simulating.tick(now=NOW) == NOTHING

    def test_does_nothing_while_its_source_is_disabled(self):
        a_league()
        switching.disable(source_code="simulator", reason="quiet", actor="user:a", now=NOW)
        assert simulating.tick(now=NOW) == NOTHING
        switching.enable(source_code="simulator", reason="go on", actor="user:a", now=NOW)
        assert simulating.tick(now=NOW)["seasons"] == 1

    def test_does_nothing_where_the_simulator_is_off(self, settings):
        a_league()
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"simulator_enabled": False})
        assert simulating.tick(now=NOW) == NOTHING

    def test_plays_a_match_from_open_prices_to_its_result(self):
        a_begun_league()
        start = first_start()
        match = Event.objects.filter(starts_at=start).order_by("pk").first()
        quotes = LatestPrice.objects.filter(selection__market__event=match)

        simulating.tick(now=start - timedelta(seconds=8))
        match.refresh_from_db()
        assert (match.status, match.started_at) == ("SCHEDULED", None)
        assert quotes.count() == PER_STEP

        assert simulating.tick(now=start)["closes"] == 4  # of the four that start together
        match.refresh_from_db()
        assert (match.status, match.started_at) == ("LIVE", start)
        assert {q.confirmed_at for q in quotes} == {start - timedelta(seconds=1)}
        assert not Result.objects.filter(event=match).exists()

        assert simulating.tick(now=start + timedelta(seconds=20))["results"] == 4
        match.refresh_from_db()
        result = Result.objects.get(event=match)
        assert (match.status, result.status) == ("FINISHED", "FINAL")
        assert result.known_at == start + timedelta(seconds=20)

    def test_tells_no_price_before_its_time(self):
        a_begun_league()
        for seconds in range(0, 60, 7):
            now = NOW + timedelta(seconds=seconds)
            simulating.tick(now=now)
            assert not PriceSnapshot.objects.filter(seen_at__gt=now).exists()

    def test_moves_prices_between_opening_and_close(self):
        a_begun_league()
        ticks(since=NOW, until=NOW + timedelta(seconds=35), every=5)
        event = Event.objects.order_by("starts_at", "pk").first()
        moments = PriceSnapshot.objects.filter(selection__market__event=event)
        assert moments.values("seen_at").distinct().count() > 6

    def test_twice_is_once(self):
        a_begun_league()
        simulating.tick(now=NOW + timedelta(seconds=31))
        before = picture()
        again = simulating.tick(now=NOW + timedelta(seconds=31))
        assert again == NOTHING
        assert picture() == before

    def test_goes_on_the_same_after_a_restart(self):
        """What this process remembers is thrown away half way: the rows alone carry the league."""
        a_begun_league()
        ticks(since=NOW, until=NOW + timedelta(seconds=40), every=10)
        simulation.season.cache_clear()
        simulator.pairings.cache_clear()
        ticks(since=NOW + timedelta(seconds=50), until=NOW + timedelta(seconds=90), every=10)
        season = simulation.season(SEED, 1)
        for result in Result.objects.select_related("event__home", "event__away"):
            match = simulator.pairings(SEED, 1)[result.event.home.name, result.event.away.name]
            assert [result.home_score, result.away_score] == season.goals[match].tolist()
        assert Result.objects.count() > 4

    def test_gives_results_to_what_was_missed_while_it_was_away(self):
        a_begun_league()
        back = first_start() + timedelta(hours=1)
        counts = simulating.tick(now=back)
        missed = Event.objects.filter(starts_at__lte=back - timedelta(seconds=20))
        assert counts["results"] == missed.count() == Result.objects.count() > 190
        assert counts["closes"] == Event.objects.filter(starts_at__lte=back).count()
        assert set(missed.values_list("status", flat=True)) == {"FINISHED"}
        known = dict(Result.objects.values_list("event_id", "known_at"))
        assert all(known[e.pk] == e.starts_at + timedelta(seconds=20) for e in missed)
        assert Event.objects.filter(status="SCHEDULED", starts_at__gt=back).exists()

    def test_lays_the_next_season_when_the_last_result_is_in(self):
        a_played_season()
        simulating.tick(now=NOW)
        end = Event.objects.order_by("-starts_at").first().starts_at + timedelta(seconds=20)
        simulating.tick(now=end)
        assert list(Season.objects.order_by("label").values_list("label", flat=True)) == [
            "S00001",
            "S00002",
        ]
        counts = simulating.tick(now=end + timedelta(days=3))  # it was away for days
        assert (counts["seasons"], counts["events"]) == (1, 380)
        third = Event.objects.filter(season__label="S00003").order_by("starts_at").first()
        assert third.starts_at == end + timedelta(days=3, seconds=8)

    def test_leaves_a_match_alone_that_was_called_off(self):
        a_begun_league()
        match = Event.objects.order_by("starts_at", "pk").first()
        Event.objects.filter(pk=match.pk).update(status="CANCELLED")
        simulating.tick(now=match.starts_at + timedelta(minutes=1))
        assert not Result.objects.filter(event=match).exists()

    def test_leaves_the_audit_to_what_people_do(self):
        a_league()
        before = AuditEntry.objects.count()
        told = ticks(since=NOW, until=NOW + timedelta(seconds=60), every=10)
        assert min(told[what] for what in ("events", "prices", "results", "closes")) > 0
        assert AuditEntry.objects.count() == before

    def test_says_that_the_source_was_read_now_and_then(self):
        a_begun_league()
        simulating.tick(now=NOW + timedelta(seconds=5))
        assert Source.objects.get().last_success_at == NOW
        simulating.tick(now=NOW + timedelta(seconds=11))
        assert Source.objects.get().last_success_at == NOW + timedelta(seconds=11)

    def test_asks_little_when_nothing_is_due(self, django_assert_max_num_queries):
        a_begun_league()
        simulating.tick(now=NOW)
        with django_assert_max_num_queries(8):
            assert simulating.tick(now=NOW) == NOTHING

    def test_asks_no_more_for_more_matches(self, django_assert_max_num_queries):
        a_begun_league()
        with django_assert_max_num_queries(70):
            simulating.tick(now=NOW + timedelta(minutes=50))


@pytest.mark.django_db(transaction=True)
class TestTwoTicksAtOnce:
    def test_of_which_one_does_nothing(self):
        a_league()
        counts = []

        def one():
            try:
                counts.append(simulating.tick(now=NOW))
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(count["seasons"] for count in counts) == 1
        assert Event.objects.count() == 380
        assert Season.objects.count() == 1


class TestRetire:
    def test_thins_out_to_the_steps_that_history_keeps(self):
        a_begun_league()
        ticks(since=NOW, until=NOW + timedelta(seconds=60), every=2)
        event = Event.objects.filter(status="FINISHED").first()
        rows = PriceSnapshot.objects.filter(selection__market__event=event)
        before = rows.count()
        moments = [
            event.starts_at - simulation.duration(simulation.STEPS[k], time_scale=360)
            for k in simulation.KEPT_STEPS
        ]

        def in_force():
            return {
                at: sorted(
                    rows.filter(seen_at__lte=at)
                    .order_by("selection_id", "book_id", "-seen_at")
                    .distinct("selection_id", "book_id")
                    .values_list("selection_id", "book_id", "price", "seen_at")
                )
                for at in moments
            }

        kept = in_force()
        gone = simulating.retire(now=NOW + timedelta(days=4), keep=timedelta(days=3, hours=20))
        assert gone > 0
        assert rows.count() < before
        assert in_force() == kept
        assert simulating.retire(now=NOW + timedelta(days=4), keep=timedelta(days=3, hours=20)) == 0

    def test_leaves_real_and_recent_prices_alone(self):
        a_begun_league()
        ticks(since=NOW, until=NOW + timedelta(seconds=60), every=20)
        assert simulating.retire(now=NOW + timedelta(hours=1), keep=timedelta(days=3)) == 0
        Competition.objects.update(is_simulated=False, time_scale=1.0)
        assert simulating.retire(now=NOW + timedelta(days=4), keep=timedelta(days=3)) == 0


def test_the_live_league_runs_at_the_speed_of_the_settings():
    a_league()
    assert Competition.objects.get().time_scale == settings.ENVIRONMENT.simulator_speed == 360.0
