"""What a person tells of who starts: a notice like any other, known from that moment on."""

import hashlib
from datetime import datetime

from django.db import transaction

from markets.domain import lineups
from markets.models import Event, Notice, Participant
from markets.services import entering
from monitoring.errors import Refused
from monitoring.services import audit


class WrongLineUp(Refused):
    """That cannot be said of this player in this event."""


@transaction.atomic
def tell(
    *, event_id: int, participant_id: int, status: str, actor: str, reason: str, now: datetime
) -> Notice:
    """Tell that a player starts, waits on the bench, or is out.  Told again, a new version.

    Raises:
        WrongLineUp: no such event, player or status; the event has started, is of another sport,
            no reason was given, or that is what was told last.
    """
    if not reason.strip():
        raise WrongLineUp("say how that is known: the reason is kept in the audit")
    if status not in lineups.STATUSES:
        raise WrongLineUp(f"a player is {', '.join(lineups.STATUSES)}, not {status!r:.40}")
    event, player = _meant(event_id, participant_id, now=now)
    source, ref = entering.by_hand(), f"{event.pk}/{player.pk}"
    before = (
        Notice.objects.filter(source=source, kind=Notice.Kind.LINEUP, ref=ref)
        .order_by("-version")
        .first()
    )
    if before is not None and before.status == status:
        raise WrongLineUp(f"{player} is told to be {status} already")
    notice = Notice.objects.create(
        source=source,
        kind=Notice.Kind.LINEUP,
        ref=ref,
        version=before.version + 1 if before else 1,
        event=event,
        participant=player,
        person=player.name,
        status=status,
        title=f"{player.name}: {status}",
        known_at=now,
        digest=hashlib.sha256(f"{ref}/{status}".encode()).hexdigest(),
    )
    audit.record(
        actor=actor,
        action="markets.tell_line_up",
        subject=event,
        at=now,
        reason=reason.strip(),
        player=str(player),
        before=before.status if before else None,
        after=status,
    )
    return notice


def _meant(event_id: int, player_id: int, *, now: datetime) -> tuple[Event, Participant]:
    """Return the event, locked so that tellings come one after another, and the player."""
    events = Event.objects.select_for_update(of=("self",)).select_related("competition")
    event = events.filter(pk=event_id).first()
    if event is None:
        raise WrongLineUp(f"there is no event {event_id}")
    player = Participant.objects.filter(pk=player_id, kind=Participant.Kind.PLAYER).first()
    if player is None:
        raise WrongLineUp(f"there is no player {player_id}")
    if player.sport_id != event.competition.sport_id:
        raise WrongLineUp(f"{player} does not play in {event}: it is of another sport")
    if min(event.starts_at, event.started_at or event.starts_at) <= now:
        raise WrongLineUp(f"{event} has started: nothing that is told now helps")
    return event, player
