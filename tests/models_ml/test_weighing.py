"""The evidence of every kind of market, on rooms whose truth is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models_ml.domain import feature_sets, proposals
from models_ml.models import ModelVersion, Pipeline, PromotionPolicy
from models_ml.services import examples, learning, loading, pipelines, storing, weighing
from tests.models_ml import rooms

pytestmark = pytest.mark.django_db

QUICK = {"rounds": 3}
COLUMNS = {"rest": "rest_difference", "noise": "days_since"}  # of rooms, in the feature sets


def moment(microseconds):
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)


def in_columns_of(room, own, feature_set):
    """Return a room's rows with its columns where a feature set has them."""
    values = np.full((len(room), len(feature_set.names)), np.nan)
    for place, name in enumerate(own.names):
        values[:, feature_set.names.index(COLUMNS.get(name, name))] = room.values[:, place]
    return replace(room, values=values)


def pairs(first):
    return np.stack([first, 1.0 - first], axis=1)


def a_spread():
    room = rooms.gridiron(n=1500, quoted_from=0.0)
    line, first = room.values[:, 5], room.values[:, 6]
    told = pairs(first)
    return rooms.GRIDIRON, replace(room, market=told, close=told, market_line=line, close_line=line)


def a_moneyline():
    room = rooms.gridiron(n=1500, quoted_from=0.0)
    told = pairs(room.values[:, 4])
    return rooms.GRIDIRON, replace(room, market=told, close=told)


def a_win():
    room = rooms.races(n=600)
    none = np.full((len(room), 1), np.nan)
    return rooms.RACES, replace(room, market=none, close=none)


def a_place():
    own, room = a_win()
    return own, replace(room, participant=np.arange(len(room)))


ROOMS = {
    "nfl-spread": a_spread,
    "nfl-moneyline": a_moneyline,
    "racing-win": a_win,
    "racing-place": a_place,
}
UNIT = {
    "nfl-spread": "normal",
    "nfl-moneyline": "elo",
    "racing-win": "uniform",
    "racing-place": "uniform",
}


class Room:
    """A pipeline whose events are a room's."""

    def __init__(self, code, monkeypatch):
        now = datetime(2026, 11, 17, 12, tzinfo=UTC)
        pipelines.ensure_default_pipelines(now=now)
        self.pipeline = Pipeline.objects.get(code=code)
        self.feature_set = feature_sets.named(self.pipeline.feature_set)
        own, room = ROOMS[code]()
        self.rows = in_columns_of(room, own, self.feature_set)
        self.until = moment(self.rows.starts[-1]) + timedelta(days=1)
        monkeypatch.setattr(examples, "examples", lambda **asked: self.rows)
        PromotionPolicy.objects.create(minimum_test_rows=50, minimum_challenger_bets=20)

    def version(self, *, share=1.0, seed=0, **fields):
        """Return a version that learned the first share of the room."""
        starts = self.rows.starts
        mine = self.rows.part(starts <= starts[int(share * len(starts)) - 1])
        learned = learning.learn(
            target=self.pipeline.target, examples=mine, feature_set=self.feature_set,
            parameters=QUICK, seed=seed,
        )  # fmt: skip
        test = learning.parts(learned)["test"]
        number = self.pipeline.versions.count() + 1
        name, sha256 = storing.write(
            pipeline_code=self.pipeline.code, number=number, content=learned.fitted.content
        )
        golden = loading.golden(estimator=learned.estimator, values=learning.golden_values(learned))
        part = {end: moment(test[end]).isoformat() for end in ("from", "to")}
        return ModelVersion.objects.create(
            pipeline=self.pipeline, number=number, kind=learned.fitted.kind, artefact=name,
            artefact_sha256=sha256, features=self.feature_set.names,
            features_sha256=self.feature_set.sha256, calibration=learned.fitted.calibration,
            metrics={"golden": golden, "parts": {"test": {"n": test["n"], **part}}},
            trained_from=moment(mine.starts[0]),
            trained_until=moment(mine.starts[-1]) + timedelta(hours=3),
            n_rows=len(mine), code_version="c", trained_at=self.until, **fields,
        )  # fmt: skip

    def weigh(self, version):
        return weighing.weigh(version=version, now=self.until)


@pytest.fixture(params=ROOMS)
def room(request, monkeypatch):
    return Room(request.param, monkeypatch)


class TestWeigh:
    def test_answers_every_gate_and_opens_them_to_an_honest_version(self, room):
        bundle = room.weigh(room.version())
        assert set(bundle["gates"]) == set(proposals.GATES)
        assert proposals.blocking(bundle["gates"], is_signed=False) == []
        assert UNIT[room.pipeline.code] in bundle["cards"]

    def test_holds_it_against_what_serves_on_what_neither_learned(self, room):
        champion = room.version(share=0.8, stage="PRODUCTION")
        bundle = room.weigh(room.version(seed=1))
        figures = bundle["gates"]["challenger"]["figures"]
        assert figures["n"] >= 20
        assert bundle["champion"]["id"] == champion.pk
        assert bundle["cards"]["serving"]["n"] == bundle["cards"]["model"]["n"]
        for row in bundle["week"]:
            assert sum(row["candidate"]) == pytest.approx(1, abs=1e-5)
            assert len(row["serving"]) == len(row["candidate"])

    def test_shuts_the_brier_gate_to_one_that_says_the_opposite(self, room, monkeypatch):
        said_by = weighing.cards.said_by

        def opposite(**asked):
            """Be sure of whom the version believes in least."""
            told = said_by(**asked)
            runs = told > 0
            wrong = np.where(runs, 0.05 / (runs.sum(axis=1, keepdims=True) - 1), 0.0)
            wrong[np.arange(len(told)), np.where(runs, told, 2.0).argmin(axis=1)] = 0.95
            return wrong

        version = room.version()
        monkeypatch.setattr(weighing.cards, "said_by", opposite)
        gates = room.weigh(version)["gates"]
        assert gates["brier"]["state"] == "FAILED"
        assert gates["brier"]["figures"]["low"] > 0

    def test_counts_events_and_not_their_runners(self, room):
        version = room.version()
        bundle = room.weigh(version)
        test = version.metrics["parts"]["test"]
        inside = room.rows.starts >= int(datetime.fromisoformat(test["from"]).timestamp() * 1e6)
        groups = len(np.unique(room.rows.group[inside]))
        assert 0.9 * groups <= bundle["gates"]["enough"]["figures"]["n"] <= groups


class TestTooGood:
    @pytest.fixture
    def room(self, monkeypatch):
        return Room("nfl-moneyline", monkeypatch)

    def test_is_who_knows_what_the_close_does_not(self, room):
        version = room.version()
        assert room.weigh(version)["gates"]["too good"]["state"] == "PASSED"
        room.rows = replace(room.rows, close=room.rows.close[:, ::-1])  # it says the opposite
        gate = room.weigh(version)["gates"]["too good"]
        assert gate["state"] == "FAILED"
        assert gate["figures"]["mean"] < gate["figures"]["limit"] < 0

    def test_is_not_asked_where_no_close_is_known(self, room):
        version = room.version()
        room.rows = replace(room.rows, close=np.full_like(room.rows.close, np.nan))
        gate = room.weigh(version)["gates"]["too good"]
        assert (gate["state"], "no close" in gate["why"]) == ("PASSED", True)


class TestPlaces:
    @pytest.fixture
    def room(self, monkeypatch):
        return Room("racing-place", monkeypatch)

    def test_are_of_as_many_events_as_there_are_races(self, room):
        bundle = room.weigh(room.version())
        runners, races = bundle["cards"]["model"]["n"], bundle["gates"]["enough"]["figures"]["n"]
        assert 4 * races < runners < 12 * races
        assert bundle["gates"]["smoke"]["figures"]["n"] < races  # those of its last week

    def test_lay_out_whom_they_are_about_and_whether_it_was_placed(self, room):
        week = room.weigh(room.version())["week"]
        assert {row["outcome"] for row in week} == {"PLACED", "NOT_PLACED"}
        for row in week:
            (runner,) = row["runners"]
            assert row["event"] == room.rows.event[runner]
            assert (row["outcome"] == "PLACED") == (room.rows.placed[runner] == 1)

    @pytest.mark.parametrize(
        "bend, why",
        [
            pytest.param(lambda p: 0.9 * p, "miss their sum", id="too few places"),
            pytest.param(lambda p: p * 0.0 + np.nan, "between 0 and 1", id="nothing"),
        ],
    )
    def test_must_sum_to_those_of_the_race(self, room, monkeypatch, bend, why):
        version, said_by = room.version(), weighing.cards.said_by
        monkeypatch.setattr(
            weighing.cards, "said_by", lambda **asked: pairs(bend(said_by(**asked)[:, 0]))
        )
        gate = room.weigh(version)["gates"]["smoke"]
        assert (gate["state"], why in gate["why"]) == ("FAILED", True)

    def test_are_held_against_what_serves_by_the_runner_it_favours(self, room, monkeypatch):
        room.version(share=0.8, stage="PRODUCTION")
        version, said_by = room.version(), weighing.cards.said_by
        whole = room.weigh(version)["gates"]["smoke"]
        assert whole["state"] == "PASSED" and whole["figures"]["mean_gap"] != 0.0

        def flat(**asked):
            """Give everybody of a race the same chance: the means stay what they were."""
            told = said_by(**asked)
            if asked["estimator"].beta.tolist() == beta:
                group = asked["examples"].group[asked["board"].row]
                _, race = np.unique(group, return_inverse=True)
                told = pairs((np.bincount(race, told[:, 0]) / np.bincount(race))[race])
            return told

        beta = loading.load(version=version).beta.tolist()
        monkeypatch.setattr(weighing.cards, "said_by", flat)
        gate = room.weigh(version)["gates"]["smoke"]
        assert gate["figures"]["mean_gap"] < -0.1

    def test_draw_races_whole_for_their_intervals(self, room):
        version = room.version()
        drawn = []
        paired = weighing.intervals.paired
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                weighing.intervals,
                "paired",
                lambda gaps, **asked: drawn.append(asked["clusters"]) or paired(gaps, **asked),
            )
            room.weigh(version)
        weeks = dict(zip(room.rows.group.tolist(), room.rows.week.tolist(), strict=True))
        assert drawn and all(set(np.unique(one)) <= set(weeks.values()) for one in drawn)
