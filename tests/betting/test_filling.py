import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.urls import reverse

from betting import monitors
from betting.domain.fills import Share
from betting.services import filling
from monitoring import registry
from monitoring.services import roles
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_part,
    a_replay,
    a_strategy,
    an_event,
)
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
D = Decimal
LATER = NOON + timedelta(hours=1)


def figures(**terms: object) -> dict[tuple[str, str], filling.Figures]:
    found = filling.figures(since=NOON - timedelta(days=1), until=LATER, **terms)
    return {(each.dimension, each.name): each for each in found}


class TestShare:
    @pytest.mark.parametrize(
        "hits, n, interval",
        [(0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (50, 100, (0.4038, 0.5962))],
        ids=["none", "all", "half"],
    )
    def test_has_wilsons_interval(self, hits, n, interval):
        assert Share(hits, n).interval == pytest.approx(interval, abs=1e-4)

    def test_of_nothing_says_nothing(self):
        assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)
        assert not Share(0, 0).is_below(1.0, fewest=1, surely=False)


def some_orders() -> None:
    """Of four orders that ended one each is filled, filled in part, void of match, turned down."""
    event, bankroll = an_event(), a_bankroll()
    common = {"event": event, "bankroll": bankroll}
    a_bet(**common, requested_price=D("2.00"), price=D("2.10"), latency_ms=100)
    a_part(**common, order_state="LAPSED", stake="4.00", requested_stake=D("10.00"),
           price=D("2.02"), requested_price=D("2.00"), latency_ms=300)  # fmt: skip
    a_bet(**common, status="CANCELLED", book=a_book("beta"))
    a_bet(**common, status="REJECTED", book=a_book("beta"))


class TestFigures:
    def test_tell_of_all_and_by_book_market_and_strategy(self):
        some_orders()
        a_bet(strategy=a_strategy())
        found = figures()
        everything = found["ALL", ""]
        assert (everything.n, everything.filled, everything.in_part) == (5, 2, 1)
        assert (everything.rejected, everything.asked, everything.matched) == (1, 50, 24)
        assert (found["BOOK", "Alpha"].n, found["BOOK", "Beta"].filled) == (3, 0)
        assert found["MARKET", "MATCH_ODDS"].n == 5
        assert [each.n for key, each in found.items() if key[0] == "STRATEGY"] == [1]

    def test_slippage_is_against_what_was_asked_whichever_side(self):
        some_orders()
        alpha = figures()["BOOK", "Alpha"]
        assert (alpha.slippage, alpha.priced) == (pytest.approx(-0.03), 2)
        assert alpha.error == pytest.approx(0.02)
        assert (alpha.median_ms, alpha.late_ms) == (200, pytest.approx(290))
        a_bet(side="LAY", requested_price=D("2.00"), price=D("1.90"), book=a_book("gamma"))
        assert figures()["BOOK", "Gamma"].slippage == pytest.approx(-0.05)

    def test_leave_out_what_is_open_recorded_by_hand_a_replays_or_of_another_time(self):
        a_bet(status="RESERVED")
        a_part()
        a_bet(venue="hand")
        a_bet(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        a_bet(placed_at=LATER)
        assert figures() == {}

    def test_are_of_one_kind_of_money_where_asked(self):
        a_bet()
        a_bet(bankroll=a_bankroll(kind="LIVE"), venue="betfair")
        a_bet(bankroll=a_bankroll(is_simulated=True))
        assert figures(kind="LIVE")["ALL", ""].n == 1
        assert figures(is_simulated=True)["ALL", ""].n == 1

    def test_ask_once_however_many_there_are(self, django_assert_num_queries):
        for code in ("alpha", "beta", "gamma"):
            a_bet(book=a_book(code))
        with django_assert_num_queries(1):
            figures()


def found() -> list[tuple[str, str]]:
    return [(one.severity, one.subject) for one in registry.checks[monitors.FILLS].run(LATER)]


def orders(filled: int, refused: int) -> str:
    event, bankroll = an_event(), a_bankroll()
    for n in range(filled + refused):
        a_bet(event=event, bankroll=bankroll, status="ACCEPTED" if n < filled else "REJECTED")
    return f"markets.Book:{a_book().pk}"


class TestCheck:
    def test_finds_what_is_filled_too_seldom_and_is_over_once_it_is_better(self):
        book = orders(filled=12, refused=20)
        assert found() == [("P1", book), ("P1", "fills:MATCH_ODDS")]
        orders(filled=90, refused=0)
        assert found() == []

    def test_knows_low_from_bad(self, change_threshold):
        book = orders(filled=24, refused=8)  # 75 %
        change_threshold(filling.FILLS_SURELY, 0)
        change_threshold(filling.FILLS_FEWEST, 32)
        assert found()[0] == ("P2", book)

    def test_says_nothing_of_few_orders_or_where_it_may_be_chance(self):
        orders(filled=0, refused=29)
        assert found() == []
        orders(filled=23, refused=0)  # 44 % of 52: surely low
        assert len(found()) == 2
        orders(filled=60, refused=0)  # 74 % of 112: below .8, and the interval reaches .813
        assert found() == []


@pytest.fixture
def viewer(client):
    roles.ensure_roles()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


class TestDoors:
    def test_page_shows_every_table(self, viewer):
        some_orders()
        page = viewer.get(reverse("admin:betting_fills") + "?days=3660&simulated=false")
        assert page.status_code == 200
        assert "By strategy" in page.content.decode()
        assert viewer.get(reverse("admin:betting_fills") + "?days=x").status_code == 200

    def test_api_gives_the_same_figures(self, viewer):
        some_orders()
        window = "since=2031-02-01T00:00:00Z&until=2031-04-01T00:00:00Z"
        (alpha,) = [
            row for row in viewer.get(f"/api/v1/fills?{window}").json() if row["name"] == "Alpha"
        ]
        assert (alpha["n"], alpha["fill_rate"], alpha["asked"]) == (2, 0.5, "20.00")
        assert viewer.get("/api/v1/fills?since=yesterday").status_code == 400
        assert viewer.get("/api/v1/fills?kind=REPLAY").status_code == 400

    def test_command_lists_them(self, capsys):
        call_command("fills", "--days", "3660", "--output", "json")
        assert json.loads(capsys.readouterr().out)["fills"] == []

    def test_panel_shows_books(self):
        orders(filled=12, refused=20)
        context = registry.panels["betting.fills"].context(LATER)
        assert [each.name for each in context["figures"]] == ["Alpha"]
        assert context["low"] == {a_book().pk}
