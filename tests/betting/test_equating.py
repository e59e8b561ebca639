"""Saying which books settle a kind of market by the same terms."""

import pytest

from betting.models import BookRule, SettlingTerms
from betting.services import arbitraging, equating
from monitoring.models import AuditEntry
from tests.betting.arbitrage import a_seeker, two_way
from tests.betting.builders import NOON, a_book

pytestmark = pytest.mark.django_db


class TestSettlingTerms:
    def test_are_said_taken_back_and_audited(self):
        event = two_way().event
        sport, books = event.competition.sport, [a_book("alpha").pk, a_book("beta").pk]
        said = {"sport_id": sport.pk, "kind": "MONEYLINE", "actor": "user:alice", "now": NOON}
        rows = equating.set_terms(**said, book_ids=books, terms=" with  overtime", reason="read")
        assert {row.terms for row in rows} == {"with overtime"}
        assert equating.set_terms(**said, book_ids=books[:1], terms="", reason="wrong") == []
        left = SettlingTerms.objects.filter(kind="MONEYLINE").values_list("book__code", flat=True)
        assert sorted(left) == ["beta", "gamma"]
        told = AuditEntry.objects.filter(action="betting.set_settling_terms").order_by("pk")
        assert [entry.detail["after"] for entry in told] == ["with overtime"] * 2 + [""]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"reason": " "}, {"kind": "WIN"}, {"sport_id": 0}, {"book_ids": []},
            {"book_ids": [0]}, {"terms": "x" * 121}, {"terms": "a\x00b"},
        ],
        ids=["no-reason", "kind", "sport", "no-book", "book", "long", "nul"],
    )  # fmt: skip
    def test_are_refused_where_they_say_nothing_sound(self, wrong):
        sport = two_way().event.competition.sport
        asked = {
            "sport_id": sport.pk, "kind": "MONEYLINE", "book_ids": [a_book("alpha").pk],
            "terms": "x", "reason": "read", "actor": "user:alice", "now": NOON, **wrong,
        }  # fmt: skip
        with pytest.raises(equating.TermsRefused):
            equating.set_terms(**asked)

    def test_may_be_those_that_the_books_own_rules_write_down(self):
        two_way({"alpha": ("2.10", "1.80"), "beta": ("1.83", "2.05")})
        SettlingTerms.objects.all().delete()
        for book in ("alpha", "beta"):
            BookRule.objects.create(
                book=a_book(book), push_rule="Stake back", overtime_rule="Counts",
                changed_by="t", changed_at=NOON,
            )  # fmt: skip
        a_seeker()
        assert arbitraging.look_due(now=NOON)["states"] == {"HEDGED": 1}
