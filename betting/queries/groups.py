"""Which participants hang together at a moment."""

from datetime import datetime

from django.db.models import Q

from betting.domain.groups import Group, Groups
from betting.domain.limits import Dimension
from betting.models import GroupMember


def standing(*, at: datetime) -> Groups:
    """Return the groups of every participant that is in one on a day, by UTC; one query."""
    day = at.date()
    rows = GroupMember.objects.filter(
        Q(since=None) | Q(since__lte=day), Q(until=None) | Q(until__gt=day)
    ).values_list("participant_id", "group_id", "group__kind", "group__discount")
    found: dict[int, set[Group]] = {}
    for participant_id, group_id, kind, discount in rows:
        group = Group(group_id, Dimension(kind), discount)
        found.setdefault(participant_id, set()).add(group)
    return {participant_id: frozenset(groups) for participant_id, groups in found.items()}
