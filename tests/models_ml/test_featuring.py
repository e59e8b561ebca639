import random
from datetime import timedelta

import pytest

from markets import queries as markets_queries
from markets.models import Event, EventChange, Result
from models_ml.domain import asking, features
from models_ml.domain.asking import newest
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import FeatureRow, Replay
from models_ml.queries import facts
from models_ml.services import featuring
from models_ml.services.featuring import NoFeatures
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def league():
    return builders.a_league(a_world(seasons=2))


def build(events, *, as_of, now=None, **fields):
    fields = {"feature_set": "soccer_v1", "stage": "T-60m", **fields}
    return featuring.build(
        event_ids=[event.pk for event in events], as_of=as_of, now=now or as_of, **fields
    )


def same(a: list[float | None], b: list[float | None]) -> bool:
    return features.checksum(feature_set="x", as_of=features.EPOCH, values=a) == (
        features.checksum(feature_set="x", as_of=features.EPOCH, values=b)
    )


class TestBuild:
    def test_stores_a_row_per_event_in_the_order_asked_for(self, league):
        events = [league.events[141], league.events[140]]
        as_of = min(e.starts_at for e in events) - HOUR
        rows = build(events, as_of=as_of)
        assert [row.event_id for row in rows] == [e.pk for e in events]
        assert all(row.as_of == as_of and len(row.values) == 55 for row in rows)

    def test_twice_is_once_and_returns_what_was_stored(self, league):
        event = league.events[140]
        (first,) = build([event], as_of=event.starts_at - HOUR)
        (again,) = build([event], as_of=event.starts_at - HOUR / 2)
        assert (again.pk, again.checksum, again.as_of) == (first.pk, first.checksum, first.as_of)
        assert FeatureRow.objects.count() == 1

    def test_keeps_stages_apart(self, league):
        event = league.events[140]
        build([event], as_of=event.starts_at - 2 * HOUR, stage="T-100m")
        build([event], as_of=event.starts_at - HOUR)
        assert FeatureRow.objects.count() == 2

    def test_stores_null_for_what_is_not_known(self, league):
        event = league.events[0]
        (row,) = build([event], as_of=event.starts_at - timedelta(hours=30))
        by_name = dict(zip(SOCCER_V1.names, row.values, strict=True))
        assert by_name["market_home"] is None
        assert by_name["home_points_5"] is None
        assert by_name["elo_home"] == 1500.0

    def test_seals_the_row_with_a_checksum_that_can_be_made_again(self, league):
        (row,) = build([league.events[140]], as_of=league.events[140].starts_at - HOUR)
        row.refresh_from_db()
        assert row.checksum == features.checksum(
            feature_set="soccer_v1", as_of=row.as_of, values=row.values
        )

    def test_equals_what_all_facts_of_the_league_say_value_for_value(self, league):
        whole = facts.facts(
            sport_id=league.competition.sport_id,
            is_simulated=False,
            until=league.ends_at,
            quotes_of=[event.pk for event in league.events],
        )
        asked = asking.labelled(facts=whole, grain=asking.MATCH, minutes=60).asks
        values = features.compute(feature_set=SOCCER_V1, facts=whole, asks=asked)
        place = {event: number for number, event in enumerate(asked.event.tolist())}
        for event in league.events[::17]:
            (row,) = build([event], as_of=event.starts_at - HOUR, now=league.ends_at)
            assert same(row.values, list(values[place[event.pk]]))

    def test_says_what_it_was_made_from(self, league):
        event = league.events[140]
        as_of = event.starts_at - HOUR
        (row,) = build([event], as_of=as_of)
        known = [
            builders.moment(m.known_at)
            for m in league.world.matches
            if builders.moment(m.known_at) <= as_of
        ]
        assert row.sources["results"] == len(known)
        assert row.sources["results_known_at"] == max(known).isoformat()
        assert (row.sources["quotes"], row.sources["notices"]) == (3, 0)
        assert row.sources["features"] == SOCCER_V1.sha256
        assert len(row.sources["books"]) == len(row.sources["code"]) == 64

    def test_sees_the_price_before_as_of_and_not_the_close(self, league):
        event = league.events[140]
        early = build([event], as_of=event.starts_at - HOUR)[0]
        expected = league.world.fixtures[140].market
        found = [early.values[i] for i in SOCCER_V1.market]
        assert found == pytest.approx(expected, abs=0.02)

    @pytest.mark.parametrize(
        "stage, minutes, message",
        [("T-2h", 60, "no stage"), ("T-60m", 0, "has started"), ("T-60m", -10, "has started")],
    )
    def test_refuses(self, league, stage, minutes, message):
        event = league.events[140]
        as_of = event.starts_at - timedelta(minutes=minutes)
        with pytest.raises(NoFeatures, match=message):
            build([event], as_of=as_of, stage=stage)

    def test_refuses_the_future_and_the_unknown(self, league):
        event = league.events[140]
        with pytest.raises(NoFeatures, match="future"):
            build([event], as_of=event.starts_at - HOUR, now=event.starts_at - 2 * HOUR)
        with pytest.raises(NoFeatures, match="unknown"):
            featuring.build(
                event_ids=[0],
                feature_set="soccer_v1",
                stage="T-60m",
                as_of=event.starts_at,
                now=event.starts_at,
            )

    def test_leaves_out_of_a_replay_what_had_started_as_it_was_planned_then(self, league):
        first, second = league.events[140], league.events[141]
        as_of = min(first.starts_at, second.starts_at) - HOUR
        EventChange.objects.create(
            event=first,
            field="starts_at",
            before=(as_of - HOUR).isoformat(),
            after=first.starts_at.isoformat(),
            known_at=league.ends_at,
        )
        with pytest.raises(NoFeatures, match=f"event {first.pk} has started"):
            build([first, second], as_of=as_of)
        replay = Replay.objects.create(
            competition=league.competition,
            season=first.season,
            actor="test",
            started_at=league.ends_at,
        )
        (row,) = build([first, second], as_of=as_of, replay=replay)
        assert row.event_id == second.pk

    def test_asks_a_bounded_number_of_questions(self, league, django_assert_max_num_queries):
        starts_at = league.events[140].starts_at
        batch = [e for e in league.events if e.starts_at == starts_at]
        assert len(batch) > 1
        with django_assert_max_num_queries(15):
            build(batch, as_of=starts_at - HOUR)


class TestNoLeak:
    def test_a_world_cut_off_at_as_of_gives_the_same_bytes(self):
        world, cut = a_world(seasons=2), 150
        whole = builders.a_league(world, code="W")
        part = builders.a_league(world, code="P", without_results=range(cut, len(world.matches)))
        as_of = whole.events[cut].starts_at - HOUR
        known = [i for i, m in enumerate(world.matches) if builders.moment(m.known_at) > as_of]
        assert min(known) <= cut
        (a,) = build([whole.events[cut]], as_of=as_of)
        (b,) = build([part.events[cut]], as_of=as_of)
        assert a.checksum == b.checksum

    def test_other_results_in_the_future_change_nothing(self):
        world = a_world(seasons=2)
        rng = random.Random(4)
        target = 150
        scores = [(m.home_score, m.away_score) for m in world.matches[target:]]
        rng.shuffle(scores)
        shuffled = [
            type(m)(
                *(m.event_id, m.competition_id, m.season_id, m.home_id, m.away_id),
                *(m.starts_at, m.known_at, 1, True, *score),
            )
            for m, score in zip(world.matches[target:], scores, strict=True)
        ]
        other = type(world)([*world.matches[:target], *shuffled], world.fixtures)
        a, b = builders.a_league(world, code="A"), builders.a_league(other, code="B")
        as_of = a.events[target].starts_at - HOUR
        assert build([a.events[target]], as_of=as_of)[0].checksum == (
            build([b.events[target]], as_of=as_of)[0].checksum
        )

    def test_a_correction_counts_from_its_own_time_on(self, league):
        first, target = league.events[100], league.events[-1]
        corrected_at = target.starts_at - timedelta(days=3)
        before = build([target], as_of=corrected_at - HOUR, now=league.ends_at, stage="T-24h")[0]
        Result.objects.create(
            event=first,
            version=2,
            status="FINAL",
            home_score=9,
            away_score=0,
            source=builders.a_source(),
            known_at=corrected_at,
            recorded_at=corrected_at,
        )
        again = build([target], as_of=corrected_at - HOUR, now=league.ends_at, stage="T-100m")[0]
        after = build([target], as_of=corrected_at + HOUR, now=league.ends_at, stage="T-60m")[0]
        assert same(before.values, again.values)
        assert not same(before.values, after.values)


class TestResults:
    def test_are_what_match_history_returns(self, league):
        for event in league.events[::90]:
            known = facts.facts(
                sport_id=league.competition.sport_id, is_simulated=False, until=event.starts_at
            )
            final = newest(known.results)
            final = final.take(final.is_final == 1)
            frame = markets_queries.match_history(
                sport_code="soccer",
                as_of=event.starts_at,
                is_simulated=False,
                competition_codes=[league.competition.code],
            )
            columns = (final.event, final.home_score, final.away_score)
            ours = set(zip(*(column.tolist() for column in columns), strict=True))
            theirs = set(
                zip(frame["event_id"], frame["home_score"], frame["away_score"], strict=True)
            )
            assert ours == theirs

    def test_have_starts_to_the_microsecond(self, league):
        event = league.events[7]
        odd = event.starts_at + timedelta(microseconds=123_457)
        Event.objects.filter(pk=event.pk).update(starts_at=odd)
        plans = facts.facts(
            sport_id=league.competition.sport_id, is_simulated=False, until=league.ends_at
        ).fixtures
        assert plans.starts_at[plans.event == event.pk].tolist() == [features.microseconds(odd)]
