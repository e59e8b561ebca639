"""Why no bets, at its doors: the pages and the API."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bet, Decision
from betting.services import deciding
from models_ml.models import Prediction
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import (
    a_bankroll,
    a_book,
    a_replay,
    a_strategy,
    an_event_with_prices,
    predictions_of,
)
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
PAGE = "admin:betting_why_no_bets"


@pytest.fixture
def viewer() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


@pytest.fixture
def strategy():
    """A strategy of which Alpha alone is asked, and one event that it can decide on now."""
    now = timezone.now()
    strategy = a_strategy()
    strategy.books.add(a_book("alpha"))
    event = an_event_with_prices(
        starts_at=now + timedelta(hours=1), seen_at=now - timedelta(seconds=5)
    )
    predictions_of(event, as_of=now)
    return strategy


def decide(strategy) -> None:
    now = timezone.now()
    ids = list(Prediction.objects.values_list("pk", flat=True))
    deciding.decide(strategy=strategy, prediction_ids=ids, as_of=now, now=now)


class TestPage:
    def test_draws_the_funnel_without_a_script(self, viewer, strategy) -> None:
        decide(strategy)
        text = viewer.get(reverse(PAGE)).content.decode()
        funnel = text[text.index("cl-funnel") :]
        assert '<svg class="cl-funnel-bar"' in funnel
        assert 'aria-label="1 left, 2 stopped"' in funnel
        for told in ("Edge too small", "Nearest misses", "Book not allowed", "an edge of 2.00 %"):
            assert told in funnel

    def test_tells_of_a_day_without_candidates_what_was_missing(self, viewer, strategy) -> None:
        answer = viewer.get(reverse(PAGE), {"day": "2020-01-01"})
        assert "nothing was decided on this day" in answer.content.decode()
        assert "no event reaches T-60m" in answer.content.decode()

    @pytest.mark.parametrize(
        "query",
        [{"day": "yesterday"}, {"day": "9999-12-31"}, {"strategy": "x"}, {"strategy": "0"}],
        ids=["no-day", "last-day", "no-strategy", "unknown-strategy"],
    )
    def test_answers_whatever_is_asked(self, viewer, strategy, query) -> None:
        assert viewer.get(reverse(PAGE), query).status_code == 200

    def test_asks_the_same_however_many_candidates_there_are(
        self, viewer, strategy, django_assert_max_num_queries
    ) -> None:
        now = timezone.now()
        for _ in range(5):
            predictions_of(
                an_event_with_prices(starts_at=now + timedelta(hours=1), seen_at=now), as_of=now
            )
        decide(strategy)
        viewer.get(reverse(PAGE))
        with django_assert_max_num_queries(18):
            viewer.get(reverse(PAGE))

    def test_is_led_to_from_strategies_and_dashboard(self, viewer, strategy) -> None:
        url = reverse(PAGE)
        for page in (
            reverse("admin:betting_strategy_changelist"),
            reverse("admin:betting_strategy_change", args=[strategy.pk]),
            "/admin/dashboard/panels",
        ):
            assert url in viewer.get(page).content.decode(), page

    def test_is_closed_to_those_who_may_not_see_decisions(self, strategy) -> None:
        client = Client()
        client.force_login(a_person("nina"))
        for url in (
            reverse(PAGE), reverse("admin:betting_strategy_preview", args=[strategy.pk]),
        ):  # fmt: skip
            assert client.get(url).status_code == 403


class TestPreviewPage:
    def test_shows_what_it_would_bet_and_writes_nothing(self, viewer, strategy) -> None:
        url = reverse("admin:betting_strategy_preview", args=[strategy.pk])
        assert (
            url
            in viewer.get(
                reverse("admin:betting_strategy_change", args=[strategy.pk])
            ).content.decode()
        )
        entries = AuditEntry.objects.count()
        text = viewer.get(url).content.decode()
        assert "Nothing is written" in text and "2.100 alpha" in text
        assert not Decision.objects.exists() and not Bet.objects.exists()
        assert AuditEntry.objects.count() == entries

    def test_says_what_it_refuses(self, viewer) -> None:
        replays = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        url = reverse("admin:betting_strategy_preview", args=[replays.pk])
        assert "decides by its own clock" in viewer.get(url).content.decode()

    def test_of_no_strategy_is_not_there(self, viewer) -> None:
        assert viewer.get(reverse("admin:betting_strategy_preview", args=[9])).status_code == 404


class TestDecisionPage:
    def test_lays_out_the_chain_with_a_price_that_may_not_be_taken(self, viewer, strategy) -> None:
        decide(strategy)
        bet = Decision.objects.get(verdict="BET")
        url = reverse("admin:betting_decision_change", args=[bet.pk])
        text = viewer.get(url).content.decode()
        assert "Every filter" in text and "Book not allowed" in text
        assert "2.200 at beta" in text


class TestApi:
    def test_tells_the_same_as_the_page(self, viewer, strategy) -> None:
        decide(strategy)
        told = viewer.get("/api/v1/why-no-bets", {"strategy": strategy.pk}).json()
        assert (told["candidates"], told["staked"], told["bets"], told["waiting"]) == (3, 1, 1, 1)
        assert told["steps"] == [
            {"reason": "EDGE_TOO_SMALL", "count": 2, "left": 1, "failed": 2, "alone": 2}
        ]
        assert told["nearest"][0]["needed"].startswith("an edge of 2.00 %")
        assert (told["shopping"][0]["bettered"], told["shopping"][0]["missed"]) == (
            1, pytest.approx(2.2 / 2.1 - 1),
        )  # fmt: skip
        assert {book["book"]: book["why"] for book in told["shopping_books"]} == {
            "alpha": "", "beta": "BOOK_NOT_ALLOWED",
        }  # fmt: skip
        assert told["before"][0]["events"] == 1

    def test_previews_and_writes_nothing(self, viewer, strategy) -> None:
        told = viewer.get(f"/api/v1/strategies/{strategy.pk}/preview").json()
        bet = next(row for row in told["decisions"] if row["verdict"] == "BET")
        assert (bet["book"], bet["price"]) == ("alpha", "2.100")
        assert bet["chain"]["best"] == ["beta", "2.200", "BOOK_NOT_ALLOWED"]
        assert not Decision.objects.exists()

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("date=yesterday", 400), ("date=9999-12-31", 409), ("date=0001-01-01", 409),
            ("strategy=abc", 400), ("strategy=0", 400), ("strategy=999999", 404),
            ("nearest=-1", 400), ("nearest=101", 400), ("colour=red", 400), ("strategy=%00", 400),
        ],
        ids=[
            "no-date", "last-date", "first-date", "no-id", "zero", "unknown", "negative",
            "too-many", "unknown-parameter", "nul",
        ],
    )  # fmt: skip
    def test_answers_bad_questions_as_such(self, viewer, strategy, query, status) -> None:
        answer = viewer.get(f"/api/v1/why-no-bets?{query}")
        assert answer.status_code == status, answer.content
        json.loads(answer.content)

    def test_refuses_to_preview_a_replay(self, viewer) -> None:
        replays = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        answer = viewer.get(f"/api/v1/strategies/{replays.pk}/preview")
        assert (answer.status_code, answer.json()["code"]) == (409, "PreviewRefused")

    @pytest.mark.parametrize("pk", ["999999", "9" * 30], ids=["unknown", "too-long"])
    def test_previews_no_strategy_that_is_not_there(self, viewer, pk) -> None:
        assert viewer.get(f"/api/v1/strategies/{pk}/preview").status_code == 404
