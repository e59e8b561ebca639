import numpy as np
import pytest

from markets.models import Event
from models_ml.domain.examples import Examples
from models_ml.models import Evaluation
from models_ml.services import baselining, evaluating
from tests.models_ml import builders
from tests.models_ml.worlds import a_world


def of_matches(matches):
    """Return the examples that Dixon and Coles need to know of matches."""
    n = len(matches)
    columns = {
        name: np.array([getattr(match, told) for match in matches])
        for name, told in (
            ("event", "event_id"), ("competition", "competition_id"), ("season", "season_id"),
            ("starts", "starts_at"), ("label_known_at", "known_at"), ("home_side", "home_id"),
            ("away_side", "away_id"), ("home", "home_score"), ("away", "away_score"),
        )
    }  # fmt: skip
    none = np.full(n, np.nan)
    return Examples(
        participant=np.full(n, -1), group=columns["event"], week=columns["starts"] // 10**12,
        as_of=columns["starts"], values=none.reshape(n, 1), figure=none, winner=none, placed=none,
        market=none.reshape(n, 1), close=none.reshape(n, 1), **columns,
    )  # fmt: skip


class TestPlainMethods:
    ROWS = of_matches(a_world(seasons=3).matches)
    NOBODY = ROWS.part(np.zeros(len(ROWS), dtype=bool))

    def test_foretell_by_goals_once_a_hundred_matches_are_known(self):
        found = baselining.dixon_coles(rows=self.ROWS, past=self.NOBODY)
        assert np.isnan(found[:100]).all()
        assert found[-50:].sum(axis=1) == pytest.approx(1.0)

    def test_never_see_what_became_known_after_its_four_weeks_began(self):
        last = self.ROWS.part(np.array([len(self.ROWS) - 1]))
        begins = last.starts[0] // baselining.STEP * baselining.STEP
        before = self.ROWS.part(self.ROWS.label_known_at <= begins)
        whole = baselining.dixon_coles(rows=last, past=self.ROWS)
        assert (whole == baselining.dixon_coles(rows=last, past=before)).all()

    def test_say_nothing_by_elo_of_too_few_matches(self):
        found = baselining.elo_logistic(
            past=np.full(99, 0.5), outcomes=np.zeros(99, int), expectations=np.array([0.5])
        )
        assert np.isnan(found).all()


@pytest.mark.django_db
class TestEvaluate:
    @pytest.fixture
    def evaluated(self):
        league = builders.a_league(a_world(seasons=3))
        pipeline = builders.a_pipeline(now=league.ends_at)
        until = league.events[330].starts_at
        version = builders.a_version(pipeline, until=until, now=league.ends_at)
        window = {"since": until, "until": league.ends_at, "now": league.ends_at}
        return version, window, evaluating.evaluate(version=version, **window)

    def test_holds_the_model_beside_market_and_plain_methods(self, evaluated):
        _, window, scores = evaluated
        n = Event.objects.filter(starts_at__gte=window["since"]).count()
        assert (scores["unit"], scores["n"], scores["n_all"]) == ("match", n, n)
        assert scores["close"] is None and scores["differences"]["model-close"] is None
        assert scores["baselines"]["elo_logistic"]["n"] == n
        assert scores["baselines"]["dixon_coles"]["n"] == n
        told = scores["differences"]["model-market"]
        assert told["low"] < told["mean"] < told["high"]
        assert sum(part["n"] for part in scores["slices"]["season"]) == n

    def test_is_kept_with_its_window(self, evaluated):
        version, window, scores = evaluated
        evaluating.keep(version=version, kind="EVALUATE", figures=scores, actor="test", **window)
        kept = Evaluation.objects.get()
        assert (kept.pipeline, kept.n) == (version.pipeline, scores["n"])
        assert kept.figures["model"]["log_loss"] == scores["model"]["log_loss"]
