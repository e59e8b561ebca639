"""Results as the world tells them: twice, late, corrected, exchanged, called off, in conflict.

Whatever the order, what is paid follows the last version once, and nobody is paid while a
source contradicts it.
"""

import os
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from markets.connectors.base import ParsedResult
from markets.domain import tellings
from markets.models import Event, Result, ResultDispute, Source
from markets.queries import results as queries
from markets.services import contesting, disputing, result_versions, resulting
from settlements.models import Settlement
from settlements.services import ledger, settling
from tests.settlements.builders import NOON, a_bankroll, a_selection, an_accepted_bet, an_event

pytestmark = pytest.mark.django_db
SOURCES = ("north", "south", "west")
ENDS = st.sampled_from(
    [
        ("FINAL", 1, 0),
        ("FINAL", 0, 1),  # the sides exchanged
        ("FINAL", 1, 1),
        ("ABANDONED", None, None),
        ("POSTPONED", None, None),
        ("INTERRUPTED", None, None),
        ("WITHDRAWN", None, None),
    ]
)
PAYS = {"HOME": Decimal("9.00"), "OTHER": Decimal("-10.00"), "VOID": Decimal("0.00")}


class Told(RuleBasedStateMachine):
    """Three sources, one match, one bet of 10.00 on its home side at 1.90."""

    @initialize()
    def begin(self) -> None:
        self.minutes = count(1)
        self.event = an_event()
        self.bet = an_accepted_bet(a_selection(self.event), bankroll=a_bankroll())
        self.told: list[tuple[str, tuple]] = []
        self.versions_before = 0

    def now(self):
        return NOON + timedelta(minutes=next(self.minutes))

    def tell(self, source: str, end: tuple, *, late: bool = False) -> resulting.Recorded:
        now = self.now()
        row, _ = Source.objects.get_or_create(code=source, defaults={"name": source})
        self.event.refresh_from_db()
        return resulting.record_results(
            results=[ParsedResult("one", *end, known_at=NOON - timedelta(hours=1), record=1)],
            events={"one": self.event},
            source=row,
            now=now,
            fetched_at=NOON - timedelta(minutes=30) if late else now,
            tell=lambda field, message, record=None: None,
        )

    @rule(source=st.sampled_from(SOURCES), end=ENDS)
    def a_source_tells(self, source: str, end: tuple) -> None:
        self.tell(source, end)
        self.told.append((source, end))

    @rule(source=st.sampled_from(SOURCES), end=ENDS)
    def a_source_tells_twice(self, source: str, end: tuple) -> None:
        self.tell(source, end)
        self.told.append((source, end))
        before = self.picture()
        again = self.tell(source, end)
        assert (again.new, again.corrected, again.changed_records) == (0, 0, set())
        assert self.picture() == before

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def an_old_telling_comes_late(self, data: st.DataObject) -> None:
        source, end = data.draw(st.sampled_from(self.told))
        own = list(self.rows().filter(source__code=source).values_list("pk", flat=True))
        before = self.rows().count()
        self.tell(source, end, late=True)
        latest = self.rows().last()
        if own and self.rows().count() > before:  # it ended an interruption, and corrected nothing
            standing = Result.objects.get(event=self.event, version=before)
            assert standing.status in tellings.PASSING and latest.status not in tellings.PASSING

    @precondition(lambda self: queries.held_events(event_ids=[self.event.pk]))
    @rule(keep=st.sampled_from(disputing.KEEPS))
    def a_person_decides(self, keep: str) -> None:
        dispute = queries.open_disputes().filter(event=self.event).first()
        told = contesting.telling_of(dispute)
        disputing.resolve(
            dispute_id=dispute.pk, keep=keep, actor="user:a", reason="report", now=self.now()
        )
        if keep == disputing.TOLD:
            latest = result_versions.load(event_ids=[self.event.pk])[self.event.pk].latest
            assert tellings.contradictions(latest.telling, told) == []

    @rule()
    def bets_are_settled(self) -> None:
        now = self.now()
        held = queries.held_events(event_ids=[self.event.pk])
        before = Settlement.objects.filter(bet=self.bet).count()
        settling.settle_due(as_of=now, now=now, actor="test", with_imbalance=False)
        self.bet.refresh_from_db()
        latest = self.rows().last()
        if held or latest is None or latest.status in tellings.PASSING:
            assert Settlement.objects.filter(bet=self.bet).count() == before
        else:
            assert self.bet.profit == self.due(latest)
            assert self.bet.settlements.order_by("revision").last().result_id == latest.pk

    @invariant()
    def versions_are_only_added(self) -> None:
        rows = list(self.rows())
        assert [row.version for row in rows] == list(range(1, len(rows) + 1))
        assert [row.known_at for row in rows] == sorted(row.known_at for row in rows)
        assert len(rows) >= self.versions_before
        self.versions_before = len(rows)

    @invariant()
    def what_is_open_contradicts_what_stands(self) -> None:
        latest = result_versions.load(event_ids=[self.event.pk])[self.event.pk].latest
        for dispute in queries.open_disputes().filter(event=self.event):
            found = tellings.contradictions(latest.telling, contesting.telling_of(dispute))
            assert [str(one) for one in found] == contesting.differs(dispute)
            assert dispute.standing_id == latest.row.pk
            assert dispute.source_id != latest.row.source_id

    @invariant()
    def the_event_follows_its_newest_result(self) -> None:
        latest = self.rows().last()
        if latest is not None:
            status = Event.objects.get(pk=self.event.pk).status
            assert status == resulting.STATUS[latest.status]

    @invariant()
    def the_books_balance(self) -> None:
        assert ledger.imbalance(bankroll_ids=[self.bet.bankroll_id]) == 0

    def rows(self):
        return Result.objects.filter(event=self.event).order_by("version")

    def picture(self) -> tuple:
        disputes = ResultDispute.objects.filter(event=self.event).order_by("pk")
        return list(self.rows().values()), list(disputes.values())

    @staticmethod
    def due(result: Result) -> Decimal:
        if result.status != "FINAL":
            return PAYS["VOID"]
        return PAYS["HOME" if result.home_score > result.away_score else "OTHER"]


class TestResults:
    def test_are_paid_by_the_last_version_once_however_they_are_told(self):
        run_state_machine_as_test(
            Told,
            settings=settings(
                max_examples=int(os.environ.get("TOLD_EXAMPLES", "5")),  # more in make faults
                stateful_step_count=25,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
