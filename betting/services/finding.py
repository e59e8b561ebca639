"""Which selection is meant by what people and files call it: event, market, line, answer.

Nothing is guessed: where none or several fit, the field that cannot be told is named.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from betting.domain.recorded import BadBet, Wanted
from markets import queries as markets
from markets.models import Event, Market, Selection

FOUND_AT_MOST = 20
COMING_AT_MOST, COMING_WITHIN = 12, timedelta(days=14)
_KINDS = {text.lower(): kind for kind, label in Market.Kind.choices for text in (kind, label)}


def find(wanted: Wanted) -> Selection:
    """Return the selection that is meant.

    Raises:
        BadBet: none is, or several could be; the field is named.
    """
    (found,) = find_all([wanted])
    if isinstance(found, BadBet):
        raise found
    return found


def find_all(wanted: Sequence[Wanted]) -> list[Selection | BadBet]:
    """Return the selection that each means, or why none does, in two queries."""
    events = _events(wanted)
    by_event: dict[int, list[Selection]] = {}
    listed = {event.pk for found in events.values() for event in found}
    rows = Selection.objects.filter(market__event__in=listed).select_related(
        "market__event__competition", "market__participant"
    )
    for selection in rows.order_by("pk"):
        by_event.setdefault(selection.market.event_id, []).append(selection)
    found: list[Selection | BadBet] = []
    for each in wanted:
        try:
            event = _event(each, events)
            found.append(_selection(each, by_event.get(event.pk, [])))
        except BadBet as bad:
            found.append(bad)
    return found


def events_called(text: str, *, is_simulated: bool | None = None) -> list[Event]:
    """Return the events whose name holds every word of a text, the latest first."""
    rows = Event.objects.select_related("competition")
    if is_simulated is not None:
        rows = rows.filter(competition__is_simulated=is_simulated)
    for word in text.split()[:8]:
        rows = rows.filter(name__icontains=word)
    return list(rows.order_by("-starts_at", "-pk")[:FOUND_AT_MOST])


def events_coming(*, now: datetime) -> list[Event]:
    """Return the events that start next and can be bet on: real and simulated in turn.

    A simulated league plays all the time, so beside it few real ones would be seen.
    """
    coming = markets.events_starting(
        after=now, until=now + COMING_WITHIN, status=Event.Status.SCHEDULED
    ).filter(Exists(Selection.objects.filter(market__event=OuterRef("pk"), removed_at=None)))
    found: list[Event] = []
    for is_simulated in (False, True):
        rows = coming.filter(started_at=None, competition__is_simulated=is_simulated)
        found += rows.select_related("competition").order_by("starts_at", "pk")[:COMING_AT_MOST]
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _events(wanted: Iterable[Wanted]) -> Mapping[str, list[Event]]:
    """Return the events by what they are called: our number, or their name in small letters."""
    texts = {each.event.strip().lower() for each in wanted}
    ids = {int(text) for text in texts if _is_number(text)}
    rows = Event.objects.annotate(called=Lower("name")).filter(Q(pk__in=ids) | Q(called__in=texts))
    found: dict[str, list[Event]] = {}
    for event in rows.select_related("competition").order_by("pk"):
        for text in {str(event.pk), event.name.lower()} & texts:
            found.setdefault(text, []).append(event)
    return found


def _event(wanted: Wanted, events: Mapping[str, list[Event]]) -> Event:
    named = events.get(wanted.event.strip().lower(), [])
    fit = [
        event
        for event in named
        if wanted.starts_at in (None, event.starts_at)
        and wanted.competition in ("", event.competition.code)
    ]
    if len(fit) == 1:
        return fit[0]
    if fit:
        raise BadBet("event", f"one event, not one of {len(fit)}: give starts_at", wanted.event)
    if named:
        raise BadBet("starts_at", f"{named[0].starts_at.isoformat()}", wanted.starts_at)
    raise BadBet("event", "the name or number of a known event", wanted.event)


def _selection(wanted: Wanted, listed: Sequence[Selection]) -> Selection:
    kind = _KINDS.get(wanted.market.strip().lower())
    if kind is None:
        raise BadBet("market", f"one of {', '.join(Market.Kind.values)}", wanted.market)
    asked = [row for row in listed if _is_asked(row.market, kind, wanted)]
    if not asked:
        there = ", ".join(sorted({str(row.market) for row in listed})[:8]) or "none at all"
        raise BadBet("market", f"a market of this event: {there}", wanted.market)
    lines = {row.market.line for row in asked}
    if wanted.line is None and len(lines) > 1:
        known = sorted(line for line in lines if line is not None)
        raise BadBet("line", f"one of {', '.join(map(str, known[:12]))}")
    of_line = [row for row in asked if wanted.line in (None, row.market.line)]
    if not of_line:
        raise BadBet("line", f"one of {', '.join(map(str, lines))}", wanted.line)
    name = wanted.selection.strip().lower()
    fit = [row for row in of_line if name in _names(row)]
    if len(fit) != 1:
        names = ", ".join(row.name for row in of_line[:12])
        raise BadBet("selection", f"one of {names}", wanted.selection)
    return fit[0]


def _is_asked(market: Market, kind: str, wanted: Wanted) -> bool:
    return (
        market.kind == kind
        and market.period == (wanted.period or "FULL")
        and wanted.about.lower() in ("", about(market).lower())
    )


def about(market: Market) -> str:
    """Return whose total a market asks for, or of which figure; "" where it is the score."""
    whose = market.participant.name if market.participant is not None else ""
    return " ".join(part for part in (whose, market.statistic) if part)


def _names(row: Selection) -> Iterator[str]:
    yield row.name.lower()
    if row.role != Selection.Role.RUNNER:
        yield row.role.lower()
