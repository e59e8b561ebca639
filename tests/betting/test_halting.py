import pytest

from betting import queries
from betting.models import TradingHalt
from betting.services import halting
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_book, a_sport, a_strategy

pytestmark = pytest.mark.django_db


def halt(**changes) -> TradingHalt:
    return halting.halt(
        **{"reason": "prices look wrong", "actor": "user:alice", "now": NOON, **changes}
    )


def lift(halt_id: int, reason: str = "they are right") -> TradingHalt:
    return halting.lift(halt_id=halt_id, actor="user:bob", reason=reason, now=NOON)


class TestHalt:
    def test_stands_with_who_when_and_why(self):
        standing = halt()
        assert list(queries.active_halts()) == [standing]
        entry = AuditEntry.objects.get(action="betting.halt")
        assert (entry.actor, entry.detail["reason"]) == ("user:alice", "prices look wrong")

    def test_twice_is_once(self):
        assert halt().pk == halt(actor="user:bob", reason="another").pk
        assert AuditEntry.objects.filter(action="betting.halt").count() == 1

    def test_may_stand_on_a_strategy_a_book_and_a_sport_beside_each_other(self):
        strategy, book, sport = a_strategy(), a_book(), a_sport()
        for scope, row in (("STRATEGY", strategy), ("BOOK", book), ("SPORT", sport)):
            halt(scope=scope, scope_id=row.pk)
        found = queries.halted()
        assert found.strategies == {strategy.pk}
        assert found.books == {book.pk}
        assert found.sports == {sport.pk}
        assert not found.everything

    @pytest.mark.parametrize(
        "changes",
        [
            {"reason": " "},
            {"scope": "MOON"},
            {"scope": "ALL", "scope_id": 1},
            {"scope": "BOOK"},
            {"scope": "BOOK", "scope_id": 999_999},
        ],
    )
    def test_refuses_what_names_nothing_or_gives_no_reason(self, changes):
        with pytest.raises(halting.HaltRefused):
            halt(**changes)


class TestLift:
    def test_lets_betting_go_on_and_keeps_the_halt_on_record(self):
        lifted = lift(halt().pk)
        assert not queries.halted().everything
        assert (lifted.lifted_by, lifted.lift_reason) == ("user:bob", "they are right")
        assert AuditEntry.objects.get(action="betting.lift").actor == "user:bob"

    def test_a_lifted_scope_can_be_halted_again(self):
        first = halt()
        lift(first.pk)
        assert halt().pk != first.pk

    def test_refuses_a_halt_that_does_not_stand(self):
        standing = halt()
        lift(standing.pk)
        with pytest.raises(halting.HaltRefused, match="does not stand"):
            lift(standing.pk)

    def test_refuses_without_a_reason(self):
        with pytest.raises(halting.HaltRefused, match="reason"):
            lift(halt().pk, reason="")


class TestLiftScope:
    def test_lifts_the_halt_that_stands_there_alone(self):
        book = a_book()
        everything = halt()
        halt(scope="BOOK", scope_id=book.pk)
        halting.lift_scope(
            reason="back", actor="user:bob", now=NOON, scope="BOOK", scope_id=book.pk
        )
        assert list(queries.active_halts()) == [everything]

    def test_refuses_where_none_stands(self):
        with pytest.raises(halting.HaltRefused, match="no halt stands on ALL"):
            halting.lift_scope(reason="back", actor="user:bob", now=NOON)


class TestCovers:
    def test_a_replay_heeds_only_a_halt_on_its_own_strategy(self):
        strategy = a_strategy()
        halt()
        asked = {"strategy_id": strategy.pk, "book_id": 1, "sport_id": 1}
        assert queries.halted().covers(**asked, live=True)
        assert not queries.halted().covers(**asked, live=False)
        halt(scope="STRATEGY", scope_id=strategy.pk)
        assert queries.halted().covers(**asked, live=False)
