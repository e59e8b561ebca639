from dataclasses import replace

import numpy as np
import pytest

from models_ml.domain import features
from models_ml.domain.facts import Facts, Results
from models_ml.domain.soccer_v1 import SOCCER_V1
from tests.models_ml import fact_worlds, folded_soccer
from tests.models_ml.fact_worlds import DAY, asks
from tests.models_ml.worlds import HOUR, a_world

FROM_RESULTS = 33  # columns that stand before the market's
AT = {name: number for number, name in enumerate(SOCCER_V1.names)}


def computed(facts: Facts, wanted) -> np.ndarray:
    return features.compute(feature_set=SOCCER_V1, facts=facts, asks=wanted)


class TestFirstColumns:
    def test_are_byte_for_byte_those_of_a_fold_match_by_match(self):
        world = a_world(seasons=2)
        wanted = asks([f.event_id for f in world.fixtures], [f.as_of for f in world.fixtures])
        folded = np.array(folded_soccer.unfold(history=world.matches, fixtures=world.fixtures))
        ours = computed(fact_worlds.of_world(world), wanted)
        assert ours[:, :FROM_RESULTS].tobytes() == folded[:, :FROM_RESULTS].tobytes()

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_are_so_with_late_corrected_and_withdrawn_results_and_moved_starts(self, seed):
        facts = fact_worlds.a_busy_world(seed=seed, sides=6, neutral=0.0)
        wanted = fact_worlds.final_asks(facts)
        folded = folded_soccer.unfold(
            history=folded_soccer.matches_of(facts),
            fixtures=folded_soccer.fixtures_of(facts, wanted),
        )
        np.testing.assert_allclose(
            computed(facts, wanted)[:, :FROM_RESULTS],
            np.array(folded)[:, :FROM_RESULTS], rtol=0, atol=1e-9,
        )  # fmt: skip

    def test_keep_their_names_and_order(self):
        assert SOCCER_V1.names[:5] == [
            "elo_home", "elo_away", "elo_difference", "elo_expectation", "home_points_5",
        ]  # fmt: skip
        assert SOCCER_V1.names[33:37] == [
            "market_home", "market_draw", "market_away", "market_overround",
        ]  # fmt: skip
        assert (len(SOCCER_V1.names), SOCCER_V1.market) == (55, (33, 34, 35))


class TestNewColumns:
    def facts(self, matches: list[tuple], quotes: list[tuple] = ()) -> Facts:
        """Return facts of (event, season, home, away, day, score or none)."""
        rows = [
            {"event": e, "competition": 1, "season": s, "season_rank": s, "home": h, "away": a,
             "starts_at": day * DAY}
            for e, s, h, a, day, _ in matches
        ]  # fmt: skip
        told = [(e, 1, day * DAY + 2 * HOUR, True, *score)
                for e, *_, day, score in matches if score]  # fmt: skip
        names = ("event", "version", "known_at", "is_final", "home_score", "away_score")
        columns = list(zip(*told, strict=True)) if told else [[]] * 6
        return replace(
            Facts.nothing(),
            fixtures=fact_worlds.fixtures_table(rows),
            results=Results.of(dict(zip(names, columns, strict=True))),
            quotes=fact_worlds.quotes_table(list(quotes)),
            books=fact_worlds.BOOKS,
        )

    def value(self, name: str, matches: list[tuple], quotes: list[tuple] = ()) -> float:
        """Return a feature of the last match, an hour before its start."""
        event, day = matches[-1][0], matches[-1][4]
        wanted = asks([event], day * DAY - HOUR)
        return computed(self.facts(matches, quotes), wanted)[0, AT[name]]

    def test_expect_more_goals_of_a_side_that_scored_many(self):
        before = [(1, 0, 10, 11, 3, (5, 0))]
        target = (9, 0, 10, 12, 9, None)
        mean = self.value("goals_home", [target])
        assert mean == pytest.approx(1.2 * np.exp(0.25))
        expected = mean * np.exp(0.03 * (5 - mean))
        assert self.value("goals_home", [*before, target]) == pytest.approx(expected)

    def test_draw_strengths_to_the_mean_in_a_new_season(self):
        before = (1, 0, 10, 11, 3, (5, 0))
        same = self.value("goals_home", [before, (9, 0, 10, 11, 9, None)])
        later = self.value("goals_home", [before, (9, 1, 10, 11, 9, None)])
        mean = 1.2 * np.exp(0.25)
        assert np.log(later / mean) == pytest.approx(0.75 * np.log(same / mean))

    def test_call_a_side_a_newcomer_only_where_others_were_before(self):
        first = [(1, 0, 10, 11, 3, (1, 0))]
        assert self.value("newcomer_away", [*first, (9, 0, 10, 77, 9, None)]) == 0.0
        assert self.value("newcomer_away", [*first, (9, 1, 10, 77, 9, None)]) == 1.0
        assert self.value("newcomer_home", [*first, (9, 1, 10, 77, 9, None)]) == 0.0

    def test_count_planned_starts_even_where_no_result_is_known(self):
        matches = [(1, 0, 10, 11, 3, None), (2, 0, 12, 10, 7, None), (9, 0, 10, 11, 9, None)]
        assert self.value("starts_14d_home", matches) == 2.0
        assert self.value("starts_14d_away", matches) == 1.0

    def test_tell_how_far_the_market_moved_and_how_long_ago(self):
        target = (9, 0, 10, 11, 9, None)
        quotes = [
            (9, 1, "MATCH_ODDS", np.nan, place, 1, 9 * DAY - hours * HOUR, millis)
            for hours, prices in ((48, (3000, 3000, 3000)), (5, (2000, 4000, 4000)))
            for place, millis in enumerate(prices)
        ]
        assert self.value("market_move_home", [target], quotes) == pytest.approx(0.5 - 1 / 3)
        assert self.value("market_age", [target], quotes) == pytest.approx(4.0)

    def test_take_the_line_that_moved_last(self):
        target = (9, 0, 10, 11, 9, None)
        quotes = [
            (9, market, "TOTAL", line, place, 1, 9 * DAY - hours * HOUR, millis)
            for market, line, hours, prices in (
                (1, 2.5, 48, (1900, 1900)), (2, 3.0, 6, (1900, 1900)), (3, 3.5, 7, (1900, 1900)),
            )
            for place, millis in enumerate(prices)
        ]  # fmt: skip
        assert self.value("total_line", [target], quotes) == 3.0
        assert self.value("total_over", [target], quotes) == pytest.approx(0.5)

    def test_flag_the_months_without_spectators(self):
        assert self.value("flag_closed_doors", [(9, 0, 10, 11, 18_500, None)]) == 1.0  # 2020-08
        assert self.value("flag_closed_doors", [(9, 0, 10, 11, 19_500, None)]) == 0.0
