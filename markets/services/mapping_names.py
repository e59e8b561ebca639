"""What an operator makes of an unknown name: it means somebody, somebody new, or nothing."""

import re
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from markets.domain import moments
from markets.models import (
    Book,
    Competition,
    CompetitionAlias,
    ParkedRow,
    Participant,
    ParticipantAlias,
    Sport,
    UnknownName,
)
from markets.queries import names as names_known
from markets.services import naming, suggesting, waiting
from monitoring.errors import Refused
from monitoring.services import audit, running

LOAD = "markets.tasks.load_parked"
_QUALIFIED = re.compile(r"(?P<name>.+) \((?P<qualifier>[A-Z]{2,3})\)")
_Kind, _State = UnknownName.Kind, UnknownName.State


class NameRefused(Refused):
    """The name cannot be resolved so: it is resolved already, or nothing it may mean was named."""


def map_name(
    *,
    unknown_id: int,
    participant_id: int | None = None,
    competition_id: int | None = None,
    everywhere: bool = False,
    actor: str,
    reason: str,
    now: datetime,
    user: Any = None,
) -> UnknownName:
    """Say whom a name means, and have the records that wait for it loaded.

    A participant's name holds in the competition where it was met, or ``everywhere`` in its sport.

    Raises:
        NameRefused: it is resolved already, nothing fits, or the source has it for another.
    """
    with transaction.atomic():
        row = _open(unknown_id, reason)
        if row.kind == _Kind.PARTICIPANT and participant_id is not None:
            participant = Participant.objects.filter(pk=participant_id, sport=row.sport).first()
            if participant is None:
                raise NameRefused(f"{participant_id} is no participant of {row.sport}")
            invented = names_known.invented(sport_id=participant.sport_id)
            if participant.pk in invented and not row.source.is_simulated:
                raise NameRefused(f"{participant} plays in a simulated competition alone")
            _alias(row, participant, everywhere=everywhere, actor=actor, now=now)
            meant: Any = participant
        elif row.kind == _Kind.COMPETITION and competition_id is not None:
            competition = Competition.objects.filter(pk=competition_id).first()
            if competition is None:
                raise NameRefused(f"there is no competition {competition_id}")
            _competition_alias(row, competition, actor=actor, now=now)
            meant = competition
        else:
            raise NameRefused(f"say which {row.get_kind_display().lower()} {row.name!r} means")
        _resolve(row, _State.MAPPED, meant=meant, actor=actor, reason=reason, now=now)
        _ask_to_load(row, actor=actor, now=now, user=user)
    return row


def create_from_name(
    *,
    unknown_id: int,
    name: str = "",
    kind: str = "",
    code: str = "",
    sport_code: str = "",
    time_zone: str = "UTC",
    actor: str,
    reason: str,
    now: datetime,
    user: Any = None,
) -> UnknownName:
    """Make what a name means, and have the records that wait for it loaded.

    ``name``: how we call it, else as the source does.  ``kind`` is of a participant; ``code``,
    ``sport_code`` and ``time_zone`` are of a competition.

    Raises:
        NameRefused: it is resolved already, or it cannot be made so.
    """
    with transaction.atomic():
        row = _open(unknown_id, reason)
        if row.kind == _Kind.PARTICIPANT:
            made: Any = _participant(row, name.strip(), kind)
            _alias(row, made, everywhere=True, actor=actor, now=now)
        elif row.kind == _Kind.COMPETITION:
            made = _competition(row, name.strip(), code, sport_code, time_zone)
            _competition_alias(row, made, actor=actor, now=now)
        else:
            if slugify(row.name) != row.name.lower() or len(row.name) > 30:
                raise NameRefused(f"{row.name!r} cannot be the code of a book")
            made, _ = Book.objects.get_or_create(
                code=row.name, defaults={"name": (name.strip() or row.name)[:60]}
            )
        _resolve(row, _State.CREATED, meant=made, actor=actor, reason=reason, now=now)
        _ask_to_load(row, actor=actor, now=now, user=user)
    return row


def ignore_name(*, unknown_id: int, actor: str, reason: str, now: datetime) -> UnknownName:
    """Let what waits for a name rest; it comes back should the name be mapped after all.

    Raises:
        NameRefused: it is resolved already.
    """
    with transaction.atomic():
        row = _open(unknown_id, reason)
        if row.state == _State.IGNORED:
            raise NameRefused(f"{row.name!r} is ignored already")
        _resolve(row, _State.IGNORED, meant=None, actor=actor, reason=reason, now=now)
        waiting_rows = ParkedRow.objects.filter(names=row, state=ParkedRow.State.WAITING)
        rested = list(waiting_rows.values_list("pk", flat=True))
        ParkedRow.objects.filter(pk__in=rested).update(
            state=ParkedRow.State.IGNORED, settled_at=now
        )
        _count(rested)
    return row


def _open(unknown_id: int, reason: str) -> UnknownName:
    """Return a name that can still be resolved, held until the transaction's end."""
    if not reason.strip():
        raise NameRefused("give a reason")
    row = (
        UnknownName.objects.select_for_update(of=("self",))
        .select_related("source", "sport", "competition")
        .filter(pk=unknown_id)
        .first()
    )
    if row is None:
        raise NameRefused(f"there is no unknown name {unknown_id}")
    if row.state not in (_State.OPEN, _State.IGNORED):
        raise NameRefused(f"{row.name!r} is resolved already: {row.get_state_display().lower()}")
    return row


def _alias(
    row: UnknownName, participant: Participant, *, everywhere: bool, actor: str, now: datetime
) -> None:
    score = suggesting.likeness(row.name, participant.name)
    standing, is_new = ParticipantAlias.objects.get_or_create(
        source=row.source,
        sport=row.sport,
        competition=None if everywhere else row.competition,
        alias=row.name,
        defaults={
            "participant": participant,
            "made_by": actor,
            "made_at": now,
            "score": round(score, 1),
        },
    )
    if not is_new and standing.participant_id != participant.pk:
        raise NameRefused(f"{row.source} has {row.name!r} for {standing.participant} already")


def _competition_alias(
    row: UnknownName, competition: Competition, *, actor: str, now: datetime
) -> None:
    standing, is_new = CompetitionAlias.objects.get_or_create(
        source=row.source,
        alias=row.name,
        defaults={
            "competition": competition,
            "sport_id": competition.sport_id,
            "made_by": actor,
            "made_at": now,
        },
    )
    if not is_new and standing.competition_id != competition.pk:
        raise NameRefused(f"{row.source} has {row.name!r} for {standing.competition} already")


def _participant(row: UnknownName, name: str, kind: str) -> Participant:
    if row.name.startswith("#") and not name:
        raise NameRefused(f"{row.name} is an id: say the name")
    if row.sport is None:
        raise NameRefused(f"the sport of {row.name!r} is not known")
    is_racing = row.sport.code in naming.RACING
    kind = kind or (Participant.Kind.RUNNER if is_racing else naming.kind_of_side(row.sport.code))
    if kind not in Participant.Kind.values:
        raise NameRefused(f"a kind of participant, not {kind!r}")
    found = _QUALIFIED.fullmatch(name or row.name) if is_racing else None
    values = {
        "sport": row.sport,
        "name": (found["name"] if found else name or row.name)[: naming.LONGEST],
        "qualifier": found["qualifier"] if found else "",
    }
    if Participant.objects.filter(**values).exists():
        raise NameRefused(f"there is a {values['name']!r} already: map the name to it")
    return Participant.objects.create(**values, kind=kind)


def _competition(
    row: UnknownName, name: str, code: str, sport_code: str, time_zone: str
) -> Competition:
    sport = Sport.objects.filter(code=sport_code).first()
    if sport is None:
        raise NameRefused(f"a known sport, not {sport_code!r}")
    code = code or slugify(name or row.name)[:30]
    if slugify(code) != code.lower() or not code or len(code) > 30:
        raise NameRefused(f"a code of letters, digits and dashes, not {code!r}")
    try:
        moments.zone(time_zone)
    except moments.BadMoment as wrong:
        raise NameRefused(str(wrong)) from wrong
    if Competition.objects.filter(code=code).exists():
        raise NameRefused(f"there is a competition {code!r} already: map the name to it")
    return Competition.objects.create(
        sport=sport, code=code, name=(name or row.name)[:120], time_zone=time_zone
    )


def _resolve(
    row: UnknownName, state: str, *, meant: Any, actor: str, reason: str, now: datetime
) -> None:
    row.state, row.resolved_at, row.resolved_by = state, now, actor[:150]
    row.reason = reason.strip()[:250]
    row.save(update_fields=["state", "resolved_at", "resolved_by", "reason"])
    audit.record(
        actor=actor,
        action=f"markets.name_{state.lower()}",
        subject=row,
        at=now,
        name=row.name,
        source=row.source.code,
        means="" if meant is None else audit.label(meant),
        reason=row.reason,
    )


def _ask_to_load(row: UnknownName, *, actor: str, now: datetime, user: Any) -> None:
    """Wake what waits for the name, and ask for it to be read again after the commit."""
    resting = list(
        ParkedRow.objects.filter(names=row, state=ParkedRow.State.IGNORED).values_list(
            "pk", flat=True
        )
    )
    ParkedRow.objects.filter(pk__in=resting).update(state=ParkedRow.State.WAITING, settled_at=None)
    _count(resting)
    running.request_run(
        task=LOAD, arguments={"names": [row.pk]}, trigger="USER", actor=actor, now=now, user=user
    )


def _count(parked: list[int]) -> None:
    through = ParkedRow.names.through.objects.filter(parkedrow__in=parked)
    waiting.count_rows(name_ids=list(through.values_list("unknownname", flat=True).distinct()))
