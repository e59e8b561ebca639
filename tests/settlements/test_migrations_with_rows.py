"""What was settled by rules that the release before does not know keeps that release out."""

from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction

from settlements.services import rule_sets, settling
from tests.settlements.builders import NOON, a_bankroll, a_result, an_accepted_bet
from tests.settlements.racing import a_race, a_told_bet


def settle():
    return settling.settle_due(as_of=NOON, now=NOON, actor="test")


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["files told", "commission was taken"], ids=["told", "commission"])
def test_what_the_release_before_has_no_words_for_keeps_it_out(what):
    if what == "files told":
        rule_sets.ensure_shipped(now=NOON, actor="test")
        a_told_bet(a_race("A")["A"], "LOST", price="3.460")
    else:
        terms = {"commission": {"base": "EACH_WIN", "rate": "0.10"}}
        by = {"reason": "theirs", "actor": "test", "now": NOON}
        rule_sets.make_version(code="theirs", terms=terms, **by)
        rule_sets.set_use(code="theirs", **by)
        a_result(an_accepted_bet(bankroll=a_bankroll()), 1, 0)
    assert settle().settled == 1
    guard = import_module("settlements.migrations.0003_settled_by_rule_sets").NO_WAY_BACK
    with pytest.raises(DatabaseError, match=what), transaction.atomic():
        connection.cursor().execute(guard)
