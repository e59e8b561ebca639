"""Arbitrage at its doors: its pages, the API, the command, the dashboard, a strategy's form."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Arbitrage, Bet, CostModel, SettlingTerms, Strategy
from betting.services import arbitraging
from monitoring.models import AuditEntry, Incident
from monitoring.services import roles
from tests.betting.arbitrage import a_seeker, alike, show, two_way
from tests.betting.builders import a_bankroll, a_book
from tests.config.builders import a_house, client_of

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "enough"}
DEAR = {"alpha": ("2.10", "1.70"), "beta": ("1.83", "2.05"), "gamma": ("1.83", "1.80")}


@pytest.fixture
def operator() -> Client:
    return client_of("olga", roles.OPERATOR)


@pytest.fixture
def lead() -> Client:
    return client_of("otto", roles.OPS_LEAD)


@pytest.fixture
def market():
    """A market of this hour on which alpha's and beta's prices pay whoever wins."""
    now = timezone.now()
    made = two_way(DEAR, starts_at=now + timedelta(hours=3))
    show(made, DEAR, seen_at=now - timedelta(seconds=5))
    return made


@pytest.fixture
def lone(market) -> Arbitrage:
    """Alpha's leg was taken, beta's was not, and gamma is too dear."""
    CostModel.objects.create(book=a_book("beta"), is_enabled=True, rejection=1.0)
    a_seeker()
    arbitraging.look_due(now=timezone.now())
    return Arbitrage.objects.get()


def do(row: object, name: str) -> str:
    kind = type(row).__name__.lower()
    return reverse(f"admin:betting_{kind}_do", args=[row.pk, name])  # type: ignore[attr-defined]


def page(client: Client, row: object) -> str:
    kind = type(row).__name__.lower()
    answer = client.get(reverse(f"admin:betting_{kind}_change", args=[row.pk]))  # type: ignore[attr-defined]
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, path: str, body: object):
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


class TestPages:
    def test_show_a_lone_leg_and_close_it_out(self, operator, lone) -> None:
        text = page(operator, lone)
        for shown in ("Unhedged", "HEDGE_TOO_DEAR", "-49.40", "54.34", "Rejected", "49.40"):
            assert shown in text, shown
        assert (
            "is not covered: -49.40 at worst"
            in operator.get("/admin/dashboard/panels").content.decode()
        )
        url = do(lone, "close-out")
        assert operator.post(url, {"confirmed": "yes"}).status_code == 200  # no reason
        answer = operator.post(url, {**CONFIRMED, "max_loss": "1.00"}, follow=True)
        assert "unhedged" in answer.content.decode()
        assert operator.post(url, CONFIRMED).status_code == 302
        lone.refresh_from_db()
        assert (lone.state, lone.worst) == ("CLOSED_OUT", Decimal("-3.30"))
        told = AuditEntry.objects.filter(action="arbitrage.close_out").latest("pk")
        assert (told.actor, told.detail["reason"]) == ("user:olga", "enough")

    def test_mark_it_as_handled_and_are_not_for_viewers_to_act_on(self, operator, lone) -> None:
        viewer = client_of("vera", roles.VIEWER)
        assert "Unhedged" in page(viewer, lone)
        for name in ("close-out", "handle"):
            assert viewer.post(do(lone, name), CONFIRMED).status_code == 403
        operator.post(do(lone, "handle"), CONFIRMED)
        lone.refresh_from_db()
        assert (lone.state, lone.note) == ("HANDLED", "enough")

    def test_say_which_books_settle_alike_and_take_it_back(self, lead, operator, market) -> None:
        url = reverse("admin:betting_settlingterms_do_many", args=["set"])
        books = [a_book(code).pk for code in ("alpha", "beta")]
        given = {
            **CONFIRMED, "sport": market.event.competition.sport_id, "kind": "TOTAL",
            "books": books, "terms": "with overtime",
        }  # fmt: skip
        assert operator.post(url, given).status_code == 403
        lead.post(url, given)
        rows = SettlingTerms.objects.filter(kind="TOTAL")
        assert [row.terms for row in rows] == ["with overtime"] * 2
        assert "with overtime" in page(lead, rows[0])
        answer = lead.post(do(rows[0], "set"), {**CONFIRMED, "terms": ""})
        assert answer.status_code == 302
        assert SettlingTerms.objects.filter(kind="TOTAL").count() == 1

    def test_list_in_as_many_statements_however_many(
        self, operator, django_assert_max_num_queries
    ) -> None:
        now = timezone.now()
        strategy = a_seeker()
        for _ in range(8):
            made = two_way({"alpha": ("2.01", "1.80"), "beta": ("1.83", "1.99")},
                           starts_at=now + timedelta(hours=2))  # fmt: skip
            Arbitrage.objects.create(
                strategy=strategy, market=made, state="PASSED", reason="RULES_UNKNOWN",
                found_at=now, seen_at=now, closed_at=now, guaranteed=0.01,
            )  # fmt: skip
        for name in ("arbitrage", "settlingterms"):
            url = reverse(f"admin:betting_{name}_changelist")
            with django_assert_max_num_queries(12):
                text = operator.get(f"{url}?show=all").content.decode()
        assert Arbitrage.objects.count() == 8 and "90 minutes" in text


class TestStrategies:
    def test_of_arbitrage_are_made_by_the_form_without_a_pipeline(self, lead) -> None:
        a_house(now=timezone.now(), n=2)
        url = reverse("admin:betting_strategy_add")
        form = lead.get(url).context["adminform"].form
        given = {name: form[name].value() for name in form.fields}
        given = {name: value for name, value in given.items() if value not in (None, [])}
        given |= {"name": "Sure", "code": "arbitrage", "bankroll": a_bankroll().pk}
        answer = lead.post(url, given)
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        made = Strategy.objects.get(name="Sure")
        assert (made.pipeline, made.min_edge, made.max_edge) == (None, 0.005, 0.05)
        refused = lead.post(url, {**given, "name": "Value", "code": "value"})
        assert "Name whose predictions it bets on." in refused.content.decode()

    def test_are_shown_changed_and_explained_like_the_others(self, lead, lone) -> None:
        strategy = lone.strategy
        text = page(lead, strategy)
        assert "What it saw" in text and "What would it bet now?" not in text
        listed = lead.get("/api/v1/strategies", {"code": "arbitrage"}).json()["results"]
        assert [row["pipeline"] for row in listed] == [None]
        body = {"max_hedge_loss_share": 0.1, "reason": "dearer"}
        answer = lead.patch(
            f"/api/v1/strategies/{strategy.pk}", json.dumps(body), content_type="application/json"
        )
        assert (answer.status_code, answer.json()["max_hedge_loss_share"]) == (200, 0.1)
        assert lead.get(f"/api/v1/strategies/{strategy.pk}/preview").status_code == 409
        assert lead.get(f"/api/v1/strategies/{strategy.pk}/phase").status_code == 200
        why = lead.get("/api/v1/why-no-bets", {"strategy": strategy.pk})
        assert why.status_code == 200, why.content
        shown = lead.get(reverse("admin:betting_strategy_preview", args=[strategy.pk]))
        assert "decides on no predictions" in shown.content.decode()


class TestApi:
    def test_looks_closes_out_and_lists(self, operator, market) -> None:
        CostModel.objects.create(book=a_book("beta"), is_enabled=True, rejection=1.0)
        strategy = a_seeker()
        dry = post(operator, "arbitrages/look", {"strategy": strategy.pk, "dry_run": True})
        assert dry.json()["reasons"] == {"FOUND": 1} and not Bet.objects.exists()
        wet = post(operator, "arbitrages/look", {"strategy": strategy.pk})
        assert wet.json()["states"] == {"UNHEDGED": 1}
        row = Arbitrage.objects.get()
        legs = operator.get("/api/v1/arbitrage-legs", {"arbitrage": row.pk}).json()["results"]
        assert sorted(leg["order_state"] for leg in legs) == ["FILLED", "REJECTED"]
        body = {"reason": "enough", "max_loss": "4.00"}
        done = post(operator, f"arbitrages/{row.pk}/close-out", body)
        assert (done.status_code, done.json()["state"]) == (200, "CLOSED_OUT")
        assert post(operator, f"arbitrages/{row.pk}/handled", {"reason": "x"}).status_code == 409
        listed = operator.get("/api/v1/arbitrages", {"state": "CLOSED_OUT"}).json()["results"]
        assert [(one["id"], one["worst"]) for one in listed] == [(row.pk, "-3.30")]

    @pytest.mark.parametrize(
        "path, body, status",
        [
            ("look", {}, 400), ("look", {"strategy": 0}, 400), ("look", {"strategy": 2**63}, 400),
            ("look", {"strategy": 2**61}, 409), ("{id}/close-out", {}, 400),
            ("{id}/close-out", {"reason": "x", "max_loss": "-1"}, 400),
            ("{id}/close-out", {"reason": "x", "max_loss": "NaN"}, 400),
            ("{id}/handled", {"reason": "a\x00b"}, 400), ("{id}/handled", {"reason": "  "}, 400),
        ],
        ids=[
            "no-strategy", "zero", "too-great", "unknown", "no-reason", "below-zero", "nan", "nul",
            "blank",
        ],
    )  # fmt: skip
    def test_refuses_what_makes_no_sense(self, operator, lone, path, body, status) -> None:
        answer = post(operator, f"arbitrages/{path.format(id=lone.pk)}", body)
        assert answer.status_code == status, answer.content
        lone.refresh_from_db()
        assert lone.state == "UNHEDGED"

    def test_says_which_books_settle_alike(self, lead, operator, market) -> None:
        body = {
            "sport": market.event.competition.sport_id, "kind": "SPREAD", "reason": "read",
            "books": [a_book("alpha").pk], "terms": "with overtime",
        }  # fmt: skip
        assert post(operator, "settling-terms", body).status_code == 403
        made = post(lead, "settling-terms", body)
        assert [row["book_code"] for row in made.json()["settling_terms"]] == ["alpha"]
        assert post(lead, "settling-terms", {**body, "kind": "WIN"}).status_code == 400
        assert post(lead, "settling-terms", {**body, "terms": ""}).json() == {"settling_terms": []}


class TestCommand:
    def run(self, capsys, *arguments: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command("arbitrage", *arguments, "--output", "json")
        except SystemExit as ended:
            code = ended.code
        return json.loads(capsys.readouterr().out), code

    def test_looks_lists_closes_out_and_says_terms(self, capsys, market) -> None:
        SettlingTerms.objects.all().delete()
        a_seeker()
        seen, _ = self.run(capsys, "look", "--dry-run")
        assert seen["reasons"] == {"RULES_UNKNOWN": 1}
        sport = market.event.competition.sport.code
        said, _ = self.run(
            capsys, "terms", sport, "MONEYLINE", "alpha", "beta", "gamma",
            "--terms", "with overtime", "--reason", "read",
        )  # fmt: skip
        assert len(said["terms"]) == 3
        taken, _ = self.run(capsys)
        assert taken["states"] == {"HEDGED": 1}
        listed, _ = self.run(capsys, "list")
        assert [row["state"] for row in listed["arbitrages"]] == ["HEDGED"]
        refused, code = self.run(
            capsys, "close-out", str(Arbitrage.objects.get().pk), "--reason", "x"
        )
        assert code == 1 and "stands alone" in json.dumps(refused)
        assert self.run(capsys, "continue") == ({}, 0)

    def test_shows_a_table(self, capsys, lone) -> None:
        call_command("arbitrage", "list")
        assert "UNHEDGED" in capsys.readouterr().out


def test_an_incident_offers_to_close_out(operator, lone) -> None:
    from monitoring import registry

    incident = Incident.objects.get()
    response = registry.responses["betting.close-out"]
    told = response.act(
        subject=incident.subject, actor="user:olga", reason="enough", now=timezone.now()
    )
    assert "is closed out" in told and "-3.30 at worst" in told


def test_terms_of_another_kind_say_nothing_of_this_one(market) -> None:
    SettlingTerms.objects.all().delete()
    alike("alpha", "beta", event=market.event, kind="TOTAL")
    a_seeker()
    assert arbitraging.look_due(now=timezone.now())["reasons"] == {"RULES_UNKNOWN": 1}
