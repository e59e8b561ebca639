"""Asking features of the tables: the facts of what is asked for, whom to ask about, and values."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from markets.models import Event
from models_ml.domain import features, known, players_v1
from models_ml.domain.asof import BadAsk
from models_ml.domain.facts import NONE, Asks, Facts, Quotes
from models_ml.domain.features import FeatureSet, microseconds
from models_ml.models import Pipeline
from models_ml.queries import facts as tables
from models_ml.services import codes
from monitoring.errors import Refused

logger = structlog.get_logger(__name__)
MATCH, RUNNER, PLAYER = "MATCH", "RUNNER", "PLAYER"
_BOOKS = ("id", "kind", "rank", "enabled")
_MICROSECOND = timedelta(microseconds=1)
#: Tables that a grain's features never look at.
_UNREAD = {
    MATCH: ("runners", "entries", "figures"),
    RUNNER: ("figures",),
    PLAYER: ("runners", "entries"),
}


class NoFeatures(Refused):
    """Features cannot be made for these events at this moment."""


class Subject(NamedTuple):
    """What a row is about: an event, and for some sets a participant and a statistic of it."""

    event_id: int
    participant_id: int | None
    statistic: str


@dataclass(frozen=True, slots=True)
class Made:
    """Rows that nobody has stored: (n, f) values, of whom, as of when, and made from what."""

    subjects: list[Subject]
    as_of: list[datetime]
    values: NDArray[np.float64]
    sources: list[dict[str, Any]]

    def events(self) -> list[int]:
        """Return the event of each row."""
        return [subject.event_id for subject in self.subjects]


@dataclass(frozen=True, slots=True)
class _Planned:
    event_id: int
    competition_id: int
    sport_id: int
    is_simulated: bool
    home_id: int | None
    race_number: int | None
    starts_at: datetime


def made(
    *,
    event_ids: Sequence[int],
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
    now: datetime,
    statistics: Sequence[str] = (),
) -> Made:
    """Return the features of each event as of its moment, unstored; NaN where not known.

    Rows come in the events' order; those of a race or of players by statistic and participant.

    Raises:
        NoFeatures: ``as_of`` lies in the future, an event has started by then, is not of the
            set's grain, or has nobody to ask about.
    """
    latest = max((as_of[event_id] for event_id in event_ids), default=now)
    if latest > now:
        raise NoFeatures(f"as_of {latest:%Y-%m-%d %H:%M} lies in the future")
    events = _planned(event_ids)
    for event_id in event_ids:
        _check(event_id, events.get(event_id), feature_set, as_of[event_id])
    parts: dict[int, list[tuple[Subject, NDArray[np.float64], dict[str, Any]]]] = {}
    for worlds in _worlds(events.values()):
        facts = _facts(worlds, feature_set, latest)
        for statistic in statistics or ("",):
            for subject, values, sources in _rows(facts, worlds, feature_set, as_of, statistic):
                parts.setdefault(subject.event_id, []).append((subject, values, sources))
    for event_id in event_ids:
        if event_id not in parts:
            raise NoFeatures(f"event {event_id} has nobody to ask about yet")
    rows = [row for event_id in event_ids for row in parts[event_id]]
    return Made(
        subjects=[subject for subject, _, _ in rows],
        as_of=[as_of[subject.event_id] for subject, _, _ in rows],
        values=np.array([values for _, values, _ in rows]).reshape(
            len(rows), len(feature_set.features)
        ),
        sources=[sources for _, _, sources in rows],
    )


def made_apart(
    *,
    event_ids: Sequence[int],
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
    now: datetime,
    statistics: Sequence[str] = (),
) -> tuple[list[Made], dict[int, str]]:
    """Return the same in parts, and why an event brought none: it keeps no other one waiting."""
    asked: dict[str, Any] = {
        "feature_set": feature_set,
        "as_of": as_of,
        "now": now,
        "statistics": statistics,
    }
    if not event_ids:
        return [], {}
    try:
        return [made(event_ids=event_ids, **asked)], {}
    except (NoFeatures, ValueError) as error:
        if len(event_ids) == 1:
            logger.warning("no_features", event_id=event_ids[0], why=str(error))
            return [], {event_ids[0]: str(error)}
    half = len(event_ids) // 2
    first, refused = made_apart(event_ids=event_ids[:half], **asked)
    second, others = made_apart(event_ids=event_ids[half:], **asked)
    return [*first, *second], {**refused, **others}


def statistics_of(*, feature_set: FeatureSet) -> list[str]:
    """Return which statistics the pipelines of a set foretell; none unless it is of players."""
    if feature_set.grain != PLAYER:
        return []
    rows = Pipeline.objects.filter(feature_set=feature_set.name, is_enabled=True)
    return sorted(set(rows.exclude(statistic="").values_list("statistic", flat=True)))


def _planned(event_ids: Sequence[int]) -> dict[int, _Planned]:
    rows = Event.objects.filter(pk__in=list(event_ids)).values_list(
        "pk", "competition_id", "competition__sport_id", "competition__is_simulated", "home_id",
        "race_number", "starts_at",
    )  # fmt: skip
    return {row[0]: _Planned(*row) for row in rows}


def _check(event_id: int, event: _Planned | None, feature_set: FeatureSet, as_of: datetime) -> None:
    if event is None:
        raise NoFeatures(f"event {event_id} is unknown")
    if feature_set.grain == RUNNER and (event.home_id is not None or event.race_number is None):
        raise NoFeatures(f"event {event_id} is no race, which {feature_set.name} is about")
    if feature_set.grain != RUNNER and event.home_id is None:
        raise NoFeatures(f"event {event_id} has no two sides")
    if event.starts_at <= as_of:
        raise NoFeatures(f"event {event_id} has started by {as_of:%Y-%m-%d %H:%M}")


def _worlds(events: Any) -> list[list[_Planned]]:
    """Return the events by sport and origin; mostly that is all of them."""
    found: dict[tuple[int, bool], list[_Planned]] = {}
    for event in events:
        found.setdefault((event.sport_id, event.is_simulated), []).append(event)
    return list(found.values())


def _facts(events: Sequence[_Planned], feature_set: FeatureSet, until: datetime) -> Facts:
    """Return what the features of these events are made from, and no more of it than that."""
    ids = [event.event_id for event in events]
    of_all = feature_set.unit == "sport"
    found = tables.facts(
        sport_id=events[0].sport_id,
        is_simulated=events[0].is_simulated,
        until=until,
        quotes_of=ids,
        competitions=None if of_all else sorted({event.competition_id for event in events}),
        leave_out=_UNREAD[feature_set.grain],
    )
    if feature_set.grain != RUNNER:
        return found
    earlier = tables.starting_quotes(
        sport_id=events[0].sport_id,
        is_simulated=events[0].is_simulated,
        until=until,
        but_of=ids,
    )
    return _with_quotes(found, earlier)


def _with_quotes(facts: Facts, more: Quotes) -> Facts:
    columns = {
        name: np.concatenate([getattr(facts.quotes, name), getattr(more, name)])
        for name in Quotes.columns()
    }
    return replace(facts, quotes=Quotes.of(columns, statistics=facts.quotes.statistics))


def _rows(
    facts: Facts,
    events: Sequence[_Planned],
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
    statistic: str,
) -> Iterator[tuple[Subject, NDArray[np.float64], dict[str, Any]]]:
    if statistic:
        facts = players_v1.of_statistic(facts, statistic)
    ids = np.array([event.event_id for event in events], dtype=np.int64)
    moments = np.array([microseconds(as_of[int(i)]) for i in ids], dtype=np.int64)
    asks = _asks(facts, ids, moments, feature_set.grain)
    try:
        values = features.compute(feature_set=feature_set, facts=facts, asks=asks)
    except BadAsk as error:
        raise NoFeatures(str(error)) from error
    sources = _sources(facts, asks, feature_set)
    for event, participant, row, told in zip(
        asks.event.tolist(), asks.participant.tolist(), values, sources, strict=True
    ):
        who = None if participant == NONE else participant
        yield Subject(event, who, statistic), row, told


def _asks(facts: Facts, events: NDArray[np.int64], moments: NDArray[np.int64], grain: str) -> Asks:
    """Return whom to ask about: the match, its runners as of then, its players quoted by then."""
    if grain == MATCH:
        return Asks(events, np.full(len(events), NONE, dtype=np.int64), moments)
    asked = dict(zip(events.tolist(), moments.tolist(), strict=True))
    if grain == RUNNER:
        e = facts.entries
        told = zip(e.event.tolist(), e.participant.tolist(), e.removed_at.tolist(), strict=True)
        who = {(event, one) for event, one, gone in told if gone > asked.get(event, gone)}
    else:
        q = facts.quotes
        mine = q.take(q.kind == known.KINDS.index("PLAYER_TOTAL"))
        seen = zip(
            mine.event.tolist(), mine.participant.tolist(), mine.seen_at.tolist(), strict=True
        )
        who = {(event, one) for event, one, at in seen if at <= asked.get(event, at - 1)}
    pairs = np.array(sorted(who), dtype=np.int64).reshape(-1, 2)
    as_of = np.array([asked[event] for event in pairs[:, 0].tolist()], dtype=np.int64)
    return Asks(pairs[:, 0], pairs[:, 1], as_of)


def _sources(facts: Facts, asks: Asks, feature_set: FeatureSet) -> list[dict[str, Any]]:
    """Return what each row was made from: how many facts, until when, and by which code."""
    shared = {
        "books": hashlib.sha256(
            repr((facts.books.codes, *(getattr(facts.books, n).tolist() for n in _BOOKS))).encode()
        ).hexdigest(),
        "features": feature_set.sha256,
        "code": codes.code_of(feature_set.name),
    }
    results = _seen(facts.results.known_at, asks.as_of)
    notices = np.searchsorted(facts.notices.known_at, asks.as_of, side="right")
    quotes: dict[int, NDArray[np.int64]] = {
        int(event): facts.quotes.seen_at[facts.quotes.event == event]
        for event in np.unique(asks.event)
    }
    found = []
    for number, (event, as_of) in enumerate(zip(asks.event.tolist(), asks.as_of, strict=True)):
        ((n_quotes, seen_at),) = _seen(quotes[event], np.array([as_of]))
        n_results, known_at = results[number]
        found.append(
            {
                "results": n_results,
                "results_known_at": known_at,
                "quotes": n_quotes,
                "quotes_seen_at": seen_at,
                "notices": int(notices[number]),
                **shared,
            }
        )
    return found


def _seen(moments: NDArray[np.int64], as_of: NDArray[np.int64]) -> list[tuple[int, str | None]]:
    """Return how many of these moments, in order, had come at each other one, and the last."""
    counts = np.searchsorted(moments, as_of, side="right")
    return [(int(n), _text(int(moments[n - 1])) if n else None) for n in counts]


def _text(moment: int) -> str:
    return (features.EPOCH + _MICROSECOND * moment).isoformat()
