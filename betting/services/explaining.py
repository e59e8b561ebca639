"""Telling why there were no bets, and what a strategy would bet now.  Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from betting import queries
from betting.domain import before, funnel
from betting.models import Bankroll, Decision, Strategy
from betting.queries import why
from betting.services import deciding
from markets.models import Selection
from monitoring.errors import Refused

PREDICTIONS_AT_MOST = 600
DAYS = (date(1990, 1, 1), date(2199, 12, 31))  # what any zone's calendar can be asked for
_JUST = timedelta(seconds=1)


class NoSuchStrategy(Refused):
    """The name is no strategy's."""


class DayRefused(Refused):
    """No account is kept of such a day."""


class PreviewRefused(Refused):
    """What this strategy would bet now cannot be told."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A pass that one filter alone stopped; ``miss`` is its distance as a share of the bound."""

    decision: int
    event_id: int
    event: str
    selection: str
    strategy: str
    book: str | None
    price: str | None
    probability: float
    edge: float | None
    reason: str
    values: Sequence[float]  # what it came to, and the bounds
    missing: float
    needed: str


@dataclass(frozen=True, slots=True)
class Stood:
    """What a strategy had to decide on, and what stood in between."""

    seen: before.Before
    causes: Sequence[before.Cause]


@dataclass(frozen=True, slots=True)
class Account:
    """Why there were bets, or none, from ``since`` to before ``until``."""

    since: datetime
    until: datetime
    time_zone: str
    strategy: Strategy | None
    funnel: funnel.Funnel
    stood: Sequence[Stood]
    nearest: Sequence[Miss]
    shopped: Sequence[why.Shopped]
    shopped_books: Sequence[why.ShoppedBook]


def account(
    *, now: datetime, day: date | None = None, strategy: Strategy | None = None, nearest: int = 10
) -> Account:
    """Account for a betting day: today's without ``day``, in the strategy's zone or UTC.

    Needs seven queries, whatever the day held.

    Raises:
        DayRefused: a day outside ``DAYS``.
    """
    if day is not None and not DAYS[0] <= day <= DAYS[1]:
        raise DayRefused(f"a day from {DAYS[0]} to {DAYS[1]} is expected, not {day}")
    zone = strategy.bankroll.time_zone if strategy else "UTC"
    since, until = queries.betting_day(at=now, time_zone=zone)
    if day is not None:
        since, until = queries.day_bounds(day=day, time_zone=zone)
    asked: dict[str, Any] = {
        "since": since, "until": until, "strategy_id": strategy.pk if strategy else None,
    }  # fmt: skip
    begun = {**asked, "until": min(until, now + _JUST)}  # what is still to come lacks nothing yet
    shopped, books = why.shopping(**asked)
    return Account(
        since=since,
        until=until,
        time_zone=zone,
        strategy=strategy,
        funnel=funnel.build(why.tally(**asked)),
        stood=[Stood(seen, before.causes(seen)) for seen in why.what_came_before(**begun)],
        nearest=[_miss(decision) for decision in why.nearest_misses(**asked)[:nearest]],
        shopped=shopped,
        shopped_books=books,
    )


def strategy_named(name: str) -> Strategy:
    """Return a strategy by its name.

    Raises:
        NoSuchStrategy: there is none.
    """
    found = Strategy.objects.select_related("bankroll", "pipeline").filter(name=name).first()
    if found is None:
        raise NoSuchStrategy(f"there is no strategy {name!r}")
    return found


def _miss(decision: Any) -> Miss:
    reason = decision.chain["failed"][0]
    values = decision.chain["filters"][reason]
    event = decision.selection.market.event
    return Miss(
        decision=decision.pk,
        event_id=event.pk,
        event=str(event),
        selection=str(decision.selection),
        strategy=decision.strategy.name,
        book=decision.book.code if decision.book else None,
        price=None if decision.price is None else str(decision.price),
        probability=decision.probability,
        edge=decision.edge,
        reason=reason,
        values=values,
        missing=decision.miss,
        needed=funnel.needed(
            reason=reason,
            values=values,
            probability=decision.probability,
            refund=decision.chain.get("refund", 0.0),
            is_net=_is_net(decision),
        ),
    )


def _is_net(decision: Decision) -> bool:
    """Tell whether an exchange took its commission off the decision's price."""
    net = decision.chain.get("net_price")
    return net is not None and decision.price is not None and net != float(decision.price)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decision that was not written, with the names of what it is about."""

    event_id: int
    event: str
    starts_at: datetime
    selection: str
    book: str | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Preview:
    """What a strategy would decide at this moment; bets first, then by the start."""

    strategy: Strategy
    as_of: datetime
    candidates: Sequence[Candidate]
    is_cut: bool  # there are more predictions than were looked at
    causes: Sequence[before.Cause]  # why there is nothing to decide on, where there is not

    @property
    def bets(self) -> list[Candidate]:
        return [one for one in self.candidates if one.decision.verdict == Decision.Verdict.BET]


_LATEST = """
    select distinct on (e.starts_at, f.event_id, f.selection_id) f.id
    from models_ml_prediction f
    join models_ml_modelversion v on v.id = f.version_id and v.stage = 'PRODUCTION'
        and v.pipeline_id = %(pipeline)s
    join models_ml_featurerow r on r.id = f.feature_row_id
        and r.replay_id is null and r.rehearsal_id is null
    join markets_event e on e.id = f.event_id and e.starts_at > %(now)s
        and e.status = 'SCHEDULED'
    order by e.starts_at, f.event_id, f.selection_id, f.as_of desc, f.id desc
    limit %(most)s
"""


def preview(*, strategy: Strategy, now: datetime) -> Preview:
    """Decide the latest predictions of coming events as if they had to be now; write nothing.

    Raises:
        PreviewRefused: a replay's strategy, which decides by its own clock.
    """
    if strategy.bankroll.kind == Bankroll.Kind.REPLAY:
        raise PreviewRefused(f"{strategy} belongs to a replay, which decides by its own clock")
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "pipeline": strategy.pipeline_id,
            "now": now,
            "most": PREDICTIONS_AT_MOST + 1,
        }
        cursor.execute(_LATEST, asked)
        ids = [row[0] for row in cursor.fetchall()]
    decisions = deciding.decide(
        strategy=strategy,
        prediction_ids=ids[:PREDICTIONS_AT_MOST],
        as_of=now,
        now=now,
        dry_run=True,
    )
    return Preview(
        strategy=strategy,
        as_of=now,
        candidates=_named(decisions),
        is_cut=len(ids) > PREDICTIONS_AT_MOST,
        causes=() if decisions else _why_none(strategy=strategy, now=now),
    )


def _named(decisions: Sequence[Decision]) -> list[Candidate]:
    selections = Selection.objects.select_related("market__event").in_bulk(
        [decision.selection_id for decision in decisions]
    )
    books = queries.book_codes()
    found = []
    for decision in decisions:
        selection = selections[decision.selection_id]
        event = selection.market.event
        book = books.get(decision.book_id or 0)
        found.append(
            Candidate(event.pk, str(event), event.starts_at, str(selection), book, decision)
        )
    is_pass = Decision.Verdict.PASS
    return sorted(found, key=lambda one: (one.decision.verdict == is_pass, one.starts_at))


def _why_none(*, strategy: Strategy, now: datetime) -> tuple[before.Cause, ...]:
    since, until = queries.betting_day(at=now, time_zone=strategy.bankroll.time_zone)
    seen = why.what_came_before(since=since, until=until, strategy_id=strategy.pk)
    return tuple(cause for one in seen for cause in before.causes(one))
