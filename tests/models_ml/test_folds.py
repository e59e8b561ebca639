"""Spans that follow one another, and boards put together of them."""

import json

import numpy as np
import pytest

from models_ml.domain import boards, folds, pooling, scoring, tables
from models_ml.domain.folds import WEEK
from tests.models_ml import rooms


def pairs(first):
    first = np.array(first, dtype=float)
    return np.stack([first, 1.0 - first], axis=1)


def games(n, *, seed):
    """Return games of two answers, their first half without a market, two weeks long."""
    rng = np.random.default_rng(seed)
    market = pairs(rng.uniform(0.2, 0.8, n))
    market[: n // 2] = np.nan
    home = rng.integers(10, 30, n).astype(float)
    rows = rooms.examples(
        np.zeros((n, 1)), home=home, away=home - rng.choice([-3.0, 4.0], n), market=market
    )
    board = boards.board(market_kind="MONEYLINE", examples=rows)
    return board.saying("model", pairs(rng.uniform(0.1, 0.9, n)), first=True), rows


class TestSpans:
    def test_follow_one_another_and_skip_what_nobody_played(self):
        starts = [0, WEEK, 9 * WEEK + 1]
        found = folds.spans(starts=starts, since=0, until=10 * WEEK, weeks=4)
        assert found == [(0, 4 * WEEK), (8 * WEEK, 10 * WEEK)]

    def test_end_before_what_is_not_asked_for(self):
        assert folds.spans(starts=[5], since=6, until=10 * WEEK, weeks=4) == []
        assert folds.spans(starts=[5], since=0, until=5, weeks=4) == []

    def test_are_no_more_than_can_be_looked_at(self):
        starts = np.arange(folds.MOST + 1) * WEEK
        with pytest.raises(ValueError, match="121 spans of 1 weeks; 120 are the most"):
            folds.spans(starts=starts, since=0, until=int(starts[-1]) + 1, weeks=1)

    def test_of_a_long_history_begin_a_year_before_its_end(self):
        starts = np.arange(300) * WEEK
        assert 52 * WEEK <= starts[-1] - folds.beginning(starts) < 53 * WEEK


class TestPooled:
    def test_boards_score_as_if_they_had_been_one(self):
        made = [games(n, seed=n) for n in (30, 20)]
        kept = [pooling.kept(board=board, examples=rows) for board, rows in made]
        board, rows = pooling.pooled(parts=json.loads(json.dumps(kept)))
        for name in ("model", "market"):
            parts = [one.part(one.known(name)) for one, _ in made]
            lost = np.concatenate([part.log_losses(name) for part in parts])
            assert board.part(board.known(name)).log_losses(name).tolist() == lost.tolist()
        weeks = np.concatenate([rows.week[board.row] for board, rows in made])
        assert rows.week.tolist() == weeks.tolist()

    def test_races_of_other_sizes_are_padded(self):
        parts = []
        for size in (3, 5):
            group, winner = np.zeros(size, dtype=int), np.zeros(size)
            winner[1] = 1.0
            close = np.full((size, 1), 1.0 / size)
            rows = rooms.examples(
                np.zeros((size, 1)), group=group, winner=winner, close=close, market=close
            )
            board = boards.board(market_kind="WIN", examples=rows)
            parts.append(pooling.kept(board=board, examples=rows))
        board, _ = pooling.pooled(parts=parts)
        assert board.said["close"].shape == (2, 5)
        assert board.log_losses("close") == pytest.approx([np.log(3), np.log(5)])

    def test_whoever_was_missing_in_a_part_was_silent_there(self):
        first, rows = games(10, seed=1)
        second = first.saying("elo", first.said["model"])
        parts = [pooling.kept(board=one, examples=rows) for one in (first, second)]
        board, _ = pooling.pooled(parts=parts)
        assert board.known("elo").tolist() == [False] * 10 + [True] * 10

    def test_are_of_one_unit(self):
        board, rows = games(10, seed=1)
        part = pooling.kept(board=board, examples=rows)
        with pytest.raises(ValueError, match=r"not of \['match', 'race'\]"):
            pooling.pooled(parts=[part, {**part, "unit": "race"}])


class TestTables:
    CARD = {"n": 8, "log_loss": 0.7, "brier_sum": 0.5, "rps": 0.2, "slope": 1.0,
            "intervals": {"log_loss": [0.6, 0.8], "brier_sum": [0.4, 0.6]}}  # fmt: skip
    GAP = {"mean": -0.1, "low": -0.2, "high": 0.05, "n": 8, "clusters": 3, "dm_p": 0.3}
    FIGURES = {
        "model": CARD, "model_on_all": {**CARD, "n": 10}, "market": CARD, "close": None,
        "baselines": {"elo_logistic": CARD}, "differences": {"model-market": GAP},
        "at_close": {"model": CARD, "close": CARD, "differences": {"model-close": GAP}},
        "slices": {"season": [{"name": 3, "n": 8, "log_loss": 0.7}]},
    }  # fmt: skip

    def test_name_everybody_who_spoke(self):
        assert [name for name, _ in tables.forecasters(self.FIGURES)] == [
            "model", "market", "model, all rows", "elo logistic", "model, at the close's line",
            "close, at the close's line",
        ]  # fmt: skip

    def test_hold_scores_differences_and_parts_under_one_another(self):
        rows = tables.rows_of(self.FIGURES)
        told = {row[0]: row for row in rows if row}
        assert told["market"][:5] == ["market", 8, 0.7, 0.5, 0.2]
        assert told["market"][-6:] == [0.6, 0.8, 0.4, 0.6, None, None]
        assert told["model-market"] == ["model-market", -0.1, -0.2, 0.05, 8, 3, 0.3]
        assert told["season"][:4] == ["season", 3, 8, 0.7]

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\ta"])
    def test_make_formulas_plain(self, text):
        assert tables.csv_of([[text]]).strip('"\r\n') == f"'{text}"

    def test_score_of_three_answers_has_its_interval(self):
        assert tables.with_interval(self.CARD, "brier_sum") == "0.5000 (0.4000 to 0.6000)"
        assert tables.with_interval({**self.CARD, "intervals": {}}, "rps") == "0.2000"

    def test_of_one_week_alone_has_no_interval(self):
        alone = {**self.CARD, "intervals": {"brier_sum": [0.5, 0.5]}}
        assert tables.with_interval(alone, "brier_sum") == "0.5000"
        gap = {"mean": 0.0388, "low": 0.0388, "high": 0.0388}
        assert tables.gap_with_interval(gap) == "+0.0388"

    def test_put_market_and_close_before_plain_methods(self):
        gap = {"mean": 0.1}
        told = dict.fromkeys(("model-close", "model-dixon_coles", "model-market"), gap)
        found = [name for name, _ in tables.differences({"differences": told})]
        assert found == ["model-market", "model-close", "model-dixon coles"]


def test_points_of_a_pooled_board_are_those_of_its_rows():
    board, rows = games(40, seed=3)
    again, _ = pooling.pooled(parts=[pooling.kept(board=board, examples=rows)])
    assert again.points("model") == scoring.points(board.said["model"], board.outcome)
