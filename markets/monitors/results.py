"""Results that two sources tell differently: an incident each, until a person has decided."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from markets.queries import results
from markets.services import contesting, disputing
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.registry import Sample
from monitoring.services import audit

PERMISSION = "markets.change_resultdispute"


@registry.check(contesting.KIND, every=timedelta(minutes=1))
def results_disagree(now: datetime) -> Iterator[Finding]:
    """No source contradicts a result by which bets are settled."""
    for dispute in results.open_disputes():
        yield Finding(Severity.P1, contesting.summary(dispute), subject=audit.label(dispute))


@registry.gauge(
    "closingline_results_disputed", help="Results that two sources tell differently, open now."
)
def results_disputed() -> Iterable[Sample]:
    yield {}, float(results.open_disputes().count())


@registry.response(
    "markets.keep-standing-result",
    title="Keep the result that stands",
    kinds=[contesting.KIND],
    permission=PERMISSION,
)
def keep_standing(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    return _resolve(subject, disputing.STANDING, actor=actor, reason=reason, now=now)


@registry.response(
    "markets.take-told-result",
    title="Take the other result",
    kinds=[contesting.KIND],
    permission=PERMISSION,
)
def take_told(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    return _resolve(subject, disputing.TOLD, actor=actor, reason=reason, now=now)


def _resolve(subject: str, keep: str, *, actor: str, reason: str, now: datetime) -> str:
    dispute = disputing.resolve(
        dispute_id=int(subject.rpartition(":")[2]), keep=keep, actor=actor, reason=reason, now=now
    )
    return f"{dispute.event}: {dispute.get_state_display().lower()}"
