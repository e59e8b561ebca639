"""What law and oneself allow: rules of books, limits of bankrolls, rests that nobody ends early.

A part of ``betting.models``, which everybody imports these from.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class BookRule(models.Model):
    """Where a book may be bet with, whether it is banned, and how it settles pushes and overtime.

    ``jurisdictions``: ISO 3166 codes of countries or states (GB, US-NJ); none: everywhere.
    """

    book = models.OneToOneField(
        "markets.Book", on_delete=models.PROTECT, related_name="betting_rule"
    )
    jurisdictions = ArrayField(models.CharField(max_length=6), default=list, blank=True)
    is_banned = models.BooleanField(default=False)
    banned_reason = models.CharField(max_length=250, blank=True)
    push_rule = models.TextField(blank=True)
    overtime_rule = models.TextField(blank=True)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_banned=False) | ~Q(banned_reason=""),
                name="book_banned_with_a_reason",
                violation_error_message="banned_reason: say why the book is banned",
            )
        ]

    def __str__(self) -> str:
        return f"Rules of {self.book}"


def _positive(field: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gt": 0}),
        name=f"gaming_{field}_positive",
        violation_error_message=f"{field}: above 0, or none",
    )


class GamingLimits(models.Model):
    """What a bankroll may stake and lose in a day and in a session; none: no limit.

    A session is the time that went by last: ``session_minutes`` until now.
    """

    bankroll = models.OneToOneField(
        "betting.Bankroll", on_delete=models.PROTECT, related_name="gaming_limits"
    )
    jurisdiction = models.CharField(max_length=6, blank=True)
    max_day_stake = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    max_day_loss = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    max_session_stake = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    max_session_loss = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    session_minutes = models.PositiveIntegerField(default=240)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "gaming limits"
        constraints = [
            *map(
                _positive,
                ("max_day_stake", "max_day_loss", "max_session_stake", "max_session_loss"),
            ),
            models.CheckConstraint(
                condition=Q(session_minutes__gte=1, session_minutes__lte=1440),
                name="gaming_session_is_no_longer_than_a_day",
                violation_error_message="session_minutes: 1 to 1440",
            ),
        ]

    def __str__(self) -> str:
        return f"Limits of {self.bankroll}"


_LONGER_ONLY = """
IF NEW.ends_at < OLD.ends_at OR NEW.bankroll_id IS DISTINCT FROM OLD.bankroll_id
    OR NEW.begins_at <> OLD.begins_at OR NEW.id <> OLD.id THEN
    RAISE EXCEPTION 'a cool-down is never shortened, moved or lifted';
END IF;
RETURN NEW;
"""
_NEVER = "RAISE EXCEPTION 'a cool-down is never shortened, moved or lifted';"


class CoolDown(models.Model):
    """A rest that somebody imposes on themselves; without a bankroll, on everything.

    Nobody ends it early: the database refuses to shorten, move or delete it.  It can be
    made longer.
    """

    bankroll = models.ForeignKey(
        "betting.Bankroll",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="cool_downs",
    )
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=250)
    set_by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("begins_at")), name="cool_down_ends_after_it_began"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="cool_down_has_a_reason"),
        ]
        indexes = [models.Index(fields=["-ends_at"], name="cool_down_latest")]
        triggers = [
            pgtrigger.Trigger(
                name="longer_only",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=_LONGER_ONLY,
            ),
            pgtrigger.Trigger(
                name="no_delete",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func=_NEVER,
            ),
            pgtrigger.Trigger(
                name="no_truncate",
                operation=pgtrigger.Truncate,
                when=pgtrigger.Before,
                level=pgtrigger.Statement,
                func=_NEVER,
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} until {self.ends_at:%Y-%m-%d %H:%M} UTC"
