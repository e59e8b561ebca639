"""Everybody's scores over a database: lines, races whole, places runner by runner."""

from datetime import UTC, datetime, timedelta
from math import log

import numpy as np
import pytest

from models_ml.domain import feature_sets
from models_ml.services import cards, evaluating, examples, learning, training
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


class TestLines:
    GAMES, LEARNED = 90, 60
    LINE, CLOSE = -3.5, -3.0  # at the stage, and at the close: three points come back there
    SAID, CLOSED = 0.55, 0.52  # of the home side

    @pytest.fixture
    def played(self, monkeypatch):
        """Return games on a line, and the margins that they ended by."""
        monkeypatch.setattr(learning, "MINIMUM_OF_MATCHES", 50)
        asked, rng = Asked("nfl-spread", now=NOW), np.random.default_rng(3)
        margins = np.rint(rng.normal(4.0, 8.0, self.GAMES)).astype(int)
        margins[self.LEARNED + 2] = 3  # neither side's at the close
        for number, margin in enumerate(margins.tolist()):
            home, away = rng.choice(asked.sides, 2, replace=False)
            event = asked.event(days_ago=self.GAMES - number + 1, home=home, away=away)
            early = asked.market(event, "SPREAD", "HOME", "AWAY", line=self.LINE)
            if number != self.GAMES - 1:  # nobody quoted the last one by then
                asked.quote(early, {"HOME": self.SAID, "AWAY": 1 - self.SAID}, "pinnacle")
            late = asked.market(event, "SPREAD", "HOME", "AWAY", line=self.CLOSE)
            asked.close(late, {"HOME": self.CLOSED, "AWAY": 1 - self.CLOSED}, "pinnacle")
            asked.ends(event, home=30 + margin, away=30)
        return asked, margins[self.LEARNED :]

    @pytest.fixture
    def figures(self, played):
        """Return the evaluation of a version on the games after those that it learned from."""
        asked, tested = played
        until = NOW - timedelta(days=len(tested) + 1.5)
        version = training.train(pipeline=asked.pipeline, until=until, actor="test", now=NOW)
        row = evaluating.evaluate_and_keep(version=version, actor="test", now=NOW)
        assert (version.n_rows, row.n) == (self.LEARNED, row.figures["n_all"])
        return row.figures

    def lost(self, covered, said):
        return -np.log(np.where(covered, said, 1 - said)).mean()

    def test_are_scored_at_the_line_of_the_stage_and_held_against_the_close_at_its_own(
        self, played, figures
    ):
        margins = played[1][:-1]
        assert (figures["unit"], figures["n"]) == ("line", len(margins))
        expected = self.lost(margins > -self.LINE, self.SAID)
        assert figures["market"]["log_loss"] == pytest.approx(expected, abs=1e-3)
        told = figures["differences"]["model-market"]
        assert told["n"] == len(margins) and told["low"] <= told["mean"] <= told["high"]
        assert told["mean"] == pytest.approx(
            figures["model"]["log_loss"] - figures["market"]["log_loss"]
        )

        decided = played[1][played[1] != -self.CLOSE]
        assert len(decided) < len(played[1])
        late = figures["at_close"]
        assert late["n"] == late["close"]["n"] == late["model"]["n"] == len(decided)
        expected = self.lost(decided > -self.CLOSE, self.CLOSED)
        assert late["close"]["log_loss"] == pytest.approx(expected, abs=1e-3)

        assert figures["exact"]["n"] == len(played[1])
        assert 2.0 < figures["exact"]["log_loss"] < 6.0  # one of some forty margins
