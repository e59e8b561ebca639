import pytest
from django.urls import reverse

from markets.admin import ladders as parts
from markets.models import Selection
from monitoring.services import roles
from tests.config.test_api import a_user
from tests.markets.test_laddering import a_ladder, book, offers, record, selection

pytestmark = pytest.mark.django_db
__all__ = ["book", "record", "selection"]  # fixtures of the neighbouring file


@pytest.fixture
def viewer(client):
    client.force_login(a_user("vera", roles.VIEWER))
    return client


def address(selection, query=""):
    return f"/api/v1/selections/{selection.pk}/ladder{query}"


class TestSelectionLadder:
    def test_returns_the_newest_ladder(self, viewer, record, selection):
        record(a_ladder(), a_ladder(seconds=10, back=offers(("2.7", "3"))))
        (row,) = viewer.get(address(selection)).json()
        assert (row["book"], row["seen_at"]) == ("exchange", "2031-03-04T03:20:10Z")
        assert row["back"] == [{"price": "2.700", "size": "3.00"}]
        assert row["lay"] == [{"price": "2.600", "size": "5.00"}]
        assert (row["last_traded"], row["matched"]) == ("2.540", "99.50")

    def test_returns_what_was_known_at_a_moment(self, viewer, record, selection):
        record(a_ladder(), a_ladder(seconds=10))
        (row,) = viewer.get(address(selection, "?as_of=2031-03-04T03:20:09Z")).json()
        assert row["seen_at"] == "2031-03-04T03:20:00Z"

    def test_returns_more_of_them_newest_first(self, viewer, record, selection):
        record(*(a_ladder(seconds=n) for n in range(5)))
        rows = viewer.get(address(selection, "?limit=3&book=exchange")).json()
        assert [row["seen_at"][-3:] for row in rows] == ["04Z", "03Z", "02Z"]

    def test_returns_nothing_where_no_exchange_told_of_any(self, viewer, selection):
        assert viewer.get(address(selection)).json() == []

    @pytest.mark.parametrize("query", ["?limit=0", "?as_of=2031-03-04", "?depth=3", "?book=a b"])
    def test_refuses_what_it_does_not_understand(self, viewer, selection, query):
        assert viewer.get(address(selection, query)).status_code == 400

    @pytest.mark.parametrize("pk", [10**9, 2**62 + 1, 10**30])
    def test_knows_no_such_selection(self, viewer, pk):
        assert viewer.get(f"/api/v1/selections/{pk}/ladder").status_code == 404

    def test_is_closed_to_strangers(self, client, selection):
        assert client.get(address(selection)).status_code == 401

    def test_needs_few_queries(self, viewer, record, selection, django_assert_max_num_queries):
        record(*(a_ladder(seconds=n) for n in range(50)))
        viewer.get(address(selection))
        with django_assert_max_num_queries(8):
            viewer.get(address(selection, "?limit=50"))


class TestLadderParts:
    def test_show_both_sides_and_how_they_came(self, record, selection):
        record(a_ladder(), a_ladder(seconds=10, lay=()))
        table, chart = parts.ladder_parts(selection)
        assert table.rows == [("10.00", "2.50", None, None), ("30.00", "2.40", None, None)]
        assert "last traded 2.54, 99.50 matched" in table.note
        assert [len(points) for points in chart.series.values()] == [2, 1]

    def test_are_none_without_a_ladder(self, selection):
        assert parts.ladder_parts(selection) == []

    def test_stand_on_the_selections_page(self, admin_client, record, selection):
        record(a_ladder())
        page = admin_client.get(
            reverse("admin:markets_selection_change", args=[Selection.objects.get().pk])
        )
        assert (page.status_code, b"Ladder at The exchange" in page.content) == (200, True)
