"""No set sees what was not known: the future may be cut away or be another."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import features, players_v1, us_places
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.feature_sets import FEATURE_SETS
from models_ml.queries import facts as tables
from tests.models_ml import fact_worlds, player_worlds, race_worlds, stored_worlds

US = {"head_to_head": "MONEYLINE", "handicap": "SPREAD"}
WORLDS: dict[str, Facts] = {
    "soccer_v1": fact_worlds.a_busy_world(seed=1),
    "nfl_v1": fact_worlds.a_busy_world(
        seed=2, points=21.0, names_of_teams=list(us_places.NFL), **US
    ),
    "nba_v1": fact_worlds.a_busy_world(
        seed=3, points=105.0, names_of_teams=list(us_places.NBA), seasons=4, competitions=1, **US
    ),
    "players_v1": player_worlds.a_busy_world(seed=5),
    "nfl_players_v1": player_worlds.a_busy_world(seed=6, points=21.0),
    "racing_v1": race_worlds.a_busy_world(seed=4),
}
NAMES = sorted(WORLDS)
LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)


def values(name: str, facts: Facts, asks: Asks) -> np.ndarray:
    return features.compute(feature_set=FEATURE_SETS[name], facts=facts, asks=asks)


def some(asks: Asks, rows) -> Asks:
    return Asks(*[column[rows] for column in asks])


def wanted(name: str, facts: Facts, hours: float = 1.0) -> Asks:
    worlds = {"RUNNER": race_worlds, "PLAYER": player_worlds}
    made_by = worlds.get(FEATURE_SETS[name].grain, fact_worlds)
    return made_by.final_asks(facts, hours=hours)


TOGETHER = {name: values(name, facts, wanted(name, facts)) for name, facts in WORLDS.items()}


@pytest.mark.parametrize("name", NAMES)
class TestEverySet:
    def test_has_a_world_that_fills_it(self, name):
        empty = np.isnan(TOGETHER[name]).all(axis=0)
        assert [n for n, e in zip(FEATURE_SETS[name].names, empty, strict=True) if e] == []

    def test_knows_nothing_of_a_world_cut_off_at_as_of(self, name):
        facts, asks = WORLDS[name], wanted(name, WORLDS[name])
        for row in np.random.default_rng(5).choice(len(asks.event), 12, replace=False):
            cut = facts.at(int(asks.as_of[row]))
            alone = values(name, cut, some(asks, [row]))
            assert alone.tobytes() == TOGETHER[name][[row]].tobytes()

    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 10_000))
    def test_does_not_care_what_the_future_holds(self, name, seed):
        facts, asks = WORLDS[name], wanted(name, WORLDS[name])
        moment = int(np.random.default_rng(seed).choice(asks.as_of))
        known = np.flatnonzero(asks.as_of <= moment)
        other = fact_worlds.with_another_future(facts, moment, seed)
        assert values(name, other, some(asks, known)).tobytes() == (TOGETHER[name][known].tobytes())

    def test_gives_the_same_bytes_however_many_ask_and_in_whatever_order(self, name):
        facts, asks = WORLDS[name], wanted(name, WORLDS[name])
        order = np.random.default_rng(6).permutation(len(asks.event))
        for size in (len(order), 37, 8, 1):
            chosen = order[:size]
            assert values(name, facts, some(asks, chosen)).tobytes() == (
                TOGETHER[name][chosen].tobytes()
            )

    def test_sees_more_as_time_goes_by(self, name):
        facts = WORLDS[name]
        early = values(name, facts, wanted(name, facts, hours=25.0))
        assert early.tobytes() != TOGETHER[name].tobytes()


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
class TestEverySetFromTheTables:
    def test_knows_nothing_of_what_the_tables_were_told_later(self, name):
        sport = stored_worlds.store(WORLDS[name], sport=FEATURE_SETS[name].sport)

        def told(until):
            events = np.unique(WORLDS[name].fixtures.event)
            found = tables.facts(
                sport_id=sport.pk, is_simulated=False, until=until, quotes_of=events
            )
            return players_v1.of_statistic(found, "points") if "players" in name else found

        whole = told(LONG_AFTER)
        asks = wanted(name, whole)
        together = values(name, whole, asks)
        empty = np.isnan(together).all(axis=0)
        assert [n for n, e in zip(FEATURE_SETS[name].names, empty, strict=True) if e] == []
        moments = np.sort(np.random.default_rng(7).choice(asks.as_of, 3, replace=False))
        for moment in moments[::-1]:
            known = asks.as_of <= moment
            until = stored_worlds.moment(moment)
            assert values(name, told(until), some(asks, known)).tobytes() == (
                together[known].tobytes()
            )
            stored_worlds.forget(after=until)
            assert values(name, told(LONG_AFTER), some(asks, known)).tobytes() == (
                together[known].tobytes()
            )
