"""What estimators of every kind say of what came."""

from dataclasses import replace

import numpy as np
import pytest

from models_ml.domain import scoring
from models_ml.domain.estimators import words
from tests.models_ml import test_estimators as kinds

CLASSES = {"OUTCOME": 2, "MARGIN": 2, "TOTAL": 2, "GOALS": 3, "FIGURE": 2, "WINNER": 2}


def said_of(target):
    _, estimator, _, test = kinds.fitted(target)
    return words.words(estimator, test), test


class TestWords:
    @pytest.mark.parametrize("target", CLASSES)
    def test_are_probabilities_better_than_a_guess(self, target):
        said, test = said_of(target)
        assert said.probabilities.shape == (len(said.row), CLASSES[target])
        assert np.allclose(said.probabilities.sum(axis=1), 1.0)
        assert set(said.outcomes) <= set(range(CLASSES[target]))
        shares = np.bincount(said.outcomes, minlength=CLASSES[target]) / len(said.row)
        guess = scoring.brier(np.tile(shares, (len(said.row), 1)), said.outcomes)
        assert scoring.brier(said.probabilities, said.outcomes) < 1.01 * guess
        assert (np.diff(said.row) > 0).all() and said.row[-1] < len(test)

    @pytest.mark.parametrize("target", CLASSES)
    def test_of_nothing_are_none(self, target):
        _, estimator, _, test = kinds.fitted(target)
        said = words.words(estimator, test.part(np.zeros(len(test), dtype=bool)))
        assert len(said.row) == len(said.probabilities) == len(said.outcomes) == 0

    def test_leave_ties_out_where_only_a_winner_is_foretold(self):
        said, test = said_of("OUTCOME")
        assert (test.outcome[said.row] != 1).all()
        assert len(said.row) == (test.outcome != 1).sum()

    def test_of_races_are_of_those_with_one_winner(self):
        said, test = said_of("WINNER")
        won = test.winner[said.row]
        assert (said.outcomes == (won == 0)).all()
        sums = np.bincount(test.group[said.row], weights=won)
        assert set(sums[np.unique(test.group[said.row])]) == {1.0}

    def test_of_a_stranger_are_refused(self):
        class Stranger:
            kind = "odd"

        _, test = said_of("OUTCOME")
        with pytest.raises(ValueError, match="odd"):
            words.words(Stranger(), test)


def of_market(said, test, kind, **fields):
    return words.of_market(said, replace(test, **fields), market_kind=kind)


class TestOfMarket:
    def test_is_what_stands_beside_each_row(self):
        said, test = said_of("GOALS")
        assert np.isnan(of_market(said, test, "MATCH_ODDS")).all()
        market = np.tile([0.5, 0.3, 0.2], (len(test), 1))
        assert (of_market(said, test, "MATCH_ODDS", market=market) == [0.5, 0.3, 0.2]).all()

    def test_of_one_column_is_that_and_the_rest(self):
        said, test = said_of("WINNER")
        market = np.linspace(0.1, 0.9, len(test))[:, None]
        told = of_market(said, test, "WIN", market=market)
        assert (told[:, 0] == market[said.row, 0]).all() and np.allclose(told.sum(axis=1), 1.0)

    @pytest.mark.parametrize(
        "target, kind, columns",
        [("GOALS", "ASIAN_HANDICAP", 2), ("MARGIN", "SPREAD", 2), ("WINNER", "PLACE", 1)],
    )
    def test_of_another_question_is_not_known(self, target, kind, columns):
        said, test = said_of(target)
        market, line = np.full((len(test), columns), 0.5), np.full(len(test), -3.5)
        told = of_market(said, test, kind, market=market, market_line=line)
        assert np.isnan(told).all()

    def test_of_a_line_is_known_where_it_is_the_same_line(self):
        _, estimator, _, test = kinds.fitted("TOTAL")
        line = np.where(np.arange(len(test)) % 2, 44.5, 44.0)  # on 44 a stake can be refunded
        told = replace(test, market=np.full((len(test), 2), 0.5), market_line=line)
        said = words.words(estimator, told)
        known = ~np.isnan(words.of_market(said, told, market_kind="TOTAL")).any(axis=1)
        assert (known == (line == 44.5)).all() and (said.line % 1 == 0.5).all()
