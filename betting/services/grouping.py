"""Saying which participants hang together: groups and who is in them, with a reason, audited.

No feed that is read tells conferences or divisions, so people enter them; a participant is in one
conference and one division at a time, and in as many groups of ours as somebody likes.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from betting.domain.groups import DISCOUNTS
from betting.domain.limits import Dimension
from betting.models import GroupMember, ParticipantGroup
from markets.models import Participant, Sport
from monitoring.errors import Refused
from monitoring.services import audit

LONGEST_REASON = 250
MOST_AT_ONCE = 200
ALONE = (ParticipantGroup.Kind.CONFERENCE, ParticipantGroup.Kind.DIVISION)


class GroupRefused(Refused):
    """This group cannot be, or cannot be changed, so."""


def set_group(
    *,
    sport: str,
    kind: str,
    name: str,
    actor: str,
    reason: str,
    now: datetime,
    discount: float | None = None,
) -> ParticipantGroup:
    """Make a group of a sport (its code), or change the discount of one that stands.

    Raises:
        GroupRefused: no reason, an unknown sport or kind, no name, or a discount that is none.
    """
    why, called = _plain("reason", reason, LONGEST_REASON), _plain("name", name, 80)
    if kind not in ParticipantGroup.Kind.values:
        raise GroupRefused(f"{kind!r} is no kind: {', '.join(ParticipantGroup.Kind.values)}")
    with transaction.atomic():
        owner = Sport.objects.select_for_update(of=("self",)).filter(code=sport).first()
        if owner is None:
            raise GroupRefused(f"there is no sport {sport!r}")
        found = ParticipantGroup.objects.filter(sport=owner, kind=kind, name=called).first()
        group = found or ParticipantGroup(
            sport=owner, kind=kind, name=called, discount=DISCOUNTS[Dimension(kind)]
        )
        before = group.discount if found else None
        group.discount = group.discount if discount is None else discount
        group.reason, group.changed_by, group.changed_at = why, actor, now
        try:
            group.full_clean(validate_unique=False)
        except ValidationError as no:
            raise GroupRefused("; ".join(no.messages)) from no
        group.save()
        _audit(group, "group.set", actor=actor, now=now, reason=why, before=before,
               discount=group.discount)  # fmt: skip
    return group


def add_members(
    *,
    group_id: int,
    participants: Sequence[str],
    actor: str,
    reason: str,
    now: datetime,
    since: date | None = None,
) -> list[GroupMember]:
    """Let participants (names of the group's sport) belong to a group from a day on.

    One that belongs already is left as it is.  Without a day it always did.

    Raises:
        GroupRefused: no reason, no such group, an unknown name, one that two participants bear, or
            one who is in another conference or division then.
    """
    why = _plain("reason", reason, LONGEST_REASON)
    with transaction.atomic():
        group = _locked(group_id)
        rows = _named(group, participants)
        _check_alone(group, rows, since=since)
        standing = set(
            group.members.filter(participant__in=rows, until=None).values_list(
                "participant_id", flat=True
            )
        )
        new = [
            GroupMember(group=group, participant=row, since=since)
            for row in rows
            if row.pk not in standing
        ]
        try:
            with transaction.atomic():
                made = GroupMember.objects.bulk_create(new)
        except IntegrityError as no:
            raise GroupRefused("one of them was in it from that day on before") from no
        names = [row.participant.name for row in made]
        _audit(group, "group.joined", actor=actor, now=now, reason=why, since=_day(since),
               participants=names)  # fmt: skip
    return made


def end_members(
    *,
    group_id: int,
    participants: Sequence[str],
    until: date,
    actor: str,
    reason: str,
    now: datetime,
) -> int:
    """Let participants belong to a group no more from a day on; return how many did.

    Raises:
        GroupRefused: no reason, no such group, a name that is not in it, or a day before it joined.
    """
    why = _plain("reason", reason, LONGEST_REASON)
    with transaction.atomic():
        group = _locked(group_id)
        rows = _named(group, participants)
        standing = group.members.filter(participant__in=rows, until=None)
        if (found := standing.count()) != len(rows):
            raise GroupRefused(f"{len(rows) - found} of them are not in {group}")
        if standing.filter(since__gte=until).exists():
            raise GroupRefused("until: after the day on which they joined")
        standing.update(until=until)
        names = [row.name for row in rows]
        _audit(group, "group.left", actor=actor, now=now, reason=why, until=until.isoformat(),
               participants=names)  # fmt: skip
    return found


def _locked(group_id: int) -> ParticipantGroup:
    """Return a group; its sport is locked, so that two groups are not changed at once."""
    group = ParticipantGroup.objects.filter(pk=group_id).first()
    if group is None:
        raise GroupRefused(f"there is no group #{group_id}")
    Sport.objects.select_for_update(of=("self",)).get(pk=group.sport_id)
    return group


def _named(group: ParticipantGroup, names: Collection[str]) -> list[Participant]:
    asked = sorted({" ".join(name.split()) for name in names} - {""})
    if not 1 <= len(asked) <= MOST_AT_ONCE:
        raise GroupRefused(f"participants: name 1 to {MOST_AT_ONCE}")
    rows = list(Participant.objects.filter(sport=group.sport_id, name__in=asked).order_by("name"))
    found = [row.name for row in rows]
    if unknown := sorted(set(asked) - set(found)):
        raise GroupRefused(f"no participant of {group.sport} is called {', '.join(unknown[:10])}")
    if len(found) > len(set(found)):
        raise GroupRefused("two participants bear the same name: tell them apart first")
    return rows


def _check_alone(
    group: ParticipantGroup, rows: Sequence[Participant], *, since: date | None
) -> None:
    """Hold a participant to one conference and one division at a time."""
    if group.kind not in ALONE:
        return
    later = Q() if since is None else Q(until=None) | Q(until__gt=since)
    other = GroupMember.objects.filter(later, participant__in=rows, group__kind=group.kind)
    clash = other.exclude(group=group).select_related("group", "participant").first()
    if clash is not None:
        raise GroupRefused(f"{clash.participant} is in {clash.group} then: end that first")


def _plain(field: str, text: str, at_most: int) -> str:
    kept = " ".join(text.split())
    if not kept or len(kept) > at_most or not kept.isprintable():
        raise GroupRefused(f"{field}: plain text of 1 to {at_most} characters")
    return kept


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _audit(
    group: ParticipantGroup, action: str, *, actor: str, now: datetime, **detail: object
) -> None:
    audit.record(actor=actor, action=action, subject=group, at=now, **detail)
