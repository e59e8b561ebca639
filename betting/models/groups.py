"""Which participants hang together, for limits and discounts: entered by people, as of a time.

A part of ``betting.models``, which everybody imports these from.
"""

from django.db import models
from django.db.models import F, Q


class ParticipantGroup(models.Model):
    """A conference, a division, or a group of participants that somebody named.

    ``discount``: the factor on a stake beside an open bet that shares this group and nothing
    closer.
    """

    class Kind(models.TextChoices):
        CONFERENCE = "CONFERENCE", "Conference"
        DIVISION = "DIVISION", "Division"
        GROUP = "GROUP", "Group of ours"

    sport = models.ForeignKey("markets.Sport", on_delete=models.PROTECT, related_name="groups")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=80)
    discount = models.FloatField()
    reason = models.CharField(max_length=250)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sport", "kind", "name"], name="participant_group_once"
            ),
            models.CheckConstraint(
                condition=Q(discount__gt=0, discount__lte=1),
                name="participant_group_discount_is_a_factor",
                violation_error_message="discount must be above 0 and at most 1",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["CONFERENCE", "DIVISION", "GROUP"]),
                name="participant_group_kind_is_known",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="participant_group_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"


class GroupMember(models.Model):
    """That a participant belongs to a group, from a day on, until a day before which it ended.

    Without a day it always did, or still does.  Conferences change between seasons: the day is
    the season's first.
    """

    group = models.ForeignKey(ParticipantGroup, on_delete=models.PROTECT, related_name="members")
    participant = models.ForeignKey(
        "markets.Participant", on_delete=models.PROTECT, related_name="memberships"
    )
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "participant", "since"],
                nulls_distinct=False,
                name="group_member_once",
            ),
            models.UniqueConstraint(
                fields=["group", "participant"],
                condition=Q(until__isnull=True),
                name="group_member_stands_once",
            ),
            models.CheckConstraint(
                condition=Q(since__isnull=True) | Q(until__isnull=True) | Q(until__gt=F("since")),
                name="group_member_ends_after_it_began",
                violation_error_message="until must be after since",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.participant} in {self.group}"
