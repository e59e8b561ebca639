"""Look for flaws in the data, and keep the findings: opened once, closed when they are gone.

Each rule is looked at in a transaction of its own, so that one that fails takes nothing of the
others with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction

from markets.domain.quality import HISTORY, RULES
from markets.models import QualityFinding
from markets.queries import quality
from markets.queries.quality import Flaw, Found, Scope
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

log = structlog.get_logger(__name__)
#: Events that began longer ago are looked at once a day.
LOOKED_BACK = timedelta(days=14)

_KEEP = """
INSERT INTO markets_qualityfinding (
    kind, subject, detail, value, season_id, event_id, market_id, book_id, n, found_at, seen_at)
SELECT %(kind)s, f.subject, f.detail, f.value, f.season_id, f.event_id, f.market_id, f.book_id, 1,
       %(now)s, %(now)s
FROM unnest(%(subjects)s::text[], %(details)s::text[], %(values)s::float8[], %(seasons)s::bigint[],
    %(events)s::bigint[], %(markets)s::bigint[], %(books)s::bigint[])
    AS f (subject, detail, value, season_id, event_id, market_id, book_id)
ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE SET
    detail = excluded.detail, value = excluded.value, seen_at = excluded.seen_at,
    n = markets_qualityfinding.n + 1
    WHERE markets_qualityfinding.seen_at < excluded.seen_at
RETURNING (xmax = 0)
"""


class UnknownRule(Refused):
    """There is no such rule."""


class NotOpen(Refused):
    """The finding is over, or was dismissed, or was not."""


class NoReason(Refused):
    """Whoever dismisses a finding says why."""


class RuleFailed(Exception):
    """A rule could not be looked at: our own fault."""


@dataclass(slots=True)
class Looked:
    """What one look did, by rule: open now, new, over, and open but not named one by one."""

    rules: dict[str, dict[str, int]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        sums = {
            name: sum(row[name] for row in self.rules.values()) for name in ("open", "new", "over")
        }
        return {**sums, "rules": self.rules, "failed": self.failed}

    def raise_if_failed(self) -> None:
        """Let the run fail, so that somebody is told; what the others found is kept.

        Raises:
            RuleFailed: a rule could not be looked at.
        """
        if self.failed:
            raise RuleFailed("; ".join(f"{kind}: {said}" for kind, said in self.failed.items()))


def look(
    *,
    as_of: datetime,
    now: datetime,
    rules: Iterable[str] | None = None,
    since: datetime | None = None,
    competition_id: int | None = None,
    season_id: int | None = None,
    progress: RunHandle | None = None,
) -> Looked:
    """Judge the data as it stands at ``as_of``; open, confirm and close findings.

    Args:
        rules: their kinds; None: all of them.
        since: rules of history look at events from then on; None: however long ago.
        competition_id: this competition alone; ``season_id``: this season alone.

    A finding outside what was looked at stays as it is.  A rule that fails is logged and named
    in what is returned; the others are looked at all the same.

    Raises:
        UnknownRule: there is no rule of that kind.
    """
    asked = list(RULES) if rules is None else list(rules)
    if unknown := sorted(set(asked) - RULES.keys()):
        raise UnknownRule(f"no rule {', '.join(unknown)}: there are {', '.join(RULES)}")
    scope = Scope(as_of=as_of, since=since, competition_id=competition_id, season_id=season_id)
    looked = Looked()
    for done, kind in enumerate(asked):
        if progress:
            progress.progress(done=done, total=len(asked), message=RULES[kind].title)
        try:
            with transaction.atomic():
                looked.rules[kind] = _look_by(kind, scope, now)
        except DatabaseError as error:
            log.exception("rule of data quality failed", rule=kind)
            looked.failed[kind] = str(error).splitlines()[0][:200]
    return looked


def _look_by(kind: str, scope: Scope, now: datetime) -> dict[str, int]:
    with connection.cursor() as cursor:  # two looks at once would count one flaw twice
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"markets.quality.{kind}"])
    found = quality.find(kind=kind, scope=scope)
    new = _keep(kind, found.flaws, now)
    over = _close(kind, found, scope, now)
    return {
        "open": found.total,
        "new": new,
        "over": over,
        "unnamed": found.total - len(found.flaws),
    }


def _keep(kind: str, flaws: list[Flaw], now: datetime) -> int:
    """Open what is new, confirm what is known; return how many are new."""
    if not flaws:
        return 0
    columns: dict[str, Any] = {
        "subjects": [flaw.subject for flaw in flaws],
        "details": [flaw.detail for flaw in flaws],
        "values": [flaw.value for flaw in flaws],
        "seasons": [flaw.season_id for flaw in flaws],
        "events": [flaw.event_id for flaw in flaws],
        "markets": [flaw.market_id for flaw in flaws],
        "books": [flaw.book_id for flaw in flaws],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {**columns, "kind": kind, "now": now})
        return sum(is_new for (is_new,) in cursor.fetchall())


def _close(kind: str, found: Found, scope: Scope, now: datetime) -> int:
    """Close the findings that were looked for and not seen.

    Where not all flaws could be named, nothing is known of those that were left out.
    """
    if not found.is_whole:
        return 0
    rows = QualityFinding.objects.filter(kind=kind, resolved_at=None).exclude(
        subject__in=[flaw.subject for flaw in found.flaws]
    )
    if scope.season_id is not None:
        rows = rows.filter(season_id=scope.season_id)
    if scope.competition_id is not None:
        rows = rows.filter(season__competition_id=scope.competition_id)
    if RULES[kind].reach == HISTORY and scope.since is not None:
        rows = rows.filter(event__starts_at__gte=scope.since)
    return rows.update(resolved_at=now)


def dismiss(
    *, finding_id: int, actor: str, reason: str, until: datetime | None, now: datetime
) -> QualityFinding:
    """Accept a flaw for what it is: nobody is told of it until then, or while it stands.

    Raises:
        NoReason: no reason is given.
        NotOpen: it is over or dismissed already, or ``until`` has passed.
        QualityFinding.DoesNotExist: there is no such finding.
    """
    if not reason.strip():
        raise NoReason("Say why: the reason is kept in the audit.")
    if until is not None and until <= now:
        raise NotOpen(f"{until:%Y-%m-%d %H:%M} UTC has passed already.")
    with transaction.atomic():
        finding = QualityFinding.objects.select_for_update().get(pk=finding_id)
        if finding.resolved_at is not None or finding.is_dismissed(now=now):
            raise NotOpen(f"Finding {finding_id} is over or dismissed already.")
        finding.dismissed_at, finding.dismissed_until = now, until
        finding.dismissed_by, finding.dismissed_reason = actor, reason.strip()[:250]
        finding.save(update_fields=list(_DISMISSAL))
        audit.record(
            actor=actor,
            action="markets.dismiss_finding",
            subject=finding,
            at=now,
            kind=finding.kind,
            about=finding.subject,
            reason=finding.dismissed_reason,
            until=None if until is None else until.isoformat(),
        )
    return finding


def take_back(*, finding_id: int, actor: str, reason: str, now: datetime) -> QualityFinding:
    """Tell of a dismissed finding again.

    Raises:
        NoReason: no reason is given.
        NotOpen: it is over, or is not dismissed.
        QualityFinding.DoesNotExist: there is no such finding.
    """
    if not reason.strip():
        raise NoReason("Say why: the reason is kept in the audit.")
    with transaction.atomic():
        finding = QualityFinding.objects.select_for_update().get(pk=finding_id)
        if finding.resolved_at is not None or not finding.is_dismissed(now=now):
            raise NotOpen(f"Finding {finding_id} is over, or is not dismissed.")
        finding.dismissed_at = finding.dismissed_until = None
        finding.dismissed_by = finding.dismissed_reason = ""
        finding.save(update_fields=list(_DISMISSAL))
        audit.record(
            actor=actor, action="markets.take_back_dismissal", subject=finding, at=now,
            kind=finding.kind, about=finding.subject, reason=reason.strip()[:250],
        )  # fmt: skip
    return finding


_DISMISSAL = ("dismissed_at", "dismissed_until", "dismissed_by", "dismissed_reason")
