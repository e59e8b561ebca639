"""Everybody's scores over a database: races whole, places runner by runner."""

from datetime import UTC, datetime
from math import log

import numpy as np
import pytest

from models_ml.domain import feature_sets
from models_ml.services import cards, examples, learning
from tests.models_ml import builders
from tests.models_ml.asked_worlds import Asked

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)


def scored(pipeline, until):
    """Train on all that is known and score the test part, as a training does."""
    rows, feature_set = (
        examples.examples(pipeline=pipeline, until=until),
        feature_sets.named(pipeline.feature_set),
    )
    learned = learning.learn(
        target=pipeline.target, examples=rows, feature_set=feature_set,
        parameters=builders.QUICK, seed=0,
    )  # fmt: skip
    test = learned.test
    figures = cards.figures(
        market_kind=pipeline.market_kind, estimator=learned.estimator, examples=test,
        past=rows.part(rows.label_known_at <= test.as_of.min()), feature_set=feature_set,
    )  # fmt: skip
    return figures, test


class TestRaces:
    RACES, RUNNERS = 60, 5

    @pytest.fixture
    def asked(self, monkeypatch):
        """Return sixty races of the same five, of which the first is the likeliest to win."""
        monkeypatch.setitem(learning.MINIMUM, "WINNER", 40)
        asked, rng = Asked("racing-win", now=NOW), np.random.default_rng(5)
        chances = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
        for number in range(self.RACES):
            event = asked.race(days_ago=self.RACES - number + 1)
            selections = asked.market(event, "WIN", *asked.sides)
            order = rng.choice(self.RUNNERS, self.RUNNERS, replace=False, p=chances)
            how = {
                asked.sides[runner]: "WON" if place == 0 else "PLACED" if place == 1 else "LOST"
                for place, runner in enumerate(order)
            }
            asked.ends(event, runners=how)
            fair = dict(zip(asked.sides, chances.tolist(), strict=True))
            asked.close(selections, fair, "betfair_sp")
        return asked

    def test_are_scored_whole_and_places_runner_by_runner(self, asked):
        figures, test = scored(asked.pipeline, NOW)
        races = len(test) // self.RUNNERS
        assert (figures["unit"], figures["n_all"]) == ("race", races)
        assert figures["baselines"]["uniform"]["log_loss"] == pytest.approx(log(self.RUNNERS))
        won = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
        order = np.argsort([side.pk for side in asked.sides])
        told = won[order][np.flatnonzero(test.winner) % self.RUNNERS]
        assert figures["close"]["n"] == races
        assert figures["close"]["log_loss"] == pytest.approx(-np.log(told).mean())
        assert "rated" not in {n for n, card in figures["baselines"].items() if card}

        asked.pipeline.market_kind = "PLACE"
        figures, test = scored(asked.pipeline, NOW)
        assert (figures["unit"], figures["n_all"]) == ("runner", len(test))
        share = 2 / self.RUNNERS  # two of five are placed
        expected = -(share * log(share) + (1 - share) * log(1 - share))
        assert figures["baselines"]["uniform"]["log_loss"] == pytest.approx(expected)
        assert 0 < figures["model_on_all"]["log_loss"] < 1
