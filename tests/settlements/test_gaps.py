"""Live betting beside what backtests promised; and what is asked over HTTP."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from settlements import monitors
from settlements.models import Backtest
from settlements.services import backtesting, gaps, gridding
from tests.betting.builders import a_strategy
from tests.settlements.builders import a_bankroll, a_selection, an_accepted_bet, an_event

pytestmark = pytest.mark.django_db
SPEC = {"source": "market", "since": "2024-08-01", "until": "2025-08-01"}


def a_backtest(strategy, yield_: float | None) -> Backtest:
    now = timezone.now()
    row = backtesting.begin(spec=SPEC, strategy=strategy, actor="test", now=now)
    Backtest.objects.filter(pk=row.pk).update(
        state="DONE", figures={"yield": yield_}, bets=b"x", digest="d", finished_at=now
    )
    return row


def bet(strategy, profit: str) -> None:
    now = timezone.now()
    an_accepted_bet(
        a_selection(an_event()), bankroll=strategy.bankroll, strategy=strategy, status="SETTLED",
        outcome="LOST" if profit.startswith("-") else "WON", profit=Decimal(profit),
        settled_at=now - timedelta(days=1), probability=0.5,
    )  # fmt: skip


def findings() -> list[tuple[str, str]]:
    found = monitors.live_betting_keeps_what_backtests_promised(timezone.now())
    return [(one.severity.value, one.subject) for one in found]


class TestTheGap:
    def test_is_told_once_it_is_great_and_sure_and_until_less_is_promised(self, set_threshold):
        strategy = a_strategy(bankroll=a_bankroll())
        subject = f"betting.Strategy:{strategy.pk}"
        a_backtest(strategy, 0.04)
        set_threshold(gaps.LEAST_BETS, 4)
        for profit in ("-10.00", "-10.00", "9.00"):
            bet(strategy, profit)
        assert findings() == []  # too few
        bet(strategy, "-10.00")
        (gap,) = gaps.gaps(now=timezone.now())
        assert (gap.bets, round(gap.live, 4), round(gap.size, 4)) == (4, -0.525, 0.565)
        assert findings() == []  # but not sure: the interval holds what was promised
        set_threshold(gaps.IS_SURE, 0)
        assert findings() == [("P2", subject)]
        a_backtest(strategy, -0.485)
        assert findings() == [("P4", subject)]  # four points: a note
        a_backtest(strategy, -0.52)
        assert findings() == []

    def test_is_none_without_a_yield_or_of_a_replay(self):
        strategy = a_strategy(bankroll=a_bankroll())
        a_backtest(strategy, None)
        bet(strategy, "-10.00")
        assert gaps.gaps(now=timezone.now()) == []


class TestOverHttp:
    def test_is_asked_for_read_and_called_off(self, admin_client, django_assert_max_num_queries):
        def post(path: str, body: dict, status: int = 200) -> dict:
            answer = admin_client.post(
                f"/api/v1/{path}", json.dumps(body), content_type="application/json"
            )
            assert answer.status_code == status, answer.content
            return answer.json()

        body = {"since": "2024-08-01", "until": "2025-08-01", "plan": {"min_edge": 0.05}}
        made = post("backtests", body, 201)
        assert (made["state"], made["spec"]["plan"]["min_edge"]) == ("WAITING", 0.05)
        assert made["source"] == "market"
        path = f"/api/v1/backtests/{made['id']}"
        with django_assert_max_num_queries(12):
            assert admin_client.get(path).json()["id"] == made["id"]
        told = {"count": 0, "offset": 0, "bets": []}
        assert admin_client.get(f"{path}/bets").json() == told
        assert admin_client.get(f"{path}/compare?bankroll=1").status_code == 409
        assert post(f"backtests/{made['id']}/cancel", {"reason": "wrong"})["state"] == "CANCELLED"
        post(f"backtests/{made['id']}/cancel", {"reason": "again"}, 409)
        post("backtests", {**body, "strategy": "nobody"}, 409)

        grid = post("backtest-grids", {**body, "axes": {"min_edge": [0.01, 0.02]}}, 201)
        cells = admin_client.get(f"/api/v1/backtest-cells?grid={grid['id']}").json()["results"]
        assert [cell["changes"] for cell in cells] == [{"min_edge": 0.01}, {"min_edge": 0.02}]
        number = grid["id"]
        assert post(f"backtest-grids/{number}/cancel", {"reason": "x"})["state"] == "CANCELLED"
        assert post(f"backtest-grids/{number}/resume", {"reason": "x"})["state"] == "RUNNING"
        assert gridding.report(grid=gridding.named(number))["done"] == 0
