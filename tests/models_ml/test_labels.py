"""Answers to asks about the past: of the version believed now, NaN where there is none."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models_ml.domain import asking, labels
from models_ml.domain.facts import (
    EVER,
    NEVER,
    NONE,
    Asks,
    Entries,
    Facts,
    Figures,
    Fixtures,
    Results,
    Runners,
)

HOUR = 3_600_000_000
MONDAY = 4 * 24 * HOUR  # 1970-01-05


def fixtures(starts: list[int], *, races: bool = False, **plans: list[int]) -> Fixtures:
    n = len(starts)
    known = plans.get("known_at", [EVER] * n)
    columns = {
        "event": plans.get("event", list(range(1, n + 1))),
        "competition": [9] * n, "season": [8] * n, "season_rank": [0] * n,
        "home": [NONE if races else 1] * n, "away": [NONE if races else 2] * n,
        "starts_at": starts, "known_at": known, "local_day": [0] * n, "certainty": [0] * n,
        "is_on": [1] * n, "is_neutral": [0] * n, "round": [NONE] * n, "time_scale": [1.0] * n,
    }  # fmt: skip
    return Fixtures.of(columns)


def results(*rows: tuple[int, int, int, int, int, int]) -> Results:
    names = ("event", "version", "known_at", "is_final", "home_score", "away_score")
    return Results.of(dict(zip(names, zip(*rows, strict=True), strict=True)))


def asks(*rows: tuple[int, int]) -> Asks:
    event, participant = (np.array(column) for column in zip(*rows, strict=True))
    return Asks(event, participant, np.zeros(len(rows), dtype=np.int64))


def world(**tables) -> Facts:
    return replace(Facts.nothing(), **tables)


class TestLabels:
    def test_are_of_the_newest_version_that_is_final(self) -> None:
        told = results((1, 1, 10, 1, 2, 0), (1, 2, 20, 1, 0, 3), (2, 1, 10, 1, 1, 1))
        found = labels.labels(
            facts=world(fixtures=fixtures([MONDAY, MONDAY]), results=told),
            asks=asks((2, NONE), (1, NONE)),
        )
        assert (found.home.tolist(), found.away.tolist()) == ([1.0, 0.0], [1.0, 3.0])
        assert np.isnan(found.winner).all() and np.isnan(found.figure).all()

    def test_are_unknown_once_the_result_is_taken_back(self) -> None:
        told = results((1, 1, 10, 1, 2, 0), (1, 2, 20, 0, -1, -1))
        facts = world(fixtures=fixtures([MONDAY]), results=told)
        assert np.isnan(labels.labels(facts=facts, asks=asks((1, NONE))).home).all()

    def test_count_weeks_from_monday_to_sunday(self) -> None:
        week = 7 * 24 * HOUR
        starts = [MONDAY - 1, MONDAY, MONDAY + week - 1, MONDAY + week]
        told = results(*((event, 1, 10, 1, 0, 0) for event in range(1, 5)))
        found = labels.labels(
            facts=world(fixtures=fixtures(starts), results=told),
            asks=asks(*((event, NONE) for event in range(1, 5))),
        )
        assert found.week.tolist() == [0, 1, 1, 2]

    def test_count_the_weeks_of_a_fast_calendar_in_its_own_time(self) -> None:
        week, speed = 7 * 24 * HOUR, 360
        starts = [100 * week + n * week // speed for n in range(4)]
        told = results(*((event, 1, 10, 1, 0, 0) for event in range(1, 5)))
        fast = fixtures(starts)
        found = labels.labels(
            facts=world(fixtures=replace(fast, time_scale=np.full(4, float(speed))), results=told),
            asks=asks(*((event, NONE) for event in range(1, 5))),
        )
        assert np.diff(found.week).tolist() == [1, 1, 1]

    def test_of_runners_say_who_won_was_placed_or_did_not_run(self) -> None:
        rows = {
            "event": [1] * 4, "version": [2] * 4, "known_at": [10] * 4,
            "participant": [11, 12, 13, 14], "number": [1, 2, 3, 4],
            "is_winner": [1, 0, 0, -1], "is_placed": [-1, 1, 0, -1], "is_removed": [0, 0, 0, 1],
        }  # fmt: skip
        old = {name: [values[0]] for name, values in rows.items()}
        both = {
            name: [*values, *old[name]] if name != "version" else [*values, 1]
            for name, values in rows.items()
        }
        both["is_winner"][-1] = 0
        told = results((1, 1, 5, 1, -1, -1), (1, 2, 10, 1, -1, -1))
        facts = world(
            fixtures=fixtures([MONDAY], races=True), results=told, runners=Runners.of(both)
        )
        found = labels.labels(facts=facts, asks=asks(*((1, p) for p in (11, 12, 13, 14, 15))))
        assert found.winner[:3].tolist() == [1.0, 0.0, 0.0]
        assert found.placed[:3].tolist() == [1.0, 1.0, 0.0]
        assert np.isnan(found.winner[3:]).all()

    def test_of_players_are_the_figure_that_is_asked_for(self) -> None:
        rows = {
            "event": [1, 1, 1], "version": [1, 1, 1], "known_at": [10] * 3,
            "participant": [11, 11, 12], "statistic": [0, 1, 0], "value": [31.0, 7.0, 0.0],
            "took_part": [1, 1, 0],
        }  # fmt: skip
        figures = Figures.of(rows, statistics=("points", "rebounds"))
        told = results((1, 1, 10, 1, 90, 80))
        facts = world(fixtures=fixtures([MONDAY]), results=told, figures=figures)
        who = asks((1, 11), (1, 12))
        found = labels.labels(facts=facts, asks=who, statistic="points").figure
        assert found[0] == 31.0 and np.isnan(found[1])
        assert np.isnan(labels.labels(facts=facts, asks=who, statistic="assists").figure).all()

    @given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.randoms())
    def test_do_not_depend_on_the_order_of_the_asks(self, scores, random) -> None:
        n = len(scores)
        told = results(*((e + 1, 1, 10, 1, s, 0) for e, s in enumerate(scores)))
        facts = world(fixtures=fixtures([MONDAY] * n), results=told)
        order = random.sample(range(n), n)
        found = labels.labels(facts=facts, asks=asks(*((e + 1, NONE) for e in order)))
        assert found.home.tolist() == [float(scores[e]) for e in order]


class TestAsking:
    def test_leaves_out_what_had_started_as_it_was_planned_then(self) -> None:
        early, late = MONDAY, MONDAY + 48 * HOUR  # put off, but told only after the old start
        plans = fixtures(
            [early, late, early], event=[1, 1, 2], known_at=[EVER, late - HOUR // 2, EVER]
        )
        told = results((1, 1, late + HOUR, 1, 1, 0), (2, 1, late, 1, 1, 0))
        facts = world(fixtures=plans, results=told)
        found = asking.labelled(facts=facts, grain=asking.MATCH, minutes=60)
        assert found.asks.event.tolist() == [2]

    def test_asks_for_runners_who_were_entered_at_that_moment(self) -> None:
        entries = Entries.of(
            {
                "event": [1, 1, 1], "participant": [11, 12, 13], "number": [1, 2, 3],
                "removed_at": [NEVER, MONDAY - 3 * HOUR, MONDAY - 1], "known_at": [EVER] * 3,
            }
        )  # fmt: skip
        told = results((1, 1, MONDAY + HOUR, 1, -1, -1))
        facts = world(fixtures=fixtures([MONDAY], races=True), results=told, entries=entries)
        found = asking.labelled(facts=facts, grain=asking.RUNNER, minutes=60)
        assert found.asks.participant.tolist() == [11, 13]
        assert set(found.asks.as_of.tolist()) == {MONDAY - HOUR}
        assert len(asking.labelled(facts=facts, grain=asking.MATCH, minutes=60).known_at) == 0
