"""The emergency stop: nothing more is staked, what is not matched is taken back, all are told.

The halt is committed first, so whatever fails afterwards, nothing more is staked; it lies in the
database, so it stands after any restart.  Pressing again takes back what is open by then.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from betting.domain import orders
from betting.models import Bet, TradingHalt
from betting.models.tracking import UNSENT
from betting.services import answering, halting
from betting.venues import VENUES
from betting.venues.base import Cancelling, Venue
from monitoring.domain.findings import Severity
from monitoring.errors import OutsideFailed
from monitoring.services import audit, incidents

RULE = "emergency-stop"
KIND = "betting.emergency-stop"


@dataclass(slots=True)
class Stopped:
    """What an emergency stop came to.

    Of the bets ``asked`` for at their venues some were taken back, some had been matched or
    turned down, and of the others (``open``) nobody knows yet: reconciling asks on.  Of those
    taken back some are matched in ``part``, which stands.  ``failed`` says by venue why none of
    its bets could be asked for.
    """

    halt: int
    incident: int
    asked: int = 0
    cancelled: int = 0
    matched: int = 0
    rejected: int = 0
    open: int = 0
    part: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not self.open and not self.failed

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> str:
        """Say what became of the orders."""
        text = (
            f"{self.asked} open at venues: {self.cancelled} taken back"
            f"{f' ({self.part} matched in part)' if self.part else ''}, {self.matched} matched,"
            f" {self.rejected} turned down, {self.open} without an answer"
        )
        troubles = [f"{venue}: {why}" for venue, why in self.failed.items()]
        return "; ".join([text, *troubles])


def stop_everything(
    *, reason: str, actor: str, now: datetime, venues: Mapping[str, Venue] | None = None
) -> Stopped:
    """Halt all staking, open a P0 incident, and cancel at the venues what is not matched.

    Replays go on: they risk nothing.  A venue that fails stops neither the halt nor the others.
    Must not be called inside a transaction.

    Raises:
        HaltRefused: no reason was given.
    """
    halt = halting.halt(reason=reason, actor=actor, now=now, rule=RULE)
    incident = incidents.open_incident(
        kind=KIND,
        severity=Severity.P0,
        summary=summary(halt),
        subject=audit.label(halt),
        at=now,
        actor=actor,
    )
    stopped = Stopped(halt=halt.pk, incident=incident.pk)
    for name, client_refs in _open_orders().items():
        _cancel((venues or VENUES).get(name), name, client_refs, stopped, actor=actor, now=now)
    text = f"Emergency stop: {stopped.in_words()}"
    incidents.record_act(incident_id=incident.pk, actor=actor, now=now, text=text)
    audit.record(
        actor=actor,
        action="betting.emergency_stop",
        subject=halt,
        at=now,
        reason=reason.strip(),
        **stopped.as_dict(),
    )
    return stopped


def summary(halt: TradingHalt) -> str:
    """Return what the incident of an emergency stop says."""
    return f"Emergency stop by {halt.set_by}: {halt.reason}"


def _open_orders() -> dict[str, list[str]]:
    """Return our references by venue that it may still match; a venue without any is left out."""
    waiting: dict[str, list[str]] = {}
    sent = Bet.objects.open().exclude(venue__in=UNSENT).exclude(order_state__in=orders.OVER)
    rows = sent.filter(bankroll__replay=None).exclude(venue=Bet.OUTSIDE)  # not ours to take back
    for name, client_ref in rows.order_by("pk").values_list("venue", "client_ref"):
        waiting.setdefault(name, []).append(client_ref)
    return waiting


def _cancel(
    venue: Venue | None,
    name: str,
    client_refs: list[str],
    stopped: Stopped,
    *,
    actor: str,
    now: datetime,
) -> None:
    """Have one venue take back its orders; what it says is written down and counted."""
    recorded = answering.Recorded()
    if not isinstance(venue, Cancelling):
        stopped.failed[name] = "it takes no order back"
    else:
        try:
            answers = venue.cancel(client_refs, now=now)
        except OutsideFailed as fault:
            stopped.failed[name] = str(fault) or type(fault).__name__
        else:
            recorded = answering.record(answers=answers, actor=actor, now=now)
    statuses, found = recorded.statuses, recorded.orders
    ended = found[orders.State.CANCELLED] + found[orders.State.LAPSED]
    matched, rejected = found[orders.State.FILLED], found[orders.State.REJECTED]
    stopped.asked += len(client_refs)
    stopped.cancelled += ended
    stopped.part += ended - statuses[Bet.Status.CANCELLED]
    stopped.matched += matched
    stopped.rejected += rejected
    stopped.open += len(client_refs) - ended - matched - rejected
