"""Reading history for a backtest: candidates with what was known when each is decided.

Set-based: a handful of queries for each span of events, whatever it holds.  Prices stand as they
were on offer at the candidate's own moment, less the latency asked for, by the rules by which live
betting reads its board; how it ended and what it closed at stand beside, for paying and valuing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from markets import queries as markets
from markets.domain import kinds
from markets.models import Book, Competition
from markets.services import closing, copying
from models_ml.domain import stages
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from settlements.domain.backtesting import calendars, history
from settlements.domain.backtesting.history import BadHistory, Floats, History, Ints
from settlements.services import history_ends, probabilities
from settlements.services.probabilities import Source
from settlements.services.rule_sets import Rules

CHUNK = 2_000  # events in one span
ROLES = tuple(sorted({role for kind in history.KINDS for role in kinds.ROLES[kind]}))


class NoHistory(Refused):
    """Nothing is known of what was asked for, or nobody told its probabilities."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which history: whose probabilities, which events, and when each is decided."""

    source: Source
    since: datetime
    until: datetime
    competitions: tuple[str, ...] = ()  # codes; none: every one
    stage: str = stages.FINAL_STAGE
    latency: timedelta = timedelta(0)  # how old the prices are that are decided by


def load(
    *, asked: Asked, as_of: datetime, now: datetime, progress: RunHandle | None = None
) -> History:
    """Return what was known, as the world knows by ``as_of`` how it ended.

    Closes that nobody recorded yet are, first.

    Raises:
        NoHistory: upside-down dates, an unknown competition, no event, no probability.
    """
    check(asked)
    rows = _candidates(asked, as_of=as_of)
    if not len(rows["event"]):
        raise NoHistory(
            f"no {asked.source.kind} of an event that started from {asked.since:%Y-%m-%d} to"
            f" {asked.until:%Y-%m-%d} is loaded"
        )
    _record_closes(rows["event"], as_of=as_of, now=now)
    books = _books(asked, _sport(rows["sport"]), as_of=as_of)
    prices, ages = _prices(rows, asked, books, progress=progress)
    told = probabilities.read(
        asked.source, rows=rows, prices=prices, books=books, stage=asked.stage
    )
    if not np.isfinite(told.probability).any():
        raise NoHistory(f"{asked.source.name} tells no probability of these events")
    outcome, settles = history_ends.ends(rows, kind=asked.source.kind, as_of=as_of)
    close, close_price = history_ends.closes(rows["selection"], as_of=as_of)
    try:
        return history.check(
            History(
                kind=asked.source.kind,
                books=tuple(book for book, _ in books),
                probability=told.probability,
                refund=told.refund,
                prices=prices,
                ages=ages,
                outcome=outcome,
                settles=settles,
                close=close,
                close_price=close_price,
                **{name: column for name, column in rows.items() if name not in ("scale",)},
            )
        )
    except BadHistory as no:
        raise NoHistory(str(no)) from no


def check(asked: Asked) -> None:
    """Refuse what no history can be read for.

    Raises:
        NoHistory: upside-down dates, an unknown stage or competition, a kind no score decides.
    """
    if asked.until <= asked.since:
        raise NoHistory(f"until {asked.until:%Y-%m-%d} is not after since {asked.since:%Y-%m-%d}")
    if asked.stage not in stages.STAGES:
        raise NoHistory(f"there is no stage {asked.stage!r}: {', '.join(stages.STAGES)}")
    if asked.latency < timedelta(0):
        raise NoHistory("a latency is not below 0")
    if asked.source.kind not in history.KINDS:
        raise NoHistory(
            f"{asked.source.kind} is not decided by a score: {', '.join(history.KINDS)}"
        )
    known = set(Competition.objects.values_list("code", flat=True))
    if missing := sorted(set(asked.competitions) - known):
        there = ", ".join(sorted(known)) or "none"
        raise NoHistory(f"no competition {', '.join(missing)}; there are: {there}")


_CANDIDATES = """
select e.id, m.id, s.id, array_position(%(roles)s::text[], s.role::text)::bigint,
       round(coalesce(case when m.kind in ('ASIAN_HANDICAP', 'SPREAD') then s.line else m.line end,
                      -100000) * 4)::bigint,
       e.starts_at, coalesce(least(e.started_at, e.starts_at), e.starts_at),
       round(c.time_scale * 1000)::bigint, c.sport_id, c.id, coalesce(e.home_id, -1),
       coalesce(e.away_id, -1)
from markets_event e
join markets_competition c on c.id = e.competition_id
join markets_market m on m.event_id = e.id and m.kind = %(kind)s and m.period = 'FULL'
join markets_selection s on s.market_id = m.id and s.role = any(%(roles)s)
where e.starts_at >= %(since)s and e.starts_at < least(%(until)s, %(as_of)s)
  and c.is_simulated = %(is_simulated)s and e.home_id is not null
  and (%(codes)s::text[] is null or c.code = any(%(codes)s))
"""
_NAMES = (
    "event", "market", "selection", "role", "quarters", "planned", "starts", "scale", "sport",
    "competition", "home", "away",
)  # fmt: skip
_MOMENTS = ("planned", "starts")


def _candidates(asked: Asked, *, as_of: datetime) -> dict[str, Any]:
    """Return the selections of the events that started by then, in the order of deciding.

    An event that began before its stage is left out: nobody could have bet on it then.
    """
    told = {
        "kind": asked.source.kind, "since": asked.since, "until": asked.until, "as_of": as_of,
        "roles": list(ROLES), "is_simulated": asked.source.is_simulated,
        "codes": list(asked.competitions) or None,
    }  # fmt: skip
    kinds = ["moment" if name in _MOMENTS else "bigint" for name in _NAMES]
    columns = copying.read_columns(query=_CANDIDATES, parameters=told, kinds=kinds)
    rows: dict[str, Any] = dict(zip(_NAMES, columns, strict=True))
    rows["as_of"] = _moments(rows.pop("planned"), rows["scale"], stage=asked.stage)
    order = np.lexsort((rows["selection"], rows["event"], rows["as_of"]))
    order = order[rows["starts"][order] > rows["as_of"][order]]
    rows = {name: column[order] for name, column in rows.items()}
    lines = rows["quarters"].astype(np.float64)
    rows["quarters"] = np.where(lines <= -400_000, np.nan, lines)
    rows["role"] = np.array(ROLES, dtype=str)[rows["role"] - 1]
    return rows


def _moments(starts: Ints, scale: Ints, *, stage: str) -> Ints:
    """Return when each event's stage opens, as ``stages.opens_at`` says, in µs."""
    found = starts.copy()
    for each in np.unique(scale).tolist():
        lead = stages.STAGES[stage] / (each / 1000)
        found[scale == each] -= lead // timedelta(microseconds=1)
    return found


def _record_closes(events: Ints, *, as_of: datetime, now: datetime) -> None:
    ids = np.unique(events).tolist()
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_CLOSE, [ids])
        missing = [row[0] for row in cursor.fetchall()]
    if missing:
        closing.record_closes(as_of=as_of, now=now, event_ids=missing)


_WITHOUT_CLOSE = """
select e.id from unnest(%s::bigint[]) as e (id)
where not exists (
    select from markets_market m join markets_selection s on s.market_id = m.id
    join markets_closingprice p on p.selection_id = s.id where m.event_id = e.id)
"""


def _sport(sports: Ints) -> int:
    found = np.unique(sports).tolist()
    if len(found) > 1:
        raise NoHistory("these are events of several sports: name competitions of one")
    return int(found[0])


def _books(asked: Asked, sport: int, *, as_of: datetime) -> list[tuple[history.Book, int | None]]:
    """Return the books that take bets, with the terms they pay by, and their reference ranks."""
    rule_sets = Rules.load()
    rows = Book.objects.filter(kind__in=Book.TAKES_BETS, is_simulated=asked.source.is_simulated)
    found = []
    for row in sorted(rows, key=lambda row: row.code):
        code = rule_sets.code(book_id=row.pk, sport_id=sport, market_kind=asked.source.kind)
        version = rule_sets.of(code, at=as_of)
        if version is None:
            raise NoHistory(f"{row} pays by the rule set {code!r}, which there is not")
        book = history.Book(
            id=row.pk,
            code=row.code,
            is_exchange=row.kind == Book.Kind.EXCHANGE,
            is_enabled=row.is_enabled,
            terms=version.terms,
        )
        found.append((book, row.reference_rank))
    return found


#: As ``markets.queries.event_board`` reads it: the latest where it was there by then, else what
#: stood; looked at when it was last confirmed, as far as that was known.
_PRICES = """
with asked as (
    select * from unnest(%(selections)s::bigint[], %(moments)s::bigint[]) as a (id, at)
), moments as (
    select id, timestamptz 'epoch' + at * interval '1 microsecond' as at from asked
), latest as (
    select m.id, l.book_id, m.at, l.price, l.seen_at, l.confirmed_at
    from moments m join markets_latestprice l on l.selection_id = m.id
)
select id, book_id, (price * 1000)::bigint,
       case when confirmed_at <= at then confirmed_at else seen_at end
from latest where seen_at <= at
union all
select * from (
    select distinct on (l.id, l.book_id) l.id, l.book_id, (p.price * 1000)::bigint, p.seen_at
    from latest l join markets_pricesnapshot p on p.selection_id = l.id and p.book_id = l.book_id
    where l.seen_at > l.at and p.seen_at <= l.at and p.seen_at > l.at - %(span)s
      and p.seen_at <= %(last)s and p.seen_at > %(first)s
    order by l.id, l.book_id, p.seen_at desc
) standing
"""


def _prices(
    rows: Mapping[str, Any],
    asked: Asked,
    books: Sequence[tuple[history.Book, int | None]],
    *,
    progress: RunHandle | None,
) -> tuple[np.ndarray, Floats]:
    """Return each candidate's price at each book in thousandths, and its age in seconds."""
    selection, as_of = rows["selection"], rows["as_of"]
    prices = np.zeros((len(selection), len(books)), dtype=np.int32)
    ages = np.full(prices.shape, np.nan)
    ids = np.array([book.id for book, _ in books], dtype=np.int64)
    by_id = np.argsort(ids)
    late = asked.latency // timedelta(microseconds=1)
    span = markets.LONGEST_STANDING
    for done, part in _parts(rows["event"]):
        at = as_of[part] - late
        told = {
            "selections": copying.as_array(selection[part]),
            "moments": copying.as_array(at),
            "span": span,
            "first": calendars.moment(int(at.min())) - span,
            "last": calendars.moment(int(at.max())),
        }
        kinds = ("bigint", "bigint", "bigint", "moment")
        of, book, price, looked = copying.read_columns(query=_PRICES, parameters=told, kinds=kinds)
        column = by_id[np.minimum(np.searchsorted(ids, book, sorter=by_id), len(ids) - 1)]
        is_ours = ids[column] == book
        places = history_ends.places(selection[part], of) + part.start
        prices[places[is_ours], column[is_ours]] = price[is_ours]
        age = (as_of[places] - looked) / 1e6
        ages[places[is_ours], column[is_ours]] = age[is_ours]
        if progress:
            progress.progress(done=done, message="reading prices")
            progress.raise_if_cancelled()
    return prices, ages


def _parts(events: Ints) -> Iterator[tuple[int, slice]]:
    """Yield slices of whole events, and how many events are done after each."""
    first = np.flatnonzero(np.r_[True, events[1:] != events[:-1]])
    for begin in range(0, len(first), CHUNK):
        end = min(begin + CHUNK, len(first))
        stop = len(events) if end == len(first) else int(first[end])
        yield end, slice(int(first[begin]), stop)
