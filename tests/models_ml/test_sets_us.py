from dataclasses import replace

import numpy as np
import pytest

from models_ml.domain import elo, features
from models_ml.domain.facts import NONE, Facts, Notices, Results
from models_ml.domain.known import NOTICES
from models_ml.domain.nba_v1 import NBA_V1
from models_ml.domain.nfl_v1 import NFL_V1
from tests.models_ml import fact_worlds
from tests.models_ml.fact_worlds import DAY, asks
from tests.models_ml.worlds import HOUR

TEAMS = {10: "Denver Broncos", 11: "Miami Dolphins", 12: "Kansas City Chiefs"}
HOOPS = {10: "Denver Nuggets", 11: "Miami Heat", 12: "Utah Jazz"}
FIRST = 19_000  # 2022-01-08


def facts(games: list[tuple], *, names=TEAMS, quotes=(), **tables) -> Facts:
    """Return facts of (event, home, away, day, score or none[, more of the fixture])."""
    rows = [
        {"event": e, "competition": 1, "season": 1, "home": h, "away": a,
         "starts_at": (FIRST + day) * DAY + 18 * HOUR, **(more[0] if more else {})}
        for e, h, a, day, _, *more in games
    ]  # fmt: skip
    told = [
        (e, 1, (FIRST + day) * DAY + 22 * HOUR, 1, *score)
        for e, _, _, day, score, *_ in games
        if score
    ]
    columns = list(zip(*told, strict=True)) if told else [[]] * 6
    heads = ("event", "version", "known_at", "is_final", "home_score", "away_score")
    return replace(
        Facts.nothing(),
        fixtures=fact_worlds.fixtures_table(rows),
        results=Results.of(dict(zip(heads, columns, strict=True))),
        quotes=fact_worlds.quotes_table(list(quotes)),
        books=fact_worlds.BOOKS,
        names=names,
        **tables,
    )


def value(feature_set, name: str, known: Facts) -> float:
    """Return a feature of the event of highest id, an hour before its start."""
    event = int(known.fixtures.event.max())
    start = int(known.fixtures.starts_at[known.fixtures.event == event][-1])
    found = features.compute(feature_set=feature_set, facts=known, asks=asks([event], start - HOUR))
    return found[0, feature_set.names.index(name)]


class TestShape:
    @pytest.mark.parametrize(
        "feature_set, columns", [(NFL_V1, 59), (NBA_V1, 61)], ids=lambda v: str(v)[:9]
    )
    def test_has_distinct_columns_and_their_starts(self, feature_set, columns):
        assert len(feature_set.names) == len(set(feature_set.names)) == columns
        assert [feature_set.names[i] for i in feature_set.market] == ["market_home", "market_away"]
        assert feature_set.names[feature_set.expectation] == "elo_expectation"


class TestRatings:
    def test_weigh_a_win_by_the_logarithm_of_its_margin(self):
        known = facts([(1, 10, 11, 0, (27, 20)), (9, 10, 12, 7, None)])
        lead = 48.0
        expected = elo.expectation(1500, 1500, lead)
        gain = 20 * elo.weight_of_points(7, lead) * (1 - expected)
        assert value(NFL_V1, "elo_home", known) == pytest.approx(1500 + gain)

    def test_give_nobody_an_advantage_on_neutral_ground(self):
        game = (9, 10, 12, 7, None, {"is_neutral": 1})
        assert value(NFL_V1, "elo_expectation", facts([game])) == 0.5
        assert value(NFL_V1, "expected_margin", facts([game])) == 0.0

    def test_expect_more_of_a_side_that_scored_more(self):
        before = value(NFL_V1, "expected_margin", facts([(9, 10, 12, 7, None)]))
        after = value(
            NFL_V1, "expected_margin", facts([(1, 10, 11, 0, (40, 10)), (9, 10, 12, 7, None)])
        )
        assert before == pytest.approx(2.0)
        surprise = 0.06 * (40 - 23) - 0.06 * (10 - 21)
        assert after == pytest.approx(before + surprise)


class TestRest:
    @pytest.mark.parametrize(
        "day, rest, short, bye", [(4, 4.0, 1.0, 0.0), (7, 7.0, 0.0, 0.0), (14, 14.0, 0.0, 1.0)]
    )
    def test_counts_days_by_the_calendar(self, day, rest, short, bye):
        known = facts([(1, 10, 11, 0, None), (9, 10, 12, day, None)])
        found = [value(NFL_V1, n, known) for n in ("rest_home", "short_week_home", "bye_home")]
        assert found == [rest, short, bye]

    def test_is_unknown_before_the_first_game(self):
        known = facts([(9, 10, 12, 7, None)])
        assert np.isnan([value(NFL_V1, n, known) for n in ("rest_home", "bye_home")]).all()

    def test_sees_games_on_two_days_in_a_row_and_three_in_four(self):
        games = [(1, 10, 11, 0, None), (2, 12, 10, 2, None), (9, 10, 12, 3, None)]
        known = facts(games, names=HOOPS)
        found = [
            value(NBA_V1, name, known)
            for name in ("back_to_back_home", "third_in_four_home", "games_7d_home",
                         "third_in_four_away")
        ]  # fmt: skip
        assert found == [1.0, 1.0, 2.0, 0.0]


class TestPlaces:
    def test_tell_how_far_the_guest_came(self):
        known = facts([(9, 10, 11, 7, None)])
        assert value(NFL_V1, "travel_km_away", known) == pytest.approx(2750, abs=30)
        assert value(NFL_V1, "zones_east_away", known) == -2.0
        assert value(NFL_V1, "is_division", known) == 0.0
        assert value(NFL_V1, "is_division", facts([(9, 10, 12, 7, None)])) == 1.0

    def test_are_unknown_on_neutral_ground_and_for_teams_nobody_knows(self):
        neutral = facts([(9, 10, 11, 7, None, {"is_neutral": 1})])
        strangers = facts([(9, 10, 11, 7, None)], names={})
        for known in (neutral, strangers):
            assert np.isnan(value(NFL_V1, "travel_km_away", known))

    def test_tell_how_far_the_guest_climbed(self):
        known = facts([(9, 10, 11, 7, None)], names=HOOPS)
        assert value(NBA_V1, "altitude_away", known) == 1609.0

    def test_find_a_team_at_its_old_home_before_it_moved(self):
        names = {10: "Los Angeles Rams", 11: "Kansas City Chiefs"}
        early = facts([(9, 10, 11, 7, None)], names=names)
        days = early.fixtures.local_day.copy()
        days[:] = 15_000
        early = replace(early, fixtures=replace(early.fixtures, local_day=days))
        assert value(NFL_V1, "travel_km_away", early) < 500
        now = facts([(9, 10, 11, 7, None)], names=names)
        assert value(NFL_V1, "travel_km_away", now) > 2000


class TestStreaks:
    def test_count_wins_upward_and_losses_downward(self):
        games = [(n, 10, 11, 2 * n, (90 + n, 90)) for n in (1, 2, 3)]
        known = facts([*games, (9, 10, 11, 9, None)], names=HOOPS)
        assert value(NBA_V1, "streak_home", known) == 3.0
        assert value(NBA_V1, "streak_away", known) == -3.0


class TestRules:
    def test_hold_from_their_day_on(self):
        old = facts([(9, 10, 11, -3000, None)])  # 2013
        new = facts([(9, 10, 11, 1000, None)])  # 2024-10
        codes = ("flag_kickoff_2024", "flag_extra_point_2015", "flag_season_17")
        assert [value(NFL_V1, code, old) for code in codes] == [0.0, 0.0, 0.0]
        assert [value(NFL_V1, code, new) for code in codes] == [1.0, 1.0, 1.0]


class TestNews:
    def notices(self, *rows: tuple) -> Notices:
        columns = list(zip(*rows, strict=True))
        return Notices.of(
            {
                "event": [NONE] * len(rows), "participant": columns[0],
                "kind": [NOTICES.index("INJURY")] * len(rows), "status": columns[1],
                "thread": columns[2], "version": columns[3], "known_at": columns[4],
                "value": [np.nan] * len(rows),
            },
            statuses=("Out", "Questionable"),
        )  # fmt: skip

    def test_count_who_is_out_until_told_otherwise(self):
        day = (FIRST + 7) * DAY
        known = facts(
            [(9, 10, 11, 7, None)],
            notices=self.notices(
                (10, 0, 1, 1, day - DAY), (10, 0, 2, 1, day - DAY), (10, 1, 2, 2, day - HOUR),
                (10, 0, 3, 1, day + 20 * HOUR), (10, 0, 4, 1, day - 30 * DAY),
            ),
        )  # fmt: skip
        assert value(NFL_V1, "injuries_out_home", known) == 1.0
        assert value(NFL_V1, "injuries_out_away", known) == 0.0

    def test_say_nothing_where_nobody_tells_of_injuries(self):
        assert np.isnan(value(NFL_V1, "injuries_out_home", facts([(9, 10, 11, 7, None)])))


class TestMarket:
    def quotes(self, book: int) -> list[tuple]:
        seen = (FIRST + 7) * DAY
        return [
            (9, 1, "MONEYLINE", np.nan, place, book, seen, millis)
            for place, millis in enumerate((1500, 3000))
        ]

    def test_goes_by_a_book_that_repeats_others_only_where_there_is_none_else(self):
        game = [(9, 10, 11, 7, None)]
        assert value(NFL_V1, "market_home", facts(game, quotes=self.quotes(4))) == (
            pytest.approx(2 / 3)
        )
        assert np.isnan(value(NBA_V1, "market_home", facts(game, quotes=self.quotes(4))))
        other = [(*row[:5], 1, row[6], 2000) for row in self.quotes(4)]
        both = facts(game, quotes=[*self.quotes(4), *other])
        assert value(NFL_V1, "market_home", both) == pytest.approx(0.5)

    def test_needs_every_answer_of_a_book(self):
        half = facts([(9, 10, 11, 7, None)], quotes=self.quotes(1)[:1])
        assert np.isnan(value(NFL_V1, "market_home", half))

    def test_forgets_a_price_that_stood_for_longer_than_anyone_offers_it(self):
        old = [(*row[:6], (FIRST - 400) * DAY, row[7]) for row in self.quotes(1)]
        assert np.isnan(value(NFL_V1, "market_home", facts([(9, 10, 11, 7, None)], quotes=old)))
