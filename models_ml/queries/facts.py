"""Facts out of the tables: every input of a sport with the moment since when it was known."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from models_ml.domain import known, plans
from models_ml.domain.facts import (
    EVER,
    NEVER,
    NONE,
    Books,
    Entries,
    Facts,
    Figures,
    Fixtures,
    Notices,
    Quotes,
    Results,
    Runners,
    Table,
)
from models_ml.domain.features import microseconds

DAY = 86_400_000_000
AT_ONCE = 4_000  # events whose prices one statement asks for
_BEGINNING = 946_684_800_000_000  # of 2000, from which PostgreSQL counts microseconds
_MICROS = "(extract(epoch FROM {}) * 1000000)::bigint"
_YES = "coalesce({}::int, -1)"

_EVENTS = """
FROM markets_event e
JOIN markets_competition c ON c.id = e.competition_id
JOIN markets_season n ON n.id = e.season_id
WHERE c.sport_id = %(sport)s AND c.is_simulated = %(simulated)s
  AND (%(competitions)s::bigint[] IS NULL OR e.competition_id = ANY(%(competitions)s))
"""
_FIXTURES = f"""
SELECT e.id, e.competition_id, e.season_id, n.label, coalesce(e.home_id, -1),
       coalesce(e.away_id, -1), {_MICROS.format("e.starts_at")}, c.time_zone,
       (e.starts_at AT TIME ZONE c.time_zone)::date - '1970-01-01'::date,
       e.start_certainty, e.is_neutral::int, e.round, c.time_scale
       {{attributes}}
{_EVENTS}
"""
_PLANS = """
SELECT h.event_id, h.field, h.before, h.after, h.known_at
FROM markets_eventchange h
WHERE (h.field = 'starts_at' AND h.before <> ''
       OR h.field = 'status' AND (h.before = ANY(%(off)s) OR h.after = ANY(%(off)s)))
  AND h.event_id IN (SELECT e.id {events})
ORDER BY h.event_id, h.known_at, h.id
"""
_RESULTS = f"""
SELECT r.event_id, r.version, {_MICROS.format("r.known_at")}, (r.status = 'FINAL')::int,
       CASE WHEN r.status = 'FINAL' THEN coalesce(r.home_score, -1) ELSE -1 END,
       CASE WHEN r.status = 'FINAL' THEN coalesce(r.away_score, -1) ELSE -1 END
FROM markets_result r
WHERE r.event_id IN (SELECT e.id {_EVENTS}) AND r.known_at <= %(until)s
"""
_RUNNERS = f"""
SELECT r.event_id, r.version, {_MICROS.format("r.known_at")}, u.participant_id,
       coalesce(u.number, -1), {_YES.format("u.is_winner")}, {_YES.format("u.is_placed")},
       u.is_removed::int
FROM markets_runnerresult u JOIN markets_result r ON r.id = u.result_id
WHERE r.event_id IN (SELECT e.id {_EVENTS}) AND r.known_at <= %(until)s
"""
_ENTRIES = f"""
SELECT m.event_id, s.participant_id, coalesce(min(s.number), -1),
       coalesce({_MICROS.format("min(s.removed_at)")}, {NEVER}), {EVER}::bigint
FROM markets_selection s JOIN markets_market m ON m.id = s.market_id
WHERE m.kind = 'WIN' AND s.role = 'RUNNER' AND m.event_id IN (SELECT e.id {_EVENTS})
GROUP BY m.event_id, s.participant_id
"""
_FIGURES = f"""
SELECT r.event_id, r.version, {_MICROS.format("r.known_at")}, t.participant_id, t.statistic,
       coalesce(t.value::float8, 'NaN'), t.took_part::int
FROM markets_statisticresult t JOIN markets_result r ON r.id = t.result_id
WHERE r.event_id IN (SELECT e.id {_EVENTS}) AND r.known_at <= %(until)s
"""
_PRICES = """
SELECT string_agg(int8send(p.selection_id) || int8send(p.book_id) || timestamptz_send(p.seen_at)
                  || int8send((p.price * 1000)::bigint), '')
FROM markets_market m
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_pricesnapshot p ON p.selection_id = s.id
WHERE m.period = 'FULL' AND {which}
"""
_OF_EVENTS = "m.event_id = ANY(%(events)s) AND p.seen_at <= %(until)s"
_OF_STARTS = f"""p.seen_at <= %(until)s AND m.kind = 'WIN'
AND p.book_id IN (SELECT id FROM markets_book WHERE kind = 'STARTING')
AND m.event_id IN (SELECT e.id {_EVENTS}) AND m.event_id <> ALL(%(events)s)"""
_OF_A_MONTH = f"""p.seen_at >= %(since)s AND p.seen_at < %(until)s
AND m.event_id IN (SELECT e.id {_EVENTS})"""
_SELECTIONS = """
SELECT s.id, m.event_id, m.id, m.kind, coalesce(m.line::float8, 'NaN'), m.statistic, s.role,
       coalesce(s.participant_id, m.participant_id, -1)
FROM markets_selection s JOIN markets_market m ON m.id = s.market_id
WHERE s.id = ANY(%(selections)s)
ORDER BY s.id
"""
_MONTHS = """
SELECT p.tableoid::regclass::text, count(*), max(p.fetched_at)
FROM markets_pricesnapshot p GROUP BY 1
"""
_NOTICES = f"""
SELECT coalesce(n.event_id, -1), coalesce(n.participant_id, -1), n.kind, n.status,
       {_MICROS.format("n.known_at")}, n.data,
       min(n.id) OVER (PARTITION BY n.source_id, n.kind, n.ref), n.version
FROM markets_notice n
WHERE n.kind <> 'NEWS' AND n.known_at <= %(until)s AND (
    n.event_id IN (SELECT e.id {_EVENTS})
    OR n.event_id IS NULL AND n.participant_id IN (
        SELECT e.home_id {_EVENTS} UNION SELECT e.away_id {_EVENTS}
    )
)
"""
_BOOKS = "SELECT id, kind, coalesce(reference_rank, -1), is_enabled::int, code FROM markets_book"
_NAMES = """
SELECT p.id, p.name FROM markets_participant p
WHERE p.id IN (SELECT e.home_id {events} UNION SELECT e.away_id {events})
"""


def facts(
    *,
    sport_id: int,
    is_simulated: bool,
    until: datetime,
    quotes_of: Sequence[int] | NDArray[np.int64] = (),
    competitions: Sequence[int] | None = None,
    leave_out: Collection[str] = (),
) -> Facts:
    """Return what was known of a sport at ``until``, with the prices of some events.

    ``competitions`` leaves out every other one, ``leave_out`` whole tables.  Takes twelve
    queries at most however many events there are, and one more for each ``AT_ONCE`` of those
    whose prices are wanted.
    """
    asked = _asked(sport_id, is_simulated, until=until, competitions=competitions)

    def rows(table: str, sql: str) -> list[tuple[Any, ...]]:
        return [] if table in leave_out else _rows(sql, asked)

    found = Facts(
        fixtures=_fixtures(asked),
        results=Results.of(_columns(Results, rows("results", _RESULTS))),
        runners=Runners.of(_columns(Runners, rows("runners", _RUNNERS))),
        entries=Entries.of(_columns(Entries, rows("entries", _ENTRIES))),
        figures=_figures(rows("figures", _FIGURES)),
        quotes=quotes(event_ids=quotes_of, until=until),
        notices=_notices(rows("notices", _NOTICES)),
        books=books(),
        names=dict(_rows(_NAMES.format(events=_EVENTS), asked)),
    )
    return found.at(microseconds(until))


def _asked(
    sport_id: int, is_simulated: bool, *, competitions: Sequence[int] | None = None, **others: Any
) -> dict[str, Any]:
    wanted = None if competitions is None else [int(one) for one in competitions]
    return {"sport": sport_id, "simulated": is_simulated, "competitions": wanted, **others}


def quotes(*, event_ids: Sequence[int] | NDArray[np.int64], until: datetime) -> Quotes:
    """Return every price of these events that was seen by ``until``.

    Asked for in pieces: ten seasons in one statement last longer than a statement may.
    """
    if not len(event_ids):
        return Quotes.empty()
    events = [int(event_id) for event_id in event_ids]
    pieces = [events[i : i + AT_ONCE] for i in range(0, len(events), AT_ONCE)]
    return _quotes(_OF_EVENTS, *({"events": piece, "until": until} for piece in pieces))


def starting_quotes(
    *, sport_id: int, is_simulated: bool, until: datetime, but_of: Sequence[int] = ()
) -> Quotes:
    """Return the starting prices of every race of a sport but some, seen by ``until``."""
    asked = _asked(sport_id, is_simulated, until=until, events=[int(one) for one in but_of])
    return _quotes(_OF_STARTS, asked)


def quotes_between(
    *, sport_id: int, is_simulated: bool, since: datetime, until: datetime
) -> Quotes:
    """Return every price of a sport that was seen in [since, until)."""
    asked = _asked(sport_id, is_simulated, since=since, until=until)
    return _quotes(_OF_A_MONTH, asked)


def months_of_prices() -> dict[str, tuple[int, str]]:
    """Return how many prices each partition holds, and when the last of them was fetched."""
    return {name: (n, latest.isoformat()) for name, n, latest in _rows(_MONTHS, {})}


def _quotes(which: str, *asked: Mapping[str, Any]) -> Quotes:
    """Return prices as columns, each with what its selection is of.

    Prices come as one string of numbers of eight bytes: as rows they take ten times as long.
    """
    pieces = [_rows(_PRICES.format(which=which), one)[0][0] or b"" for one in asked]
    prices = np.frombuffer(b"".join(pieces), dtype=">i8").reshape(-1, 4).T.astype(np.int64)
    selections, place = np.unique(prices[0], return_inverse=True)
    told, words = _selections(selections)
    columns = {name: values[place] for name, values in told.items()}
    columns["book"], columns["seen_at"], columns["price_millis"] = prices[1:]
    columns["seen_at"] = columns["seen_at"] + _BEGINNING
    return Quotes.of(columns, statistics=words)


def _selections(selections: NDArray[np.int64]) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return what selections are of, in their order, and the statistics that markets are of."""
    names = ("selection", "event", "market", "kind", "line", "statistic", "place", "participant")
    rows = _rows(_SELECTIONS, {"selections": selections.tolist()}) if len(selections) else []
    columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    words, codes = _coded(columns["statistic"])
    found = {
        **columns,
        "kind": _codes(columns["kind"], known.KINDS),
        "place": _codes(columns["place"], known.ROLES),
        "statistic": codes,
    }
    types = Quotes.columns()
    return {name: np.array(found[name], dtype=types[name]) for name in names}, words


def books() -> Books:
    """Return every book as it is set up."""
    rows = sorted(_rows(_BOOKS, {}))
    columns = {
        "id": [row[0] for row in rows],
        "kind": _codes([row[1] for row in rows], known.BOOKS),
        "rank": [row[2] for row in rows],
        "enabled": [row[3] for row in rows],
        "known_at": [EVER] * len(rows),
    }
    return Books.of(columns, codes=tuple(row[4] for row in rows))


def names(*, sport_id: int, is_simulated: bool) -> dict[int, str]:
    """Return what the sides of a sport's matches are called."""
    asked = _asked(sport_id, is_simulated)
    return dict(_rows(_NAMES.format(events=_EVENTS), asked))


def _rows(sql: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return cursor.fetchall()


def _columns(table: type[Table], rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Return rows as columns, in the table's own order."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(table.columns())
    return dict(zip(table.columns(), columns, strict=True))


def _codes(words: Iterable[str], vocabulary: Sequence[str]) -> list[int]:
    """Return each word's place; a word that the vocabulary does not have is -1."""
    places = {word: place for place, word in enumerate(vocabulary)}
    return [places.get(word, NONE) for word in words]


def _coded(words: Sequence[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the words in order, each once, and each one's place; "" is none of them."""
    vocabulary = tuple(sorted({word for word in words if word}))
    return vocabulary, _codes(words, vocabulary)


def _figures(rows: Sequence[tuple[Any, ...]]) -> Figures:
    columns = _columns(Figures, rows)
    vocabulary, columns["statistic"] = _coded([row[4] for row in rows])
    return Figures.of(columns, statistics=vocabulary)


def _notices(rows: Sequence[tuple[Any, ...]]) -> Notices:
    """Return notices as columns; one with figures has a row for each of them."""
    flat = []
    for event, participant, kind, status, told_at, data, thread, version in rows:
        for name, value in _told(kind, status, data):
            flat.append((event, participant, kind, name, told_at, value, thread, version))
    columns = _columns(Notices, flat)
    columns["kind"] = _codes([row[2] for row in flat], known.NOTICES)
    vocabulary, columns["status"] = _coded([row[3] for row in flat])
    return Notices.of(columns, statuses=vocabulary)


def _told(kind: str, status: str, data: Any) -> list[tuple[str, float]]:
    found: Mapping[str, Any] = _object(data)
    if kind not in known.WITH_FIGURES:
        return [(status.strip().lower(), known.NAN)]
    prefix = ".".join(str(found[key]) for key in ("kind", "role") if found.get(key))
    figures = []
    for key, value in sorted(found.items()):
        number = known.NAN if isinstance(value, bool) else known.number(value)
        if number == number:
            figures.append((f"{prefix}.{key}".strip(".").lower(), number))
    return figures


def _object(data: Any) -> Mapping[str, Any]:
    found = json.loads(data) if isinstance(data, str) else data
    return found if isinstance(found, dict) else {}


def _fixtures(asked: Mapping[str, Any]) -> Fixtures:
    """Return the fixture list, an event once for each version of its plan."""
    (sport,) = _rows("SELECT code FROM markets_sport WHERE id = %(sport)s", asked)
    attributes = known.attributes_of(sport[0])
    keys = {f"key{place}": one.key for place, one in enumerate(attributes)}
    extra = "".join(f", e.data ->> %({name})s" for name in keys)
    rows = _rows(_FIXTURES.format(attributes=extra), {**asked, **keys})
    moved = _plans(asked, {row[0]: row[6] for row in rows})
    ranks = plans.ranks((row[1], row[3]) for row in rows)
    columns: dict[str, list[Any]] = {name: [] for name in Fixtures.columns()}
    values: dict[str, list[float]] = {one.name: [] for one in attributes}
    for row in rows:
        for starts_at, is_on, told_at in moved.get(row[0], [(row[6], True, EVER)]):
            day = row[8] if starts_at == row[6] else plans.day(starts_at, row[7])
            plan = (
                row[0], row[1], row[2], ranks[row[1], row[3]], row[4], row[5], starts_at, told_at,
                day, known.CERTAINTIES.index(row[9]), is_on, row[10],
                known.round_number(row[11]), row[12],
            )  # fmt: skip
            for column, value in zip(columns.values(), plan, strict=True):
                column.append(value)
            for one, value in zip(attributes, row[13:], strict=True):
                values[one.name].append(one.of({one.key: value}))
    kept = {name: np.array(column, dtype=float) for name, column in values.items()}
    return Fixtures.of(columns, attributes=kept)


def _plans(
    asked: Mapping[str, Any], starts: Mapping[int, int]
) -> dict[int, list[tuple[int, bool, int]]]:
    """Return the versions of each plan that was changed: start, whether it is on, since when."""
    changes: dict[int, list[plans.Change]] = {}
    for event_id, *change in _rows(
        _PLANS.format(events=_EVENTS), {**asked, "off": list(known.OFF)}
    ):
        changes.setdefault(event_id, []).append(plans.Change(*change))
    return {
        event_id: plans.plans(starts_at=starts[event_id], told=told)
        for event_id, told in changes.items()
    }
