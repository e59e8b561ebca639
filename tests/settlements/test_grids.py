"""Grids: what is shared, what the best of many says, and what goes on after a kill."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from scipy import stats

from monitoring.errors import Cancelled
from monitoring.models import TaskRun
from settlements.domain.backtesting import engine, grids, luck, measuring, trials
from settlements.domain.backtesting.plans import BadPlan, Plan
from settlements.models import BacktestCell, BacktestGrid
from settlements.services import backtest_plans, gridding, histories
from settlements.services.backtest_plans import BacktestRefused
from tests.settlements.worlds import a_history

BASE = Plan(min_edge=0.0, max_edge=1.0, max_price=Decimal(50), max_price_age_seconds=900)
AXES = {"min_edge": [0.0, 0.03, 0.9], "kelly_fraction": [0.25, 0.5]}


class TestStationary:
    def test_draws_blocks_that_go_round_of_the_mean_length(self):
        drawn = trials.stationary(np.random.default_rng(1), n=50, size=400, mean_block=5.0)
        goes_on = (np.diff(drawn, axis=1) % 50) == 1
        assert goes_on.mean() == pytest.approx(0.8 + 0.2 / 50, abs=0.01)
        assert np.bincount(drawn.ravel(), minlength=50).std() < 40

    def test_of_length_one_draws_days_by_themselves(self):
        drawn = trials.stationary(np.random.default_rng(1), n=20, size=500, mean_block=1.0)
        assert ((np.diff(drawn, axis=1) % 20) == 1).mean() == pytest.approx(1 / 20, abs=0.01)


class TestRealityCheck:
    def test_of_one_trial_is_a_test_of_its_mean(self):
        random = np.random.default_rng(3)
        returns = random.normal(0.1, 1.0, (400, 1))
        found = trials.reality_check(returns, mean_block=1.0, resamples=4000)
        t = returns.mean() / returns.std() * 20
        assert found == pytest.approx(1 - stats.norm.cdf(t), abs=0.02)

    def test_asks_more_of_the_best_of_many(self):
        random = np.random.default_rng(3)
        returns = random.normal(0.0, 1.0, (300, 60))
        best = returns[:, [int(returns.mean(axis=0).argmax())]]
        assert trials.reality_check(best) < 0.05 < trials.reality_check(returns)

    def test_says_nothing_of_nothing(self):
        assert trials.reality_check(np.zeros((1, 3))) is None


class TestDeflated:
    def test_falls_with_the_number_of_trials(self):
        random = np.random.default_rng(5)
        luck_ = random.normal(0.0, 1.0, (500, 80))
        skill = random.normal(0.12, 1.0, (500, 1))
        alone = trials.deflated(skill)
        among = trials.deflated(np.column_stack([skill, luck_]))
        assert (alone.trials, among.trials, among.n) == (1, 81, 500)
        assert among.probability < alone.probability
        assert among.expected > 0.0 == alone.expected

    def test_says_nothing_of_trials_without_bets(self):
        found = trials.deflated(np.zeros((30, 4)))
        assert (found.sharpe, found.probability, found.trials) == (None, None, 4)


class TestRun:
    def test_makes_of_each_cell_what_it_would_be_by_itself(self):
        world = a_history(events=80)
        changes = grids.cells(BASE, AXES)
        found = list(grids.run(engine.Ground(world), BASE, changes))
        assert len(found) == 6
        for cell, told in zip(found, changes, strict=True):
            plan = grids.with_changes(BASE, told)
            alone = engine.run(engine.Ground(world), plan)
            assert cell.figures == measuring.brief(alone, plan)
            assert cell.profit.sum() == alone.profit.sum()
        day, returns = grids.returns(found, opening=1_000_000)
        assert returns.shape == (len(day), 6)
        assert returns[:, 0].sum() == pytest.approx(found[0].profit.sum() / 1_000_000)
        assert not returns[:, 4:].any()

    @pytest.mark.parametrize(
        ("axes", "named"),
        [({}, "at least one"), ({"min_edge": []}, "at least one"),
         ({"min_edge": list(np.linspace(0, 0.2, 2001))}, "2001 cells"),
         ({"edge": [1]}, "edge"), ({"min_edge": ["x"]}, "min_edge")],
        ids=["none", "empty", "many", "unknown", "text"],
    )  # fmt: skip
    def test_refuses_axes_that_cannot_be(self, axes, named):
        with pytest.raises(BadPlan, match=named):
            grids.cells(BASE, axes)


class TestWalkForward:
    def test_bets_on_each_span_by_what_did_best_before_it(self):
        world = a_history(events=120)
        changes, ground = grids.cells(BASE, AXES), engine.Ground(world)
        found = list(grids.run(ground, BASE, changes))
        steps = grids.walk_forward(ground, BASE, changes, found, days=5, measure="profit")
        assert [step.ends - step.begins for step in steps] == [5] * len(steps)
        money = 1_000_000
        for step in steps:
            paid = [cell.profit[cell.day < step.begins] for cell in found]
            best = max((at for at in range(6) if len(paid[at])), key=lambda at: paid[at].sum())
            assert step.cell == best
            placed = world.as_of // 86_400_000_000
            part = world.part((placed >= step.begins) & (placed < step.ends))
            plan = grids.with_changes(BASE, {**changes[best], "opening": f"{money / 100:.2f}"})
            alone = engine.run(engine.Ground(part), plan)
            assert (step.bets, step.profit) == (len(alone), alone.profit.sum())
            money += step.profit
        assert len(steps) == 3

    def test_refuses_what_it_cannot_choose_by(self):
        ground = engine.Ground(a_history())
        with pytest.raises(BadPlan, match="one of sharpe"):
            grids.walk_forward(ground, BASE, [], [], days=5, measure="luck")
        with pytest.raises(BadPlan, match="at least 1"):
            grids.walk_forward(ground, BASE, [], [], days=0)


class TestLuck:
    def test_is_even_where_the_model_says_so(self):
        world = a_history(events=150)
        fair = 1000.0 / world.prices.max(axis=1)  # no edge at the best price
        bets = engine.run(engine.Ground(world), BASE)
        told = luck.by_model(a_history(events=150, probability=fair), bets, BASE, paths=4000)
        assert told.growth[0] < 0.0 < told.growth[2]
        assert told.growth[1] == pytest.approx(0.0, abs=0.03)
        assert told.conditional > told.value_at_risk > 0.0
        assert list(told.drawdown) == sorted(told.drawdown)

    @pytest.mark.parametrize("staking", ["FLAT", "FRACTIONAL_KELLY"])
    def test_of_days_that_were_lies_around_what_was(self, staking):
        plan = BASE.model_copy(update={"staking": staking, "flat_stake": Decimal("20.00")})
        bets = engine.run(engine.Ground(a_history(events=150)), plan)
        told = luck.by_days(bets, plan, seed=1)
        was = bets.profit.sum() / 1_000_000
        assert told.growth[0] < was < told.growth[2]
        assert 0.0 <= told.ruin <= 1.0
        assert set(told.as_dict()) >= {"ruin", "value_at_risk", "drawdown_99"}

    def test_says_nothing_without_bets(self):
        plan = BASE.model_copy(update={"min_edge": 0.9})
        world = a_history()
        bets = engine.run(engine.Ground(world), plan)
        assert luck.by_days(bets, plan) is luck.by_model(world, bets, plan) is None


SPEC = {"source": "market", "since": "2020-01-01", "until": "2021-01-01", "plan": BASE.as_dict()}


@pytest.fixture
def a_world(monkeypatch):
    """Let the loader return a history out of a seed; count how often it is read."""
    asked = []

    def load(**told):
        asked.append(told)
        return a_history(events=60)

    monkeypatch.setattr(histories, "load", load)
    return asked


@pytest.mark.django_db
class TestGridding:
    def test_is_reckoned_part_by_part_and_judged_by_the_last(self, a_world):
        now = datetime(2026, 1, 1, tzinfo=UTC)
        grid = gridding.start(spec=SPEC, axes=AXES, part=4, actor="test", now=now)
        runs = TaskRun.objects.filter(task=gridding.TASK).order_by("created_at")
        assert sorted(run.arguments["part"] for run in runs) == [0, 1]
        assert {run.queue for run in runs} == {"train"}
        assert gridding.ask(grid_id=grid.pk, actor="test", now=now) == 0  # they wait already

        first = gridding.reckon(grid_id=grid.pk, part=0, now=now)
        assert (first.state, first.figures) == ("RUNNING", {})
        done = gridding.reckon(grid_id=grid.pk, part=1, now=now)
        assert (done.state, len(a_world)) == ("DONE", 2)  # each part reads history once
        told = gridding.report(grid=done)
        assert (told["cells"], told["done"], told["trials"]) == (6, 6, 6)
        assert 0.0 <= told["deflated_sharpe"] <= 1.0
        assert 0.0 < told["reality_check_p"] <= 1.0
        assert told["walk_forward"]["steps"] == []  # shorter than one span
        assert [one["cell"] for one in told["best"]][-2:] == [4, 5]  # without a bet

        again = gridding.begin(spec=SPEC, axes=AXES, actor="test", now=now)
        assert gridding.report(grid=gridding.reckon(grid_id=again.pk, now=now)) == {
            **told, "grid": again.pk,
        }  # fmt: skip
        with pytest.raises(gridding.GridIsOver):
            gridding.go_on(grid_id=grid.pk, actor="test", now=now)

    def test_is_asked_for_by_a_command_and_drawn_on_a_page(self, a_world, admin_client):
        def command(*words: str) -> dict:
            out = StringIO()
            with suppress(SystemExit):
                call_command("gridsearch", *words, "--output", "json", stdout=out)
            return json.loads(out.getvalue())

        told = command(
            "--from", "2020-01-01", "--until", "2021-01-01", "--axis", "min_edge=0.0,0.03",
            "--axis", "kelly_fraction=0.25,0.5,1.0", "--set", "max_price=50", "--walk-days", "4",
        )  # fmt: skip
        assert (told["state"], told["done"]) == ("DONE", 6)
        assert len(told["walk_forward"]["steps"]) == 2
        number = str(told["grid"])
        assert command("show", number) == told
        assert command("list")["grids"][0]["grid"] == told["grid"]
        assert command("cancel", number)["code"] == "GridIsOver"
        assert command("resume", number)["code"] == "GridIsOver"
        assert command("--axis", "min_edge=0.1")["code"] == "BacktestRefused"
        page = admin_client.get(reverse("admin:settlements_backtestgrid_change", args=[number]))
        text = page.content.decode()
        assert text.count("<rect") == 6
        assert "Chosen on the past" in text

    def test_goes_on_after_a_kill_with_the_cells_that_are_left(self, a_world):
        now = timezone.now()

        class Killed:
            run_id = actor = None

            def progress(self, **_):
                pass

            def raise_if_cancelled(self):
                raise Cancelled("the worker is told to stop")

        axes = {"min_edge": [round(0.01 * n, 2) for n in range(12)]}
        grid = gridding.begin(spec=SPEC, axes=axes, actor="test", now=now)
        with pytest.raises(Cancelled):
            gridding.reckon(grid_id=grid.pk, now=now, progress=Killed())
        done = list(grid.cells.filter(state="DONE").values_list("pk", "figures"))
        assert len(done) == 10
        gridding.cancel(grid_id=grid.pk, actor="test", now=now)
        assert gridding.reckon(grid_id=grid.pk, now=now).state == "CANCELLED"
        gridding.go_on(grid_id=grid.pk, actor="test", now=now)
        assert gridding.reckon(grid_id=grid.pk, now=now).state == "DONE"
        kept = dict(grid.cells.values_list("pk", "figures"))
        assert all(kept[pk] == figures for pk, figures in done)

    def test_is_not_gone_on_with_by_other_code(self, a_world, monkeypatch):
        now = timezone.now()
        grid = gridding.begin(spec=SPEC, axes=AXES, actor="test", now=now)
        monkeypatch.setattr(backtest_plans, "code_version", lambda: "another")
        with pytest.raises(gridding.CodeChanged):
            gridding.reckon(grid_id=grid.pk, now=now)

    def test_fails_where_nothing_is_known(self):
        grid = gridding.begin(spec=SPEC, axes=AXES, actor="test", now=timezone.now())
        with pytest.raises(histories.NoHistory):
            gridding.reckon(grid_id=grid.pk, now=timezone.now())
        assert BacktestGrid.objects.get().state == "FAILED"

    @pytest.mark.parametrize(
        ("told", "named"),
        [({"axes": {"min_edge": 1}}, "a list"), ({"axes": {}}, "at least one"),
         ({"walk": {"days": 0}}, "days from 1"), ({"walk": {"weeks": 2}}, "no weeks"),
         ({"walk": {"measure": "luck"}}, "one of sharpe")],
        ids=["axes", "none", "days", "unknown", "measure"],
    )  # fmt: skip
    def test_refuses_what_cannot_be(self, told, named):
        with pytest.raises(BacktestRefused, match=named):
            gridding.begin(**{"spec": SPEC, "axes": AXES, **told}, actor="test", now=timezone.now())
        assert not BacktestCell.objects.exists()
