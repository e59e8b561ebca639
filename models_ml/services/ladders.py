"""The ladder of each sport: the rows every installation has, and how one is changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from models_ml.domain import stages
from models_ml.domain.stages import BadLadder
from models_ml.models import Ladder, Pipeline, StageLook
from models_ml.queries import ladders as sql
from monitoring.services import audit

SHORTEST_HORIZON, LONGEST_HORIZON = 1, 14 * 24  # hours
LONGEST_GRACE = 3600  # seconds


def ensure_default_ladders() -> None:
    """Give each sport of a pipeline a ladder of its default stages; touch no existing one."""
    have = Ladder.objects.filter(sport=OuterRef("sport"), is_simulated=OuterRef("is_simulated"))
    missing = Pipeline.objects.exclude(Exists(have)).values_list(
        "sport", "sport__code", "is_simulated"
    )
    rows = []
    for sport_id, code, is_simulated in sorted(set(missing)):
        names = stages.default_names(sport=code, is_simulated=is_simulated)
        rows.append(
            Ladder(sport_id=sport_id, is_simulated=is_simulated, stages=stages.rows_of(names))
        )
    Ladder.objects.bulk_create(rows, ignore_conflicts=True)


def change(
    *,
    ladder_id: int,
    actor: str,
    reason: str,
    now: datetime,
    names: Sequence[str] | None = None,
    grace_seconds: int | None = None,
    horizon_hours: int | None = None,
    is_enabled: bool | None = None,
) -> Ladder:
    """Change a ladder; looks that are still due are planned anew, taken ones stay.

    Raises:
        BadLadder: the stages make no ladder, or are not planned as early as they open.
    """
    with transaction.atomic():
        row = Ladder.objects.select_for_update(of=("self",)).get(pk=ladder_id)
        given = {
            "stages": None if names is None else stages.rows_of(list(names)),
            "grace_seconds": grace_seconds,
            "horizon_hours": horizon_hours,
            "is_enabled": is_enabled,
        }
        changed: dict[str, Any] = {
            name: value
            for name, value in given.items()
            if value is not None and value != getattr(row, name)
        }
        before = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        _check(row)
        if changed:
            row.save(update_fields=list(changed))
            _plan_anew(row, now)
            audit.record(
                actor=actor, action="models_ml.ladder_changed", subject=row, at=now,
                reason=reason, before=before, after=changed,
            )  # fmt: skip
    return row


def _plan_anew(row: Ladder, now: datetime) -> None:
    StageLook.objects.filter(
        state=StageLook.State.DUE,
        event__competition__sport_id=row.sport_id,
        event__competition__is_simulated=row.is_simulated,
    ).delete()
    run(sql.PLAN, now=now)


def run(statement: str, *, now: datetime) -> int:
    """Plan or move looks; return how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, sql.asked(now))
        return int(cursor.rowcount)


def _check(row: Ladder) -> None:
    stages.check([str(stage["name"]) for stage in row.stages])
    if not SHORTEST_HORIZON <= row.horizon_hours <= LONGEST_HORIZON:
        raise BadLadder(f"looks are planned {SHORTEST_HORIZON} to {LONGEST_HORIZON} hours ahead")
    if row.horizon_hours * 60 < row.stages[0]["minutes"]:
        raise BadLadder(
            f"{row.stages[0]['name']} opens before looks are planned, {row.horizon_hours} hours"
            " ahead"
        )
    if not 0 <= row.grace_seconds <= LONGEST_GRACE:
        raise BadLadder(f"a look is late after 0 to {LONGEST_GRACE} seconds")
