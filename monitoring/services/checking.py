"""Run the registered checks and turn what they find into incidents."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.models import CheckState
from monitoring.services import incidents, outcomes

log = structlog.get_logger(__name__)

BROKEN = "monitoring.check-broken"
SLACK = timedelta(seconds=1)  # a check that is due within this is due


@dataclass(frozen=True, slots=True)
class Checked:
    """What one round of checks came to."""

    findings: int = 0
    resolved: int = 0
    broken: int = 0

    def __add__(self, other: "Checked") -> "Checked":
        return Checked(
            findings=self.findings + other.findings,
            resolved=self.resolved + other.resolved,
            broken=self.broken + other.broken,
        )


def run_due(*, now: datetime, kinds: Collection[str] | None = None) -> Checked:
    """Run every check whose ``every`` has passed; one that breaks does not stop the others."""
    ran_at = dict(CheckState.objects.values_list("kind", "ran_at"))
    due = [
        check.kind
        for check in registry.checks.values()
        if (kinds is None or check.kind in kinds)
        and (check.kind not in ran_at or ran_at[check.kind] + check.every <= now + SLACK)
    ]
    return sum((run_check(kind=kind, now=now) for kind in sorted(due)), Checked())


def run_checks(*, now: datetime) -> Checked:
    """Run all checks, due or not: for a person who asks how things are."""
    return sum((run_check(kind=kind, now=now) for kind in sorted(registry.checks)), Checked())


def run_check(*, kind: str, now: datetime) -> Checked:
    """Run one check; open, refresh and close its incidents; note when it ran.

    A check that raises opens an incident of its own and leaves those of its kind as they are:
    what it would have said is unknown.
    """
    began = time.perf_counter()
    try:
        with transaction.atomic():
            findings = list(registry.checks[kind].run(now))
    except Exception as fault:
        error = outcomes.presentable(f"{type(fault).__name__}: {fault}")
        log.error("check.broken", kind=kind, error=error)
        _note(kind, now=now, seconds=time.perf_counter() - began, error=error)
        _report_broken(kind, now=now, error=error)
        return Checked(broken=1)
    _note(kind, now=now, seconds=time.perf_counter() - began, findings=len(findings))
    incidents.resolve_subject(
        kinds=[BROKEN], subject=kind, at=now, actor="task:checks", note="the check runs again"
    )
    return Checked(findings=len(findings), resolved=_act_on(kind, findings, now=now))


def _act_on(kind: str, findings: Collection[Finding], *, now: datetime) -> int:
    for finding in findings:
        incidents.open_incident(
            kind=kind,
            subject=finding.subject,
            severity=finding.severity,
            summary=finding.summary,
            at=now,
            actor="task:checks",
        )
    return incidents.resolve_incidents(
        kind=kind,
        except_subjects={finding.subject for finding in findings},
        at=now,
        actor="task:checks",
    )


def _note(kind: str, *, now: datetime, seconds: float, findings: int = 0, error: str = "") -> None:
    CheckState.objects.update_or_create(
        kind=kind,
        defaults={"ran_at": now, "seconds": seconds, "findings": findings, "error": error},
    )


def _report_broken(kind: str, *, now: datetime, error: str) -> None:
    incidents.open_incident(
        kind=BROKEN,
        subject=kind,
        severity=Severity.P2,
        summary=f"The check {kind} broke: {error}",
        at=now,
        actor="task:checks",
    )
