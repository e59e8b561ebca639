from datetime import timedelta

import pytest

from betting import queries
from betting.models import TradingHalt
from betting.services import halting
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_book, a_competition, a_sport, a_strategy

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
        rows = {("STRATEGY", strategy.pk), ("BOOK", book.pk), ("SPORT", sport.pk)}
        for scope, row in rows:
            halt(scope=scope, scope_id=row)
        found = queries.halted()
        assert (found.stopped, found.reduced) == (rows, frozenset())
        assert found.books == {book.pk}
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


class TestHaltThatEnds:
    END = NOON + timedelta(minutes=30)

    def test_holds_until_its_time_and_nothing_from_then_on(self):
        halt(expires_at=self.END)
        assert queries.halted(at=self.END - timedelta(microseconds=1)).everything
        assert not queries.halted(at=self.END).everything

    def test_is_recorded_as_over_at_its_own_time_once(self):
        standing = halt(expires_at=self.END)
        assert halting.end_expired(now=NOON) == 0
        later = self.END + timedelta(hours=1)
        assert (halting.end_expired(now=later), halting.end_expired(now=later)) == (1, 0)
        standing.refresh_from_db()
        assert (standing.lifted_at, standing.lifted_by) == (self.END, "clock")
        assert AuditEntry.objects.filter(action="betting.halt_ended").count() == 1

    def test_makes_room_for_the_next_one(self):
        first = halt(expires_at=self.END)
        second = halting.halt(reason="again", actor="user:bob", now=self.END)
        assert first.pk != second.pk
        assert [row.pk for row in queries.active_halts(at=self.END)] == [second.pk]

    def test_cannot_be_lifted_once_it_is_over(self):
        standing = halt(expires_at=NOON + timedelta(seconds=1))
        with pytest.raises(halting.HaltRefused, match="does not stand"):
            halting.lift(
                halt_id=standing.pk, actor="user:bob", reason="x", now=NOON + timedelta(minutes=1)
            )

    @pytest.mark.parametrize(
        "ends",
        [
            pytest.param(timedelta(0), id="now"),
            pytest.param(timedelta(hours=-1), id="past"),
            pytest.param(timedelta(days=367), id="after-more-than-a-year"),
        ],
    )
    def test_ends_in_the_future(self, ends):
        with pytest.raises(halting.HaltRefused, match="in the future"):
            halt(expires_at=NOON + ends)


class TestHaltOnWhatIsHalted:
    END = NOON + timedelta(minutes=30)

    @pytest.mark.parametrize(
        "first, second",
        [
            pytest.param({}, {"expires_at": END}, id="shorter"),
            pytest.param({}, {"is_reduce_only": True}, id="looser"),
            pytest.param({"expires_at": END}, {"expires_at": END}, id="same"),
        ],
    )
    def test_returns_the_one_that_is_as_strict(self, first, second):
        assert halt(**first).pk == halt(**second).pk

    @pytest.mark.parametrize(
        "first, second, expected",
        [
            pytest.param({"expires_at": END}, {}, (None, False), id="longer"),
            pytest.param({"is_reduce_only": True}, {}, (None, False), id="stricter"),
            pytest.param(
                {"expires_at": END},
                {"is_reduce_only": True},
                (None, False),
                id="longer-and-looser-keeps-the-stricter",
            ),
            pytest.param(
                {"is_reduce_only": True, "expires_at": END},
                {"is_reduce_only": True, "expires_at": END + timedelta(hours=1)},
                (END + timedelta(hours=1), True),
                id="later-end",
            ),
        ],
    )
    def test_is_replaced_by_a_stricter_one_that_holds_all_of_both(self, first, second, expected):
        before, after = halt(**first), halt(actor="user:bob", **second)
        assert (after.expires_at, after.is_reduce_only) == expected
        before.refresh_from_db()
        assert (before.lifted_by, before.lift_reason) == (
            "user:bob",
            "replaced by a stricter pause",
        )
        assert [row.pk for row in queries.active_halts(at=NOON)] == [after.pk]

    def test_of_a_rule_stands_beside_that_of_a_person(self):
        mine, of_rule = halt(), halt(rule="daily-loss", expires_at=self.END)
        assert {row.pk for row in queries.active_halts(at=NOON)} == {mine.pk, of_rule.pk}
        lift(of_rule.pk)
        assert queries.halted(at=NOON).everything


class TestNamedHalts:
    def test_say_what_each_scope_is_called(self):
        strategy = a_strategy()
        named = {
            "ALL": (None, ""),
            "SPORT": (a_sport().pk, "soccer"),
            "COMPETITION": (a_competition().pk, "soccer-real"),
            "BOOK": (a_book().pk, "Alpha"),
            "STRATEGY": (strategy.pk, strategy.name),
            "MODEL": (strategy.pipeline_id, strategy.pipeline.code),
            "BANKROLL": (strategy.bankroll_id, strategy.bankroll.name),
        }
        assert set(named) == set(TradingHalt.Scope.values)
        for scope, (row, _) in named.items():
            halt(scope=scope, scope_id=row)
        found = queries.active_halts(at=NOON).values_list("scope", "scope_name")
        assert dict(found) == {scope: name for scope, (_, name) in named.items()}
