import json
from io import StringIO

import pytest
from django.core.management import call_command

from monitoring.models import TaskRun
from settlements.services import guarding
from tests.settlements.builders import (
    a_bankroll,
    a_book,
    a_close,
    a_result,
    a_selection,
    an_accepted_bet,
)

# A command records its run on a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def run(*words):
    """Run a command with ``--output json``; return its report and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command(*words, "--output", "json", stdout=out)
    except SystemExit as end:
        code = end.code
    return json.loads(out.getvalue()), code


class TestSettle:
    def test_says_what_moved_and_leaves_a_run(self):
        a_result(an_accepted_bet(), 1, 0)

        report, code = run("settle")

        assert report.pop("seconds") >= 0
        assert (report, code) == (
            {"settled": 1, "resettled": 0, "void": 0, "failed": 0, "ledger_imbalance": "0.00"},
            0,
        )
        assert run("settle")[0]["settled"] == 0
        states = TaskRun.objects.values_list("task", "state", "trigger").distinct()
        assert list(states) == [("settlements.tasks.settle_due", "SUCCEEDED", "CLI")]

    def test_warns_of_a_bankroll_that_is_given_a_rest_for_its_losses(self, set_threshold):
        set_threshold(guarding.LOSING_STREAK, 1)
        a_result(an_accepted_bet(), 0, 1)
        report, code = run("settle")
        assert (report["halted"], code) == (1, 2)
        assert "halted" not in run("settle")[0]

    def test_warns_of_what_no_rule_covers(self):
        bet = an_accepted_bet(a_selection(kind="TOTAL", role="OVER", line="2.5", period="HALF"))
        a_result(bet, 1, 0)
        report, code = run("settle")
        assert (report["failed"], code) == (1, 2)


class TestClv:
    def test_values_and_shows_the_figures_of_each_group(self):
        bet = an_accepted_bet(price="2.100")
        a_close(bet.selection, book=a_book("pinnacle", reference_rank=1), price="2.000", fair=0.5)
        a_result(bet, 1, 0)
        run("settle")
        report, code = run("clv")
        (group,) = report["groups"]
        assert (report["valued"], group["coverage"], code) == (0, 1.0, 0)
        assert group["clv"] == pytest.approx(0.05)


class TestPerformance:
    def test_shows_live_groups_and_one_bankroll_by_name(self):
        bankroll = a_bankroll("1000.00", name="Main")
        a_result(an_accepted_bet(bankroll=bankroll), 1, 0)
        run("settle")
        every, _ = run("performance", "--days", "30")
        one, _ = run("performance", "--bankroll", "Main", "--days", "30")
        assert every["groups"] == one["groups"]
        assert (one["groups"][0]["profit"], one["groups"][0]["yield"]) == ("9.00", 0.9)

    def test_refuses_an_unknown_bankroll_and_names_the_known(self):
        a_bankroll(name="Main")
        report, code = run("performance", "--bankroll", "Other")
        assert code == 1 and "Main" in report["error"]


class TestSimulateSeason:
    def test_refuses_an_unknown_competition_and_names_what_is_loaded(self):
        a_selection()  # of competition X1, season 2025-26
        report, code = run("simulate", "season", "--competition", "E0", "--season", "2023-24")
        assert code == 1 and "X1" in report["error"]

    def test_refuses_an_unknown_season_and_names_what_is_loaded(self):
        a_selection()
        report, code = run("simulate", "season", "--competition", "X1", "--season", "2023-24")
        assert code == 1 and "2025-26" in report["error"]
        assert TaskRun.objects.get().state == "FAILED"
