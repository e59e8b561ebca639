"""No set sees what was not known: the future may be cut away or be another.

What is foretold from a set's values is held to the same bytes as the values, for every kind of
estimator that learns from it.
"""

from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import estimators, players_v1, splitting, us_places
from models_ml.domain.estimators import Estimator
from models_ml.domain.estimators.base import questions
from models_ml.domain.facts import Facts
from models_ml.domain.feature_sets import FEATURE_SETS
from models_ml.queries import facts as tables
from tests.models_ml import (
    fact_worlds,
    labelled_worlds,
    player_worlds,
    race_worlds,
    stored_worlds,
)
from tests.models_ml.labelled_worlds import some, values, wanted

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


QUICK = {"rounds": 20, "patience": 5, "eta": 0.2, "min_child_weight": 2.0, "lambda": 2.0}
#: Of each set, what is learned from it, and markets that it answers: kind, answers, line
ASKED = {
    ("soccer_v1", "OUTCOME"): [("MATCH_ODDS", 3, np.nan), ("DRAW_NO_BET", 2, np.nan)],
    ("soccer_v1", "GOALS"): [("ASIAN_HANDICAP", 2, -0.25), ("TOTAL", 2, 2.5)],
    ("nfl_v1", "OUTCOME"): [("MONEYLINE", 2, np.nan)],
    ("nfl_v1", "MARGIN"): [("SPREAD", 2, -3.0)],
    ("nfl_v1", "TOTAL"): [("TOTAL", 2, 43.5), ("TOTAL", 2, 3.0)],
    ("nba_v1", "OUTCOME"): [("MONEYLINE", 2, np.nan)],
    ("nba_v1", "MARGIN"): [("SPREAD", 2, -4.5)],
    ("nba_v1", "TOTAL"): [("TOTAL", 2, 210.5), ("TOTAL", 2, 3.0)],
    ("players_v1", "FIGURE"): [("PLAYER_TOTAL", 2, 18.5)],
    ("nfl_players_v1", "FIGURE"): [("PLAYER_TOTAL", 2, 18.5)],
    ("racing_v1", "WINNER"): [("WIN", 1, np.nan), ("PLACE", 1, np.nan)],
}


@cache
def estimator(name: str, target: str) -> Estimator:
    rows = labelled_worlds.examples(name, WORLDS[name])
    split = splitting.purged(
        starts=rows.starts, as_of=rows.as_of, label_known_at=rows.label_known_at,
        calibration_weeks=4,
    )  # fmt: skip
    fitted = estimators.fit(
        target=target, examples=rows, split=split, feature_set=FEATURE_SETS[name],
        parameters=QUICK, seed=0,
    )  # fmt: skip
    return estimators.load(
        content=fitted.content, feature_set=FEATURE_SETS[name], calibration=fitted.calibration
    )


def foretold(name: str, target: str, told: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Return what each row's selections are given: probability and refund, (n, selections, 2)."""
    found = []
    for kind, answers, line in ASKED[name, target]:
        for place in range(answers):
            one = estimator(name, target).answer(
                told,
                questions(
                    kind=kind, row=np.arange(len(told)), place=place if answers > 1 else -1,
                    line=line, places=3, groups=events,
                ),
            )  # fmt: skip
            found.append(np.stack([one.probability, one.refund], axis=1))
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name, target", ASKED, ids=["-".join(key) for key in ASKED])
class TestEveryPrediction:
    def test_differs_from_row_to_row(self, name, target):
        rows = foretold(name, target, TOGETHER[name], wanted(name, WORLDS[name]).event)
        assert np.isfinite(rows).all()
        assert len(np.unique(rows.reshape(len(rows), -1), axis=0)) > 20

    def test_is_the_same_in_a_world_cut_off_at_as_of(self, name, target):
        facts, asks = WORLDS[name], wanted(name, WORLDS[name])
        together = foretold(name, target, TOGETHER[name], asks.event)
        for event in np.random.default_rng(5).choice(np.unique(asks.event), 8, replace=False):
            mine = np.flatnonzero(asks.event == event)
            cut = facts.at(int(asks.as_of[mine[0]]))
            alone = foretold(name, target, values(name, cut, some(asks, mine)), asks.event[mine])
            assert alone.tobytes() == together[mine].tobytes()

    def test_does_not_care_what_the_future_holds(self, name, target):
        facts, asks = WORLDS[name], wanted(name, WORLDS[name])
        moment = int(np.quantile(asks.as_of, 0.7))
        known = np.flatnonzero(asks.as_of <= moment)
        other = fact_worlds.with_another_future(facts, moment, seed=9)
        told = foretold(name, target, values(name, other, some(asks, known)), asks.event[known])
        together = foretold(name, target, TOGETHER[name], asks.event)
        assert told.tobytes() == together[known].tobytes()
