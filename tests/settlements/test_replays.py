import time
from datetime import timedelta
from itertools import count

import psycopg
import pytest
from django.db import connection

from betting.services import reconciling
from betting.tasks import RECONCILE_AFTER
from betting.venues.paper import PaperVenue
from models_ml.models import Replay
from models_ml.services import replays, training
from monitoring.models import AuditEntry
from settlements import queries
from settlements.services import replay_figures, replaying, settling
from tests.settlements import league
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_competition,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


def begin():
    season = a_competition().seasons.create(label="2023-24")
    return replays.begin(season=season, seed=3, actor="test", now=NOON)


class TestEndLost:
    def test_leaves_a_replay_alone_that_is_under_way(self):
        replay = begin()
        assert replays.end_lost(actor="test", now=NOON) == 0
        replays.finish(replay=replay, figures={"bets": 1}, actor="test", now=NOON)

    def test_ends_a_replay_whose_process_is_gone(self):
        replay = begin()
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock_all()")  # as the end of a connection does
        assert replays.end_lost(actor="test", now=NOON) == 1
        replay.refresh_from_db()
        assert (replay.finished_at, replay.figures) == (NOON, {"ended": "lost its process"})
        assert AuditEntry.objects.filter(action="replay.finished").count() == 1

    def test_twice_is_once(self):
        begin()
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock_all()")
        assert [replays.end_lost(actor="test", now=NOON) for _ in range(2)] == [1, 0]


class TestReplaySeason:
    def test_ends_its_row_when_it_cannot_go_on(self):
        event = an_event()
        with pytest.raises(training.NotEnoughHistory):
            replaying.replay_season(
                competition_code="X1",
                season_label=event.season.label,
                seed=0,
                actor="test",
                now=NOON,
            )
        replay = Replay.objects.get()
        assert replay.finished_at > replay.started_at
        assert replay.figures["ended"].startswith("NotEnoughHistory")

    def test_refuses_a_season_that_has_not_begun(self):
        event = an_event(starts_at=NOON + timedelta(days=1))
        with pytest.raises(replaying.NothingToReplay):
            replaying.replay_season(
                competition_code="X1",
                season_label=event.season.label,
                seed=0,
                actor="test",
                now=NOON,
            )
        assert not Replay.objects.exists()


class TestTheDigest:
    def test_tells_bets_apart_by_their_terms_and_never_by_their_numbers(self):
        seen = set()
        event = an_event()
        for stake in ("10.00", "10.00", "10.01"):
            bankroll = a_bankroll()
            an_accepted_bet(a_selection(event), bankroll=bankroll, stake=stake)
            if not event.results.exists():
                a_result(event, 1, 0)
            settling.settle_due(as_of=NOON, now=NOON, actor="test")
            seen.add(replay_figures.digest(bankroll_id=bankroll.pk))
        assert len(seen) == 2


@pytest.mark.django_db(transaction=True)
def test_a_lock_held_by_another_connection_counts_as_under_way():
    at = connection.settings_dict
    replay = begin()
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_unlock_all()")
    with psycopg.connect(host=at["HOST"], user=at["USER"], dbname=at["NAME"]) as other:
        other.execute("select pg_advisory_lock(%s, %s)", [replays.LOCK_CLASS, replay.pk])
        assert replays.end_lost(actor="test", now=NOON) == 0
    deadline = time.monotonic() + 20  # the server notices the end of a connection a little later
    while not (ended := replays.end_lost(actor="test", now=NOON)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ended == 1


class TestSettlingBesideAReplay:
    def test_leaves_its_bets_to_it_until_it_is_over(self):
        replay = begin()
        bankroll = a_bankroll(kind="REPLAY", replay=replay)
        bet = an_accepted_bet(bankroll=bankroll)
        a_result(bet, 1, 0)

        def settle():
            return settling.settle_due(as_of=NOON, now=NOON, actor="test").settled

        assert settle() == 0
        replays.finish(replay=replay, figures={}, actor="test", now=NOON)
        assert settle() == 1
        assert bankroll.pk in queries.bankrolls_to_settle()
        assert Replay.objects.get().finished_at == NOON


@pytest.mark.django_db(transaction=True)
def test_reconciling_beside_a_long_replay_takes_none_of_its_bets_for_forgotten(monkeypatch):
    league.a_league(days=4)
    undisturbed = league.replay(seed=1)
    minutes = count(step=60)
    monkeypatch.setattr(replaying, "monotonic", lambda: float(next(minutes)))
    place, asked = PaperVenue.place, []

    def reconcile_and_place(venue, tickets):
        now = Replay.objects.latest("pk").started_at + timedelta(seconds=next(minutes))
        asked.append(reconciling.reconcile(now=now, older_than=2 * RECONCILE_AFTER)["asked"])
        return place(venue, tickets)

    monkeypatch.setattr(PaperVenue, "place", reconcile_and_place)
    assert league.replay(seed=1) == undisturbed
    assert set(asked) == {0}
