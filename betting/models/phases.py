"""Rows about phases: what dry runs would have staked, and who changed which strategy's phase.

Part of ``betting.models``, which is where others import them from.
"""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

#: Whoever writes it, and whatever was changed meanwhile: the strategy's row is held until then.
NO_LIVE_BET_IN_A_DRY_RUN = pgtrigger.Trigger(
    name="not_live_in_a_dry_run",
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("strategy_id", "bankroll_id"),
    when=pgtrigger.Before,
    declare=[("in_phase", "text")],
    func="""
        IF NEW.strategy_id IS NOT NULL AND EXISTS (
            SELECT FROM betting_bankroll WHERE id = NEW.bankroll_id AND kind = 'LIVE'
        ) THEN
            SELECT phase INTO in_phase FROM betting_strategy WHERE id = NEW.strategy_id FOR SHARE;
            IF in_phase = 'DRY_RUN' THEN
                RAISE EXCEPTION 'no live bet while strategy % is in a dry run', NEW.strategy_id;
            END IF;
        END IF;
        RETURN NEW;
    """,
)


class Phase(models.TextChoices):
    """What a strategy may stake; see ``betting.domain.phases``."""

    DRY_RUN = "DRY_RUN", "A: dry run"
    MICRO = "MICRO", "B: micro"
    PRODUCTION = "PRODUCTION", "C: production"


class DryBet(models.Model):
    """What a decision would have staked had its strategy not been in a dry run.

    Its end is told once the result is known; no money moves.
    """

    decision = models.OneToOneField(
        "betting.Decision", on_delete=models.PROTECT, related_name="dry_bet"
    )
    stake = models.DecimalField(max_digits=12, decimal_places=2)
    outcome = models.CharField(max_length=10, null=True, blank=True)  # as of ``Bet.Outcome``
    profit = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(stake__gt=0), name="dry_bet_stake_positive"),
            models.CheckConstraint(
                condition=Q(outcome__isnull=True, profit__isnull=True, settled_at__isnull=True)
                | Q(outcome__isnull=False, profit__isnull=False, settled_at__isnull=False),
                name="dry_bet_ends_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(settled_at__isnull=True), name="dry_bet_open")
        ]

    def __str__(self) -> str:
        return f"Dry bet #{self.pk}"


class PhaseChange(models.Model):
    """A strategy goes from one phase to another: asked, then made or turned down.

    Going on needs two people; falling back is made at once.  ``criteria`` is what was seen of the
    phase's bets.  What is closed stays as it is.
    """

    class State(models.TextChoices):
        ASKED = "ASKED", "Asked"
        MADE = "MADE", "Made"
        TURNED_DOWN = "TURNED_DOWN", "Turned down"

    strategy = models.ForeignKey(
        "betting.Strategy", on_delete=models.PROTECT, related_name="phase_changes"
    )
    former = models.CharField(max_length=10, choices=Phase.choices)
    wanted = models.CharField(max_length=10, choices=Phase.choices)
    state = models.CharField(max_length=11, choices=State.choices, default=State.ASKED)
    reason = models.CharField(max_length=250)
    criteria = models.JSONField(default=list)
    asked_by = models.CharField(max_length=150)
    asked_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True, default="")
    decided_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=250, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["strategy"], condition=Q(state="ASKED"), name="phase_change_asked_once"
            ),
            models.CheckConstraint(
                condition=Q(state="ASKED", decided_at__isnull=True)
                | (~Q(state="ASKED") & Q(decided_at__isnull=False)),
                name="phase_change_closed_knows_when",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="phase_change_has_a_reason"),
            models.CheckConstraint(
                condition=~Q(state="MADE")
                | ~(Q(former="DRY_RUN") | Q(former="MICRO", wanted="PRODUCTION"))
                | (
                    Q(asked_by_user__isnull=False, decided_by_user__isnull=False)
                    & ~Q(decided_by_user=F("asked_by_user"))
                ),
                name="phase_change_goes_on_by_two_people",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="closed_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'ASKED'"),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.strategy}: {self.what}"

    @property
    def what(self) -> str:
        return f"{self.get_former_display()} → {self.get_wanted_display()}"
