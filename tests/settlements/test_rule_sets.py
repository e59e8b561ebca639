from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from monitoring.models import AuditEntry
from settlements.domain import rule_choice
from settlements.domain.rule_choice import Version
from settlements.domain.terms import Terms
from settlements.models import RuleSet, RuleUse
from settlements.services import rule_sets
from settlements.services.rule_sets import Rules, RuleSetRefused
from tests.settlements.builders import NOON, a_book, a_competition

BY = {"reason": "their page of May", "actor": "test", "now": NOON}


class TestChoosing:
    USES = {
        (7, None, ""): "book", (7, 1, ""): "book and sport", (7, None, "WIN"): "book and kind",
        (None, 1, ""): "sport", (None, 1, "WIN"): "sport and kind", (None, None, "PLACE"): "kind",
    }  # fmt: skip

    @pytest.mark.parametrize(
        ("book", "sport", "kind", "code"),
        [
            pytest.param(7, 1, "WIN", "book and sport", id="sport before kind"),
            pytest.param(7, 2, "WIN", "book and kind", id="kind of the book's own"),
            pytest.param(7, 2, "TOTAL", "book", id="book alone"),
            pytest.param(8, 1, "WIN", "sport and kind", id="sport and kind"),
            pytest.param(8, 1, "PLACE", "sport", id="sport before another's kind"),
            pytest.param(8, 2, "PLACE", "kind", id="kind alone"),
            pytest.param(8, 2, "WIN", "usual", id="nobody spoke of it"),
        ],
    )
    def test_takes_the_most_specific(self, book, sport, kind, code):
        found = rule_choice.choose(self.USES, book_id=book, sport_id=sport, market_kind=kind)
        assert found == code

    @pytest.mark.parametrize(
        ("days", "version"),
        [(-1, 1), (0, 1), (1, 3), (9, 3)],
        ids=["before the first", "the first", "since the second's own moment", "long after"],
    )
    def test_takes_the_version_of_when_the_bet_was_struck(self, days, version):
        sinces = (NOON, NOON + timedelta(days=1), NOON + timedelta(days=1))
        versions = [
            Version(None, "x", number, since, Terms()) for number, since in enumerate(sinces, 1)
        ]
        found = rule_choice.in_force(reversed(versions), at=NOON + timedelta(days=days))
        assert found.version == version


@pytest.mark.django_db
class TestARuleSet:
    def test_is_made_version_by_version_and_never_in_place(self):
        first = rule_sets.make_version(code="ours", terms={"tie": "LOST"}, **BY)
        terms = {"tie": "LOST", "commission": {"base": "EACH_WIN", "rate": 0.05}}
        second = rule_sets.make_version(code="ours", terms=terms, since=NOON, **BY)
        assert (first.version, second.version) == (1, 2)
        assert second.terms["commission"] == {"base": "EACH_WIN", "rate": "0.05"}
        assert rule_sets.earlier(second) == first
        detail = AuditEntry.objects.filter(action="rule_set.made").latest("pk").detail
        assert (detail["before"], detail["reason"]) == (first.terms, "their page of May")
        for change in (
            lambda: RuleSet.objects.update(terms={}),
            lambda: RuleSet.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            pytest.param({"terms": {"tie": "DRAW"}}, "terms: tie", id="no value of the term"),
            pytest.param({"terms": {"ties": "LOST"}}, "terms: ties", id="no term"),
            pytest.param({"terms": [1]}, "expected terms", id="no terms at all"),
            pytest.param({"reason": " "}, "reason", id="no reason"),
            pytest.param({"code": "a b"}, "code: letters", id="no name"),
            pytest.param({"code": "a" * 41}, "code: up to", id="too long a name"),
            pytest.param({"terms": {}, "code": "usual"}, "says just that", id="nothing changed"),
        ],
    )
    def test_is_refused_where_it_cannot_be_read(self, asked, told):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        count = RuleSet.objects.count()
        with pytest.raises(RuleSetRefused, match=told):
            rule_sets.make_version(**{"code": "ours", "terms": {"tie": "LOST"}, **BY, **asked})
        assert RuleSet.objects.count() == count

    def test_that_is_shipped_is_written_once(self):
        assert rule_sets.ensure_shipped(now=NOON, actor="test") == len(rule_sets.SHIPPED)
        rule_sets.make_version(code="exchange", terms={"tie": "LOST"}, **BY)
        assert rule_sets.ensure_shipped(now=NOON, actor="test") == 0
        assert rule_sets.latest("exchange").terms == {"tie": "LOST"}


@pytest.mark.django_db
class TestAUse:
    def test_is_set_changed_and_taken_back(self):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        book, sport = a_book(), a_competition().sport
        where = {"book": book.code, "sport": "soccer", "market_kind": "TOTAL"}
        use = rule_sets.set_use(code="exchange", **where, **BY)
        again = rule_sets.set_use(code="tips_at_sp", **where, **BY)
        assert (again.pk, RuleUse.objects.count()) == (use.pk, 1)
        about = {"book_id": book.pk, "sport_id": sport.pk}
        assert Rules.load().code(**about, market_kind="TOTAL") == "tips_at_sp"
        assert Rules.load().code(**about, market_kind="SPREAD") == "usual"
        assert "tips_at_sp" in rule_sets.drop_use(use_id=use.pk, **BY)
        assert Rules.load().code(**about, market_kind="TOTAL") == "usual"
        actions = AuditEntry.objects.filter(action__startswith="rule_use.").order_by("pk")
        assert [entry.detail["before"] for entry in actions] == [None, "exchange", "tips_at_sp"]

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            pytest.param({"code": "moon"}, "no rule set 'moon'", id="no such set"),
            pytest.param({"book": "moon"}, "no book 'moon'", id="no such book"),
            pytest.param({"sport": "moon"}, "no sport 'moon'", id="no such sport"),
            pytest.param({"market_kind": "MOON"}, "no kind", id="no such kind"),
            pytest.param({"reason": ""}, "reason", id="no reason"),
        ],
    )
    def test_is_refused_of_what_there_is_not(self, asked, told):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        with pytest.raises(RuleSetRefused, match=told):
            rule_sets.set_use(**{"code": "exchange", **BY, **asked})
        assert not RuleUse.objects.exists()

    def test_is_refused_twice(self):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        rule_sets.set_use(code="exchange", **BY)
        with pytest.raises(RuleSetRefused, match="so already"):
            rule_sets.set_use(code="exchange", **BY)
        with pytest.raises(RuleSetRefused, match="no use"):
            rule_sets.drop_use(use_id=987, **BY)

    def test_of_many_is_read_in_two_queries(self, django_assert_num_queries):
        rule_sets.ensure_shipped(now=NOON, actor="test")
        with django_assert_num_queries(2):
            rules = Rules.load()
        assert rules.of("exchange", at=NOON).terms.non_runner == "REDUCTION_FACTOR"
        assert rules.of("moon", at=NOON) is None
        assert Rules({}, {}).of("usual", at=NOON).terms == Terms()


@pytest.mark.django_db
class TestTheCommand:
    def test_makes_shows_and_uses_them(self, capsys):
        terms = ("commission.rate=0.05", "least_reduction=0.02", "each_way=[]")
        call_command("rule_sets", "make", "exchange", *terms, reason="our rate", output="json")
        made = rule_sets.latest("exchange")
        assert made.version == 2
        assert made.terms["commission"] == {
            "base": "MARKET_NET", "is_of_bet": True, "rate": "0.05",
        }  # fmt: skip
        assert made.terms["least_reduction"] == "0.02"
        a_book("betfair_exchange")
        call_command("rule_sets", "use", "exchange", book="betfair_exchange", reason="theirs")
        capsys.readouterr()
        call_command("rule_sets", output="json")
        out = capsys.readouterr().out
        assert '"betfair_exchange"' in out and '"tips_at_sp"' in out
        call_command("rule_sets", "show", "exchange", output="json")
        assert '"commission.rate": "0.05"' in capsys.readouterr().out
        call_command("rule_sets", "drop", str(RuleUse.objects.get().pk), reason="not theirs")
        assert not RuleUse.objects.exists()
