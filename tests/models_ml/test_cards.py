"""Everybody's scores over a database: lines at the close's own line, races whole, places."""

from datetime import UTC, datetime
from decimal import Decimal
from math import log

import numpy as np
import pytest

from markets.models import Book, ClosingPrice, Market, Selection
from models_ml.domain import feature_sets
from models_ml.services import cards, examples, learning
from tests.models_ml import builders
from tests.models_ml.asked_worlds import Asked
from tests.models_ml.worlds import a_world

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


class TestLines:
    @pytest.fixture
    def league(self):
        """Return a league whose totals closed at 2.5, over and under at 3 to 2, by one book."""
        league = builders.a_league(a_world(seasons=4))
        book = Book.objects.get(code="pinnacle")
        markets = Market.objects.bulk_create(
            Market(event=event, kind="TOTAL", line=Decimal("2.5")) for event in league.events
        )
        answers = Selection.objects.bulk_create(
            Selection(market=market, role=role, name=role)
            for market in markets
            for role in ("OVER", "UNDER")
        )
        ClosingPrice.objects.bulk_create(
            ClosingPrice(
                selection=one, book=book, price=Decimal("2"), opening_price=Decimal("2"),
                opened_at=start, seen_at=start, confirmed_at=start, starts_at=start,
                fair_probability=0.6 if one.role == "OVER" else 0.4, method="power",
                exactness="EXACT", overround=0.0, recorded_at=start,
            )
            for one in answers
            for start in [one.market.event.starts_at]
        )  # fmt: skip
        return league

    def test_are_held_beside_the_close_at_its_own_line(self, league):
        pipeline = builders.a_pipeline("soccer-total", now=league.ends_at)
        figures, test = scored(pipeline, league.ends_at)
        late = figures["at_close"]
        over = test.total > 2.5
        expected = -np.log(np.where(over, 0.6, 0.4)).mean()
        assert figures["unit"] == "line" and late["n"] == len(test)
        assert late["close"]["log_loss"] == pytest.approx(expected)
        assert late["model"]["n"] == late["baselines"]["normal"]["n"] == len(test)
        low, high = late["close"]["intervals"]["log_loss"]
        assert low < expected < high
        assert figures["market"] is None and figures["exact"]["n"] == len(test)


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
