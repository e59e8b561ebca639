"""What estimators of every kind say of what came."""

from dataclasses import replace

import numpy as np
import pytest

from models_ml.domain import scoring
from models_ml.domain.estimators import words
from tests.models_ml import test_estimators as kinds

#: What each estimator is asked, and how many answers that has.
ASKED = {
    "who wins": ("OUTCOME", "MONEYLINE", 2),
    "who wins, by margin": ("MARGIN", "MONEYLINE", 2),
    "who covers": ("MARGIN", "SPREAD", 2),
    "points": ("TOTAL", "TOTAL", 2),
    "1X2 by goals": ("GOALS", "MATCH_ODDS", 3),
    "handicap by goals": ("GOALS", "ASIAN_HANDICAP", 2),
    "goals": ("GOALS", "TOTAL", 2),
    "figure": ("FIGURE", "PLAYER_TOTAL", 2),
    "winner": ("WINNER", "WIN", 2),
    "placed": ("WINNER", "PLACE", 2),
}
asked = pytest.mark.parametrize("question", ASKED)


def said_of(question, **fields):
    target, kind, _ = ASKED[question]
    _, estimator, _, test = kinds.fitted(target)
    test = replace(test, **fields)
    return words.words(estimator, test, market_kind=kind), test


class TestWords:
    @asked
    def test_are_probabilities_no_worse_than_a_guess(self, question):
        said, test = said_of(question)
        k = ASKED[question][2]
        assert said.probabilities.shape == (len(said.row), k)
        assert np.allclose(said.probabilities.sum(axis=1), 1.0)
        assert set(said.outcomes) <= set(range(k))
        shares = np.bincount(said.outcomes, minlength=k) / len(said.row)
        guess = scoring.brier(np.tile(shares, (len(said.row), 1)), said.outcomes)
        assert scoring.brier(said.probabilities, said.outcomes) < 1.02 * guess
        assert (np.diff(said.row) > 0).all() and said.row[-1] < len(test)

    @asked
    def test_of_nothing_are_none(self, question):
        target, kind, _ = ASKED[question]
        _, estimator, _, test = kinds.fitted(target)
        nothing = test.part(np.zeros(len(test), dtype=bool))
        said = words.words(estimator, nothing, market_kind=kind)
        assert len(said.row) == len(said.probabilities) == len(said.outcomes) == 0

    def test_leave_ties_out_where_only_a_winner_is_foretold(self):
        said, test = said_of("who wins")
        assert (test.outcome[said.row] != 1).all()
        assert len(said.row) == (test.outcome != 1).sum()

    def test_of_races_are_of_those_with_one_winner(self):
        said, test = said_of("winner")
        won = test.winner[said.row]
        assert (said.outcomes == (won == 0)).all()
        sums = np.bincount(test.group[said.row], weights=won)
        assert set(sums[np.unique(test.group[said.row])]) == {1.0}

    def test_of_places_are_of_races_that_tell_of_every_runner(self):
        said, test = said_of("placed")
        assert (said.outcomes == (test.placed[said.row] == 0)).all()
        places = np.bincount(test.group[said.row], weights=test.placed[said.row])
        expected = np.bincount(test.group[said.row], weights=said.probabilities[:, 0])
        assert np.allclose(places, expected)

    @pytest.mark.parametrize(
        "question, line, came",
        [
            ("who covers", -3.5, lambda test: test.margin > 3.5),
            ("handicap by goals", 1.5, lambda test: test.margin > -1.5),
            ("goals", 2.5, lambda test: test.total > 2.5),
            ("figure", 12.5, lambda test: test.figure > 12.5),
        ],
        ids=["favourite", "outsider", "goals", "figure"],
    )
    def test_are_of_the_markets_line_where_it_refunds_nothing(self, question, line, came):
        _, test = said_of(question)
        said, test = said_of(question, market_line=np.full(len(test), line))
        assert (said.line == line).all()
        assert ((said.outcomes == 0) == came(test)).all()

    @pytest.mark.parametrize("question", ["who covers", "handicap by goals", "goals"])
    def test_are_else_of_the_line_next_to_what_is_expected(self, question):
        said, _ = said_of(question)
        assert (said.line % 1 == 0.5).all()
        assert abs(said.probabilities[:, 0].mean() - 0.5) < 0.15

    @pytest.mark.parametrize("kind", ["MONEYLINE", "TOTAL"])
    def test_of_a_stranger_are_refused(self, kind):
        class Stranger:
            kind = "odd"

        _, test = said_of("who wins")
        with pytest.raises(ValueError, match="odd"):
            words.words(Stranger(), test, market_kind=kind)


def of_market(said, test, kind, **fields):
    return words.of_market(said, replace(test, **fields), market_kind=kind)


class TestOfMarket:
    def test_is_what_stands_beside_each_row(self):
        said, test = said_of("1X2 by goals")
        assert np.isnan(of_market(said, test, "MATCH_ODDS")).all()
        market = np.tile([0.5, 0.3, 0.2], (len(test), 1))
        assert (of_market(said, test, "MATCH_ODDS", market=market) == [0.5, 0.3, 0.2]).all()

    def test_of_one_column_is_that_and_the_rest(self):
        said, test = said_of("winner")
        market = np.linspace(0.1, 0.9, len(test))[:, None]
        told = of_market(said, test, "WIN", market=market)
        assert (told[:, 0] == market[said.row, 0]).all() and np.allclose(told.sum(axis=1), 1.0)

    def test_of_places_adds_up_to_how_many_there_were(self):
        said, test = said_of("placed")
        _, size = np.unique(test.group, return_counts=True)
        share = np.repeat(1.0 / size, size)[:, None]
        told = of_market(said, test, "PLACE", market=share)[:, 0]
        placed = np.bincount(test.group[said.row], weights=test.placed[said.row])
        assert np.allclose(np.bincount(test.group[said.row], weights=told), placed)

    @pytest.mark.parametrize("question", ["who covers", "handicap by goals", "goals"])
    def test_of_another_line_is_not_known(self, question):
        said, test = said_of(question)
        market, line = np.full((len(test), 2), 0.5), said.line + 1.0
        kind = ASKED[question][1]
        assert np.isnan(of_market(said, test, kind, market=market, market_line=line)).all()

    def test_of_other_answers_is_not_known(self):
        said, test = said_of("who wins")
        assert np.isnan(
            of_market(said, test, "MATCH_ODDS", market=np.full((len(test), 3), 0.3))
        ).all()

    def test_of_a_line_is_known_where_it_is_the_same_line(self):
        _, estimator, _, test = kinds.fitted("TOTAL")
        line = np.where(np.arange(len(test)) % 2, 44.5, 44.0)  # on 44 a stake can be refunded
        told = replace(test, market=np.full((len(test), 2), 0.5), market_line=line)
        said = words.words(estimator, told, market_kind="TOTAL")
        known = ~np.isnan(words.of_market(said, told, market_kind="TOTAL")).any(axis=1)
        assert (known == (line == 44.5)).all() and (said.line % 1 == 0.5).all()
