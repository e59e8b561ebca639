"""The rules of data quality together."""

from datetime import UTC, datetime

import pytest

from markets.domain import quality
from markets.models import QualityFinding
from markets.queries import quality as queries
from markets.queries.quality import Scope
from tests.markets.quality import (
    HOUR,
    NOW,
    a_league,
    an_event,
    found,
    quote,
)

DAY = 24 * HOUR


def shown(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestRules:
    def test_are_all_looked_at(self):
        assert quality.RULES.keys() == {*queries._RULES, "season-count"}

    @pytest.mark.parametrize("rule", quality.RULES.values(), ids=lambda rule: rule.kind)
    def test_say_what_to_do(self, rule):
        assert len(rule.kind) <= 40
        assert len(rule.act) > 40
        assert rule.reach in (quality.NOW, quality.HISTORY)


@pytest.mark.django_db
class TestFind:
    @pytest.mark.parametrize("kind", quality.RULES)
    def test_takes_few_statements_however_much_there_is(self, kind, django_assert_max_num_queries):
        for i in range(6):
            event = an_event(f"Home {i}", f"Away {i}")
            quote(event, HOME="2.1", DRAW="3.4", AWAY="8.0")
            quote(event, "TOTAL", line="2.5", OVER="3.0", UNDER="1.9")
        with django_assert_max_num_queries(5):
            queries.find(kind=kind, scope=Scope(as_of=NOW))

    def test_names_the_worst_first_and_counts_the_rest(self, monkeypatch):
        monkeypatch.setattr(queries, "AT_MOST", 2)
        for i, away in enumerate(("6.0", "12.0", "8.0")):
            quote(an_event(f"H{i}", f"A{i}"), HOME="2.1", DRAW="3.4", AWAY=away)
        result = queries.find(kind="overround", scope=Scope(as_of=NOW))
        assert [flaw.detail[:2] for flaw in result.flaws] == ["H1", "H2"]
        assert (result.total, result.is_whole) == (3, False)

    def test_keeps_to_the_asked_competition(self):
        quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
        other = a_league("X2")
        assert found("overround", competition_id=other.pk) == []
        assert QualityFinding.objects.count() == 0
