"""Settled bets outlive a step back and forth; what the release before cannot say keeps it out."""

from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from betting.models import Bet
from settlements.models import LedgerTransfer, Settlement
from settlements.services import ledger, rule_sets, settling
from tests.settlements.builders import NOON, a_bankroll, a_result, an_accepted_bet
from tests.settlements.racing import a_race, a_told_bet

BEFORE = [("settlements", "0001_initial"), ("betting", "0017_order_replacements")]


@pytest.fixture
def newest():
    """Bring the tables to the newest migrations again, whatever happens."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def settle():
    return settling.settle_due(as_of=NOON, now=NOON, actor="test")


@pytest.mark.django_db(transaction=True)
def test_settled_bets_stay_as_they_are_and_are_corrected_afterwards(newest):
    bet = an_accepted_bet()
    a_result(bet, 2, 1)
    settle()
    told = [Bet.objects.values().get(), Settlement.objects.values().get()]
    MigrationExecutor(connection).migrate(BEFORE)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert [Bet.objects.values().get(), Settlement.objects.values().get()] == told
    assert ledger.imbalance() == 0
    a_result(bet, 0, 1, known_at=NOON)
    assert settle().resettled == 1
    assert LedgerTransfer.objects.filter(kind="REVERSAL").count() == 1


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
