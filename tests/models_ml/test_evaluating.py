import numpy as np
import pytest

from markets.models import Event
from models_ml.models import Evaluation
from models_ml.services import baselining, comparing, evaluating
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

DAY = 86_400 * 1_000_000


class TestBaselining:
    WORLD = a_world(seasons=3)
    IDS = [match.event_id for match in WORLD.matches]

    def test_foretells_by_goals_once_a_hundred_matches_are_known(self):
        found = baselining.dixon_coles(history=self.WORLD.matches, event_ids=self.IDS)
        assert np.isnan(found[:100]).all()
        assert found[-50:].sum(axis=1) == pytest.approx(1.0)

    def test_never_sees_what_became_known_after_its_four_weeks_began(self):
        last = self.WORLD.matches[-1]
        begins = last.starts_at // baselining.STEP * baselining.STEP
        before = [m for m in self.WORLD.matches if m.known_at <= begins]
        whole = baselining.dixon_coles(history=self.WORLD.matches, event_ids=[last.event_id])
        cut = baselining.dixon_coles(history=[*before, last], event_ids=[last.event_id])
        assert (whole == cut).all()

    def test_says_nothing_by_elo_of_too_few_matches(self):
        found = baselining.elo_logistic(
            past=np.full(99, 0.5), outcomes=np.zeros(99, int), expectations=np.array([0.5])
        )
        assert np.isnan(found).all()


class TestComparing:
    P = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [np.nan] * 3])
    Y = np.array([0, 0, 1])

    def test_takes_the_rows_that_both_foretold(self):
        found = comparing.paired(self.P, self.P[::-1][[2, 1, 0]], self.Y)
        assert (found["n"], found["mean"]) == (2, 0.0)

    def test_refuses_forecasters_with_nothing_in_common(self):
        with pytest.raises(comparing.NothingInCommon):
            comparing.paired(self.P, np.full((3, 3), np.nan), self.Y)

    def test_leaves_out_a_forecaster_that_knows_no_match(self):
        model = np.array([[0.5, 0.3, 0.2]] * 3)
        none = np.full((3, 3), np.nan)
        found = comparing.beside(model=model, others={"close": none}, outcomes=self.Y)
        assert found == {"cards": {"close": None}, "differences": {"model-close": None}}

    def test_begins_weeks_on_mondays(self):
        monday = 4 * DAY
        assert comparing.weeks_of([monday - 1, monday, monday + 7 * DAY - 1]).tolist() == [-1, 0, 0]


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
        assert (scores["n"], scores["n_all"]) == (n, n)
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
