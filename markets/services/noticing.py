"""Notices: what is told around events, in versions; nothing told is ever lost or parked."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from markets.connectors.base import ParsedNotice
from markets.models import (
    Competition,
    CompetitionAlias,
    Event,
    Notice,
    Participant,
    ParticipantAlias,
    Source,
)

CHUNK = 1_000
LONGEST_BODY = 20_000
Key = tuple[str, str]  # kind, the source's own ref
Team = tuple[str, str]  # competition, name


@dataclass(slots=True)
class NoticeCounts:
    """How many notices were new, told differently, or known; and the records that brought any."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    changed_records: set[int] = field(default_factory=set)

    def as_json(self) -> dict[str, int]:
        return {"new": self.new, "changed": self.changed, "unchanged": self.unchanged}


def record_notices(
    *,
    notices: Sequence[ParsedNotice],
    source: Source,
    events: Mapping[str, Event],
    now: datetime,
    fetched_at: datetime | None = None,
) -> NoticeCounts:
    """Keep what a batch tells around events; telling it again changes nothing.

    ``events``: by the batch's refs.  A notice whose event is not among them, and one whose team
    nobody has mapped, is kept without: news moves no money, and a later look fills the team in.
    It was known when it was published, a new version when it was fetched; never after ``now``.
    """
    told = {(notice.kind, notice.ref): notice for notice in notices}  # the last telling counts
    counts = NoticeCounts()
    if not told:
        return counts
    standing = _standing(source, told)
    teams = _teams(source, told.values())
    rows: list[Notice] = []
    filled: list[Notice] = []
    for key, notice in told.items():
        row = _row(notice, source, events, teams, fetched_at=fetched_at or now)
        before = standing.get(key)
        if before is None:
            counts.new += 1
        elif before.digest != row.digest:
            counts.changed += 1
            row.version = before.version + 1
            row.known_at = max(fetched_at or now, before.known_at)
        else:
            filled += _fill(before, row)
            counts.unchanged += 1
            continue
        counts.changed_records.add(notice.record)
        rows.append(row)
    Notice.objects.bulk_create(rows, batch_size=CHUNK)
    Notice.objects.bulk_update(filled, ["participant", "event"], batch_size=CHUNK)
    return counts


def _standing(source: Source, told: Iterable[Key]) -> dict[Key, Notice]:
    """Return the latest version of each notice that is known."""
    kinds = {kind for kind, _ in told}
    found = (
        Notice.objects.filter(source=source, kind__in=kinds, ref__in={ref for _, ref in told})
        .order_by("kind", "ref", "-version")
        .distinct("kind", "ref")
    )
    return {(row.kind, row.ref): row for row in found}


def _teams(source: Source, notices: Iterable[ParsedNotice]) -> dict[Team, Participant]:
    """Return the participants that are named, as far as the names are known.

    An alias of the source counts, and the very name of one participant of that sport.
    """
    wanted = {(notice.competition, notice.team) for notice in notices if notice.team}
    if not wanted:
        return {}
    competitions = _competitions(source, {code for code, _ in wanted if code})
    names = {name for _, name in wanted}
    aliases = list(
        ParticipantAlias.objects.filter(source=source, alias__in=names).select_related(
            "participant"
        )
    )
    own = list(Participant.objects.filter(name__in=names, qualifier=""))
    found: dict[Team, Participant] = {}
    for code, name in wanted:
        competition = competitions.get(code)
        if code and competition is None:
            continue
        fitting = [
            row.participant for row in aliases if row.alias == name and _is_of(row, competition)
        ] or [
            row
            for row in own
            if row.name == name and (competition is None or row.sport_id == competition.sport_id)
        ]
        if len({row.pk for row in fitting}) == 1:
            found[code, name] = fitting[0]
    return found


def _is_of(alias: ParticipantAlias, competition: Competition | None) -> bool:
    """Say whether an alias holds in a competition; without one, in every one."""
    if competition is None:
        return True
    return alias.sport_id == competition.sport_id and alias.competition_id in (None, competition.pk)


def _competitions(source: Source, codes: set[str]) -> dict[str, Competition]:
    """Return competitions by their code or by what the source calls them."""
    if not codes:
        return {}
    found = {row.code: row for row in Competition.objects.filter(Q(code__in=codes))}
    aliases = CompetitionAlias.objects.filter(source=source, alias__in=codes)
    return found | {row.alias: row.competition for row in aliases.select_related("competition")}


def _row(
    notice: ParsedNotice,
    source: Source,
    events: Mapping[str, Event],
    teams: Mapping[Team, Participant],
    *,
    fetched_at: datetime,
) -> Notice:
    row = Notice(
        source=source,
        kind=notice.kind,
        ref=notice.ref[:120],
        version=1,
        event=events.get(notice.event_ref) if notice.event_ref else None,
        participant=teams.get((notice.competition, notice.team)),
        person=_clean(notice.person)[:120],
        status=_clean(notice.status)[:40],
        title=_clean(notice.title)[:300],
        body=_clean(notice.body)[:LONGEST_BODY],
        url=notice.url if notice.url.startswith(("http://", "https://")) else "",
        data=dict(notice.data),
        published_at=notice.published_at,
        known_at=min(notice.published_at or fetched_at, fetched_at),
    )
    row.url = row.url[:500]
    row.digest = _digest(row, notice)
    return row


def _digest(row: Notice, notice: ParsedNotice) -> str:
    """Return what changes where the source tells it differently, not where a name is mapped."""
    said = [
        row.person, row.status, row.title, row.body, row.url, row.data, notice.team,
        row.published_at and row.published_at.isoformat(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _fill(before: Notice, row: Notice) -> list[Notice]:
    """Give a standing notice the team or event that has become known since."""
    is_fuller = False
    if before.participant_id is None and row.participant is not None:
        before.participant, is_fuller = row.participant, True
    if before.event_id is None and row.event is not None:
        before.event, is_fuller = row.event, True
    return [before] if is_fuller else []


def _clean(text: str) -> str:
    """Return text that a column can hold."""
    return text.replace("\0", "").strip()
