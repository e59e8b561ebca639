import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from betting.models import Bet, Decision, TradingHalt
from monitoring.models import TaskRun
from tests.betting.builders import a_bet, a_strategy, an_event_with_prices, predictions_of

pytestmark = pytest.mark.django_db(transaction=True)


def run(capsys, *words: str) -> tuple[dict, int]:
    """Run a command with JSON output; return its one object and its exit code."""
    code = 0
    try:
        call_command(*words, "--output", "json")
    except SystemExit as end:
        code = end.code
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    return json.loads(lines[0]), code


@pytest.fixture
def waiting():
    """Three predictions that wait for a strategy's decision, at prices of this moment."""
    now = timezone.now()
    strategy = a_strategy()
    event = an_event_with_prices(
        starts_at=now + timedelta(hours=1), seen_at=now - timedelta(seconds=5)
    )
    predictions_of(event, as_of=now)
    return strategy


class TestDecide:
    def test_decides_and_places(self, capsys, waiting):
        report, code = run(capsys, "decide")
        assert code == 0
        assert (report["decided"], report["bets"], report["accepted"]) == (3, 1, 1)
        assert Bet.objects.get().status == "ACCEPTED"
        assert TaskRun.objects.get().state == "SUCCEEDED"
        assert run(capsys, "decide")[0]["decided"] == 0

    def test_of_a_dry_run_writes_nothing(self, capsys, waiting):
        report, _ = run(capsys, "decide", "--dry-run")
        assert (report["dry_run"], report["bets"]) == (True, 1)
        assert not Decision.objects.exists() and not Bet.objects.exists()


class TestPauseAndResume:
    def test_stop_and_start_betting(self, capsys, waiting):
        report, code = run(capsys, "pause", "--reason", "drift")
        assert (report["scope"], report["reason"], code) == ("ALL", "drift", 0)
        assert run(capsys, "decide")[0]["bets"] == 0
        assert not Bet.objects.exists()
        report, code = run(capsys, "resume", "--reason", "fine")
        assert (report["still"], code) == ([], 0)
        assert TradingHalt.objects.get().lift_reason == "fine"

    def test_resume_warns_of_a_pause_that_still_stands(self, capsys, waiting):
        run(capsys, "pause", "--reason", "a", "--scope", "STRATEGY", "--id", str(waiting.pk))
        run(capsys, "pause", "--reason", "b")
        report, code = run(capsys, "resume", "--reason", "fine")
        assert (len(report["still"]), code) == (1, 2)

    def test_resume_fails_where_nothing_is_paused(self, capsys):
        report, code = run(capsys, "resume", "--reason", "fine")
        assert (report["code"], code) == ("HaltRefused", 1)
        assert TaskRun.objects.get().state == "FAILED"


class TestReconcile:
    WAITED = timedelta(minutes=5)

    def test_says_what_became_of_bets(self, capsys):
        a_bet(status="UNKNOWN", reserved_at=timezone.now() - self.WAITED)
        report, code = run(capsys, "reconcile")
        assert (report["asked"], report["rejected"], code) == (1, 1, 0)

    def test_warns_while_bets_stay_unknown(self, capsys):
        a_bet(status="UNKNOWN", venue="elsewhere", reserved_at=timezone.now() - self.WAITED)
        assert run(capsys, "reconcile")[1] == 2


class TestWhyNoBets:
    def test_shows_where_candidates_stopped(self, capsys, waiting):
        run(capsys, "decide")
        report, code = run(capsys, "why_no_bets", "--strategy", waiting.name)
        assert code == 0
        assert report["steps"] == [
            {"reason": "EDGE_TOO_SMALL", "count": 2, "left": 1, "failed": 2, "alone": 2}
        ]
        assert (report["candidates"], report["bets"]) == (3, 1)
        assert report["placed"] == {"ACCEPTED": 1}
        assert report["nearest"][0]["missing"] > 0

    def test_shows_an_empty_day_as_such(self, capsys):
        report, _ = run(capsys, "why_no_bets", "--date", "2020-01-01")
        assert (report["candidates"], report["steps"], report["date"]) == (0, [], "2020-01-01")

    def test_tells_people_the_same(self, capsys, waiting):
        call_command("decide")
        call_command("why_no_bets")
        assert "EDGE_TOO_SMALL" in capsys.readouterr().out

    def test_refuses_a_strategy_that_does_not_exist(self, capsys):
        report, code = run(capsys, "why_no_bets", "--strategy", "none")
        assert (report["code"], code) == ("NoSuchStrategy", 1)
