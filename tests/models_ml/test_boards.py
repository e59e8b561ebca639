"""Forecasters on the same rows: what is asked of them, and what they are scored by."""

import numpy as np
import pytest

from models_ml.domain import boards
from tests.models_ml import rooms


def games(home, away, **columns):
    home, away = np.array(home, dtype=float), np.array(away, dtype=float)
    return rooms.examples(np.zeros((len(home), 1)), home=home, away=away, **columns)


def pairs(first):
    first = np.array(first, dtype=float)
    return np.stack([first, 1.0 - first], axis=1)


class TestMatches:
    def test_of_three_answers_are_all_there(self):
        board = boards.board(market_kind="MATCH_ODDS", examples=games([2, 1, 0], [1, 1, 3]))
        assert board.outcome.tolist() == [0, 1, 2]

    def test_of_two_answers_leave_ties_out(self):
        rows = games([20, 17, 10], [10, 17, 13], market=pairs([0.6, 0.5, 0.5]))
        board = boards.board(market_kind="MONEYLINE", examples=rows)
        assert (board.row.tolist(), board.outcome.tolist()) == ([0, 2], [0, 1])
        assert board.said["market"].tolist() == [[0.6, 0.4], [0.5, 0.5]]


class TestLines:
    @pytest.mark.parametrize(
        ("kind", "home", "away", "line", "outcome", "weight"),
        [
            ("SPREAD", 24, 20, -3.5, 0, 1.0),
            ("SPREAD", 24, 20, -4.5, 1, 1.0),
            ("SPREAD", 20, 24, 4.5, 0, 1.0),
            ("TOTAL", 24, 20, 43.5, 0, 1.0),
            ("TOTAL", 24, 20, 44.5, 1, 1.0),
            ("ASIAN_HANDICAP", 1, 1, -0.25, 1, 0.5),  # half of the stake comes back
            ("ASIAN_HANDICAP", 1, 1, 0.25, 0, 0.5),
            ("ASIAN_HANDICAP", 2, 1, -0.25, 0, 1.0),
            ("TOTAL", 2, 1, 2.75, 0, 0.5),
        ],
    )
    def test_are_decided_by(self, kind, home, away, line, outcome, weight):
        rows = games([home], [away], market_line=np.array([line]), market=pairs([0.5]))
        board = boards.board(market_kind=kind, examples=rows)
        assert (board.outcome.tolist(), board.weight.tolist()) == ([outcome], [weight])

    def test_leave_out_refunds_and_rows_without_a_line(self):
        line = np.array([-4.0, np.nan, 1.5])
        rows = games([24, 1, 1], [20, 0, 2], market_line=line, market=pairs([0.5, 0.5, 0.4]))
        assert boards.board(market_kind="SPREAD", examples=rows).row.tolist() == [2]

    def test_are_another_board_at_the_close(self):
        rows = games(
            [24], [20], market_line=np.array([-3.5]), close_line=np.array([-4.5]),
            market=pairs([0.55]), close=pairs([0.48]),
        )  # fmt: skip
        early = boards.board(market_kind="SPREAD", examples=rows)
        late = boards.board(market_kind="SPREAD", examples=rows, at_close=True)
        assert (early.outcome[0], late.outcome[0]) == (0, 1)
        assert (list(early.said), list(late.said)) == (["market"], ["close"])

    def test_weigh_losses_by_the_stake_that_was_decided(self):
        rows = games([1, 2], [1, 1], market_line=np.array([-0.25, -0.5]), market=pairs([0.25, 0.5]))
        board = boards.board(market_kind="ASIAN_HANDICAP", examples=rows)
        expected = (0.5 * -np.log(0.75) + 1.0 * -np.log(0.5)) / 1.5
        assert board.log_losses("market").mean() == pytest.approx(expected)
        assert board.card("market")["log_loss"] == pytest.approx(expected)


class TestRaces:
    GROUP = np.array([1, 1, 1, 2, 2, 3, 3])
    WINNER = np.array([0, 1, 0, 1, 0, 1, 1], dtype=float)  # the third is a dead heat
    CLOSE = np.array([0.2, 0.5, 0.3, 0.9, 0.9, 0.5, 0.5])

    @pytest.fixture
    def rows(self):
        return rooms.examples(
            np.zeros((7, 1)), group=self.GROUP, winner=self.WINNER,
            market=np.full((7, 1), np.nan), close=self.CLOSE.reshape(-1, 1),
        )  # fmt: skip

    def test_need_one_winner(self, rows):
        board = boards.board(market_kind="WIN", examples=rows)
        assert (board.row.tolist(), board.outcome.tolist()) == ([0, 3], [1, 0])

    def test_are_padded_behind_their_runners_and_sum_to_one(self, rows):
        board = boards.board(market_kind="WIN", examples=rows)
        assert board.said["close"].tolist() == [[0.2, 0.5, 0.3], [0.5, 0.5, 0.0]]
        assert board.log_losses("close") == pytest.approx([-np.log(0.5)] * 2)
        assert not board.known("market").any()

    def test_count_a_runner_as_a_statement_and_padding_as_none(self, rows):
        board = boards.board(market_kind="WIN", examples=rows)
        assert sum(point.n for point in board.points("close")) == 5

    def test_leave_a_forecaster_out_that_missed_a_runner(self, rows):
        board = boards.board(market_kind="WIN", examples=rows)
        chances = np.array([0.2, np.nan, 0.3, 0.6, 0.4, 0.5, 0.5])
        told = boards.in_races(board=board, examples=rows, chances=chances)
        assert np.isnan(told[0]).all() and told[1].tolist() == [0.6, 0.4, 0.0]


class TestPlaces:
    GROUP = np.array([1, 1, 1, 2, 2, 3, 3, 3])
    PLACED = np.array([1, 1, 0, 1, 1, 0, 0, 0], dtype=float)  # all of the second, none of the third

    @pytest.fixture
    def rows(self):
        market = np.array([0.5, 0.3, 0.2, 0.5, 0.5, 0.4, 0.3, 0.3]).reshape(-1, 1)
        return rooms.examples(
            np.zeros((8, 1)), group=self.GROUP, placed=self.PLACED, winner=self.PLACED,
            market=market, close=1.6 * market,
        )  # fmt: skip

    def test_are_asked_runner_by_runner_where_some_were_placed(self, rows):
        board = boards.board(market_kind="PLACE", examples=rows)
        assert (board.unit, board.row.tolist()) == ("runner", [0, 1, 2])
        assert board.outcome.tolist() == [0, 0, 1]

    def test_are_not_asked_of_a_race_that_tells_of_some_alone(self):
        rows = rooms.examples(
            np.zeros((6, 1)), group=np.array([1, 1, 1, 2, 2, 2]),
            placed=np.array([1, 0, np.nan, 1, 0, 0]), winner=np.array([1, 0, 0, 1, 0, 0.0]),
            market=np.full((6, 1), 1 / 3), close=np.full((6, 1), 1 / 3),
        )  # fmt: skip
        assert boards.board(market_kind="PLACE", examples=rows).row.tolist() == [3, 4, 5]

    def test_share_the_places_of_their_race(self, rows):
        board = boards.board(market_kind="PLACE", examples=rows)
        assert board.said["market"][:, 0].tolist() == pytest.approx([1.0, 0.6, 0.4], abs=1e-5)
        assert board.said["close"][:, 0].tolist() == pytest.approx([0.8, 0.48, 0.32])
        assert np.isfinite(board.log_losses("market")).all()


class TestMarketAtStage:
    def test_is_read_from_the_columns_of_the_kind(self):
        names = ["market_home", "market_away", "spread_line", "spread_home"]
        values = np.array([[0.6, 0.4, -3.5, 0.52], [np.nan, np.nan, -1.5, np.nan]])
        group = np.arange(2)
        sides, _ = boards.market_at_stage(
            market_kind="MONEYLINE", values=values, names=names, group=group
        )
        told, line = boards.market_at_stage(
            market_kind="SPREAD", values=values, names=names, group=group
        )
        assert sides[0].tolist() == [0.6, 0.4] and np.isnan(sides[1]).all()
        assert told[0].tolist() == [0.52, 0.48] and line[0] == -3.5 and np.isnan(line[1])

    def test_is_unknown_where_the_set_does_not_look_at_it(self):
        told, line = boards.market_at_stage(
            market_kind="TOTAL", values=np.zeros((2, 1)), names=["elo"], group=np.arange(2)
        )
        assert np.isnan(told).all() and np.isnan(line).all()
