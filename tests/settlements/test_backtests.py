"""A backtest is what live betting would have done: to the cent, and twice the same."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from betting.models import Bankroll, Strategy
from models_ml.models import Replay
from monitoring.models import TaskRun
from settlements.models import Backtest
from settlements.services import backtest_plans, backtesting, histories, probabilities
from settlements.services.backtest_plans import BacktestRefused
from tests.settlements import league

pytestmark = pytest.mark.django_db
SEASON = {"since": "2024-08-01", "until": "2025-08-01"}


def command(*words: str) -> tuple[int, dict]:
    out = StringIO()
    try:
        call_command("backtest", *words, "--output", "json", stdout=out)
    except SystemExit as end:
        return int(end.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


class TestASeasonLivedAgain:
    def test_is_backtested_to_the_cent(self, admin_client):
        league.a_league(days=6)
        lived = league.replay(seed=1)
        replay = Replay.objects.get()
        strategy = Strategy.objects.get(bankroll__replay=replay)
        asked = ("--strategy", strategy.name, "--from", "2024-08-01", "--until", "2025-08-01")

        code, told = command(*asked)
        assert code == 0
        assert told["bets"] == lived["bets"] > 10
        assert told["events"] == 30
        for mine, theirs in (("profit", "profit"), ("turnover", "turnover")):
            assert told["figures"][mine] == lived[theirs]
        for rate in ("yield", "yield_low", "yield_high", "clv", "clv_low", "beat_close"):
            assert told["figures"][rate] == pytest.approx(lived[rate], abs=1e-6), rate
        code, compared = command("compare", "--replay", str(replay.pk))
        assert (code, compared["differences"]) == (0, [])
        assert compared["equal"] == compared["bets"] == compared["live_bets"] == lived["bets"]

        again = command(*asked)[1]
        assert again["digest"] == told["digest"]
        assert again["figures"] == told["figures"]
        assert again["account"] == told["account"]
        assert {one["name"]: one["is_met"] for one in told["account"]["gate"]} == {
            "bets": False, "out of sample": True, "p of no edge": told["figures"]["p_value"] < 0.05,
            "CLV": told["figures"]["clv"] > 0,
        }  # fmt: skip
        assert set(told["account"]["outlook"]) == {"days", "model"}
        runs = TaskRun.objects.filter(task=backtesting.TASK)
        assert [run.state for run in runs] == ["SUCCEEDED", "SUCCEEDED"]

        # Another price limit makes other bets, and says which: none of it is hidden.
        _, other = command(*asked, "--set", "max_price=2.50", "--name", "short prices")
        assert other["digest"] != told["digest"]
        bankroll = Bankroll.objects.get(replay=replay)
        row = backtesting.named(other["backtest"])
        differences = backtesting.compare(row=row, bankroll=bankroll)["differences"]
        assert differences
        assert all(one["backtest"] is None or one["live"] != one["backtest"] for one in differences)

        # No edge is great enough: the exit code warns, and the account says why.
        code, none = command(*asked, "--min-edge", "0.24")
        assert (code, none["bets"]) == (2, 0)
        steps = {step["reason"]: step["count"] for step in none["account"]["steps"]}
        assert steps["EDGE_TOO_SMALL"] > 0
        assert "an edge of 24.00 %" in none["account"]["nearest"][0]["needed"]

        # The market's own probabilities, a minute's latency, one book: a baseline.
        _, baseline = command(
            "--source", "market", "--from", "2024-08-01", "--competition", league.CODE,
            "--book", "generous", "--min-edge", "-1", "--latency", "60",
            "--set", "max_price_age_seconds=500000",
        )  # fmt: skip
        assert baseline["bets"] > 0
        self.asks_the_pages(admin_client, told["backtest"], other["backtest"])

    def asks_the_pages(self, client, first, second):
        page = client.get(reverse("admin:settlements_backtest_change", args=[first]))
        text = page.content.decode()
        assert text.count("<polyline") == 3
        assert "Why no more bets" in text
        many = reverse("admin:settlements_backtest_compare")
        both = client.get(f"{many}?ids={first},{second}").content.decode()
        assert both.count("<polyline") == 6
        assert "max_price" in both
        assert client.get(f"{many}?ids=x").status_code == 302


SPEC = {"source": "market", **SEASON}


class TestBegin:
    @pytest.mark.parametrize(
        ("spec", "named"),
        [
            ({**SPEC, "column": 1}, "not asked for column"),
            ({**SPEC, "until": "2024-01-01"}, "is not after since"),
            ({**SPEC, "since": "soon"}, "no day"),
            ({**SPEC, "stage": "T-7s"}, "no stage"),
            ({**SPEC, "competitions": ["E9"]}, "no competition E9"),
            ({**SPEC, "latency_seconds": -1}, "latency"),
            ({**SPEC, "latency_seconds": "x"}, "no number of seconds"),
            ({**SPEC, "plan": {"min_edges": 1}}, "min_edges"),
            ({**SPEC, "source": "tea leaves"}, "tells no probabilities"),
            ({**SPEC, "source": "market:WIN"}, "no score decides"),
            ({**SPEC, "source": "predictions:none"}, "no pipeline 'none'"),
            ({**SPEC, "source": "predictions:a:b"}, "no pipeline 'a'"),
            ({**SPEC, "source": "replay:7"}, "no replay 7"),
            ({**SPEC, "source": "walk:x"}, "is no number"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_refuses_what_cannot_be(self, spec, named):
        refusals = (BacktestRefused, histories.NoHistory, probabilities.UnknownSource)
        with pytest.raises(refusals, match=named):
            backtesting.begin(spec=spec, actor="test", now=timezone.now())
        assert not Backtest.objects.exists()

    def test_names_the_strategies_there_are(self):
        with pytest.raises(BacktestRefused, match="there are: value"):
            backtest_plans.named("nobody")


class TestMake:
    def test_fails_where_nothing_is_known_and_says_so(self):
        row = backtesting.begin(spec=SPEC, actor="test", now=timezone.now())
        with pytest.raises(histories.NoHistory, match="no MATCH_ODDS of an event"):
            backtesting.make(backtest_id=row.pk, now=timezone.now())
        row.refresh_from_db()
        assert (row.state, row.why[:13]) == ("FAILED", "no MATCH_ODDS")
        assert backtesting.make(backtest_id=row.pk, now=timezone.now()).state == "FAILED"


class TestCancel:
    def test_calls_off_what_waits_and_is_then_over(self):
        now = timezone.now()
        row = backtesting.start(spec=SPEC, actor="test", now=now)
        assert TaskRun.objects.get(pk=row.run).queue == "train"
        assert backtesting.cancel(backtest_id=row.pk, actor="test", now=now).state == "CANCELLED"
        assert TaskRun.objects.get(pk=row.run).state == "CANCELLED"
        assert backtesting.make(backtest_id=row.pk, now=now).state == "CANCELLED"
        with pytest.raises(backtesting.BacktestIsOver):
            backtesting.cancel(backtest_id=row.pk, actor="test", now=now + timedelta(seconds=1))
        with pytest.raises(backtesting.BacktestNotFound):
            backtesting.cancel(backtest_id=row.pk + 1, actor="test", now=now)
