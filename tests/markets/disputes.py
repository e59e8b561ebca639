"""Sources that tell results of one event, and what became of it."""

from datetime import UTC, datetime, timedelta

from markets.connectors.base import ParsedResult
from markets.models import Participant, Result, ResultDispute, Source
from markets.services import disputing, resulting

NOW = datetime(2026, 3, 14, 18, 0, tzinfo=UTC)
OVER = NOW - timedelta(hours=2)
FIRST, SECOND, THIRD = "first", "second", "third"


def a_source(code):
    return Source.objects.get_or_create(code=code, defaults={"name": code.title()})[0]


def tell(event, source, *told, now=NOW, fetched_at=None, problems=None):
    """Have a source tell results; a pair is a final score."""
    parsed = [
        one
        if isinstance(one, ParsedResult)
        else ParsedResult("one", "FINAL", *one, known_at=OVER, record=number)
        for number, one in enumerate(told, start=1)
    ]
    return resulting.record_results(
        results=parsed,
        events={"one": event},
        source=a_source(source),
        now=now,
        tell=lambda field, message, record=None: (
            problems.append(message) if problems is not None else None
        ),
        fetched_at=fetched_at,
        people=lambda _, person: (
            Participant.objects.filter(name=person.name).values_list("pk", flat=True).first()
        ),
    )


def a_state(status, **fields):
    fields = {"home_score": None, "away_score": None, "known_at": OVER, "record": 1, **fields}
    return ParsedResult("one", status, **fields)


def versions(event):
    rows = Result.objects.filter(event=event).order_by("version")
    return [(row.home_score, row.away_score, row.source.code) for row in rows]


def disputes(event):
    return list(
        ResultDispute.objects.filter(event=event).order_by("pk").values_list("state", flat=True)
    )


def the_dispute(event):
    return ResultDispute.objects.get(event=event)


def resolve(dispute, keep, *, reason="the league's report", now=NOW):
    return disputing.resolve(
        dispute_id=dispute.pk, keep=keep, actor="user:a", reason=reason, now=now
    )


def counted(counts):
    return counts.new, counts.corrected, counts.unchanged
