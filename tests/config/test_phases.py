"""Phases at their doors: a strategy's page, what is asked, the API, the command, the dashboard."""

import json
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import DryBet, PhaseChange, Strategy
from betting.services import phasing
from monitoring.services import roles
from tests.betting.builders import a_bet, a_decision, a_strategy
from tests.config.builders import client_of

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "it does well"}
LIST = "admin:betting_phasechange_changelist"


@pytest.fixture
def operator() -> Client:
    return client_of("olga", roles.OPERATOR)


@pytest.fixture
def lead() -> Client:
    return client_of("otto", roles.OPS_LEAD)


@pytest.fixture
def strategy(set_threshold) -> Strategy:
    """A strategy in micro that won six of eight bets, where eight are asked for."""
    set_threshold(phasing.BETS, 8)
    strategy, now = a_strategy(phase="MICRO"), timezone.now()
    for number in range(8):
        won = number < 6
        a_bet(
            bankroll=strategy.bankroll, strategy=strategy, status="SETTLED", placed_at=now,
            settled_at=now, outcome="WON" if won else "LOST",
            profit=Decimal("10.00") if won else Decimal("-10.00"),
        )  # fmt: skip
    return strategy


def do(row: object, name: str) -> str:
    kind = type(row).__name__.lower()
    return reverse(f"admin:betting_{kind}_do", args=[row.pk, name])  # type: ignore[attr-defined]


def page(client: Client, row: object) -> str:
    kind = type(row).__name__.lower()
    url = reverse(f"admin:betting_{kind}_change", args=[row.pk])  # type: ignore[attr-defined]
    return client.get(url).content.decode()


def post(client: Client, path: str, body: object):
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


class TestPages:
    def test_show_values_beside_bounds_and_lead_from_asking_to_approving(
        self, operator, lead, strategy
    ) -> None:
        text = page(operator, strategy)
        for shown in ("B: micro", "above 5.0 %", "+50.0 %", "above 75.0 %", "at least 8"):
            assert shown in text
        assert "&lt;span" not in text
        answer = operator.post(do(strategy, "next-phase"), CONFIRMED)
        change = PhaseChange.objects.get()
        assert answer.url == reverse("admin:betting_phasechange_change", args=[change.pk])
        assert operator.post(do(change, "approve"), CONFIRMED).status_code == 403
        panel = lead.get("/admin/dashboard/panels").content.decode()
        assert "waits for a lead of operations" in panel and "B: micro" in panel
        assert "Approve" in page(lead, change)
        lead.post(do(change, "approve"), CONFIRMED)
        strategy.refresh_from_db()
        assert strategy.phase == "PRODUCTION"
        assert "user:otto" in page(operator, strategy)

    def test_say_what_is_not_met(self, operator, strategy, set_threshold) -> None:
        set_threshold(phasing.BETS, 60)
        answer = operator.post(do(strategy, "next-phase"), CONFIRMED, follow=True)
        assert "bets 8 (asked at least 60, n 8)" in answer.content.decode()
        assert not PhaseChange.objects.exists()

    def test_put_a_strategy_back_with_a_reason(self, operator, strategy) -> None:
        url = do(strategy, "fall-back")
        assert operator.post(url, {"confirmed": "yes", "to": "DRY_RUN"}).status_code == 200
        assert operator.post(url, {**CONFIRMED, "to": "PRODUCTION"}).status_code == 200
        assert Strategy.objects.get().phase == "MICRO"
        assert operator.post(url, {**CONFIRMED, "to": "DRY_RUN"}).status_code == 302
        assert Strategy.objects.get().phase == "DRY_RUN"
        assert "stakes nothing" in operator.get("/admin/dashboard/panels").content.decode()

    def test_are_not_for_viewers_to_act_on(self, strategy) -> None:
        viewer = client_of("vera", roles.VIEWER)
        assert "B: micro" in page(viewer, strategy)
        for name in ("next-phase", "fall-back"):
            assert viewer.post(do(strategy, name), CONFIRMED).status_code == 403

    def test_list_changes_and_dry_bets_in_as_many_statements_however_many(
        self, operator, django_assert_max_num_queries
    ) -> None:
        now = timezone.now()
        for _ in range(12):
            decision = a_decision()
            phasing.fall_back(strategy_id=decision.strategy_id, actor="t", reason="x", now=now)
            DryBet.objects.create(decision=decision, stake=Decimal("5.00"))
        for name in (LIST, "admin:betting_drybet_changelist"):
            with django_assert_max_num_queries(12):
                assert operator.get(f"{reverse(name)}?show=all").status_code == 200


class TestApi:
    def test_tells_asks_approves_and_puts_back(self, operator, lead, strategy) -> None:
        told = operator.get(f"/api/v1/strategies/{strategy.pk}/phase").json()
        assert (told["phase"], told["next"], len(told["criteria"])) == ("MICRO", "PRODUCTION", 4)
        assert (told["criteria"][1]["value"], told["criteria"][1]["n"]) == (0.5, 8)
        asked = post(operator, f"strategies/{strategy.pk}/phase/ask", {"reason": "well"})
        assert (asked.status_code, asked.json()["state"]) == (201, "ASKED")
        url = f"phase-changes/{asked.json()['id']}"
        assert post(operator, f"{url}/approve", {}).status_code == 403
        made = post(lead, f"{url}/approve", {"reason": "seen"})
        assert (made.status_code, made.json()["decided_by"]) == (200, "user:otto")
        assert post(lead, f"{url}/turn-down", {"reason": "x"}).status_code == 409
        body = {"reason": "losing", "to": "DRY_RUN"}
        back = post(operator, f"strategies/{strategy.pk}/phase/fall-back", body)
        assert (back.status_code, back.json()["wanted"]) == (201, "DRY_RUN")
        listed = operator.get("/api/v1/phase-changes", {"state": "MADE"}).json()["results"]
        assert [row["wanted"] for row in listed] == ["DRY_RUN", "PRODUCTION"]

    @pytest.mark.parametrize(
        "path, body, status",
        [
            ("phase/ask", {}, 400),
            ("phase/ask", {"reason": "a\x00b"}, 400),
            ("phase/ask", {"reason": "x" * 251}, 400),
            ("phase/fall-back", {"reason": "x", "to": "LATER"}, 400),
            ("phase/fall-back", {"reason": "x", "to": "PRODUCTION"}, 409),
            ("phase/fall-back", {"reason": " "}, 400),
        ],
        ids=["no-reason", "nul", "long", "unknown-phase", "forward", "blank"],
    )
    def test_refuses_what_makes_no_sense(self, operator, strategy, path, body, status) -> None:
        answer = post(operator, f"strategies/{strategy.pk}/{path}", body)
        assert answer.status_code == status, answer.content
        assert Strategy.objects.get().phase == "MICRO"

    def test_sets_the_allocation_and_never_the_phase(self, lead, strategy) -> None:
        url = f"/api/v1/strategies/{strategy.pk}"
        for body, status in (
            ({"allocation": 0.35, "reason": "props"}, 200),
            ({"allocation": 0, "reason": "x"}, 409),
            ({"allocation": "NaN", "reason": "x"}, 400),
            ({"phase": "PRODUCTION", "reason": "x"}, 400),
        ):
            answer = lead.patch(url, json.dumps(body), content_type="application/json")
            assert answer.status_code == status, answer.content
        strategy.refresh_from_db()
        assert (strategy.allocation, strategy.phase) == (0.35, "MICRO")


class TestCommand:
    def run(self, capsys, *words: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command("strategies", *words, "--output", "json")
        except SystemExit as end:
            code = int(end.code or 0)
        return json.loads(capsys.readouterr().out.splitlines()[-1]), code

    def test_tells_what_is_asked_and_puts_back(self, capsys, strategy) -> None:
        report, code = self.run(capsys, "phase", strategy.name)
        assert (code, report["phase"], report["next"]) == (0, "MICRO", "PRODUCTION")
        assert [one["is_met"] for one in report["criteria"]] == [True] * 4
        report, code = self.run(capsys, "fall-back", strategy.name, "--reason", "losing")
        assert (code, report["phase"]) == (0, "DRY_RUN")
        report, code = self.run(capsys, "fall-back", strategy.name, "--reason", "losing")
        assert code == 1 and "no phase comes before it" in json.dumps(report)

    def test_names_what_is_missing(self) -> None:
        with pytest.raises(CommandError, match="no strategy 'Nobody'"):
            call_command("strategies", "phase", "Nobody")
        with pytest.raises(CommandError, match="name a strategy"):
            call_command("strategies", "fall-back", "--reason", "x")
