"""Keeping what the bets of versions were worth: told by who values bets, read at promotions."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from models_ml.models import VersionClv
from models_ml.queries import drift as queries


class ClvOfVersion(NamedTuple):
    """Mean closing-line value of a version's bets with its 95 % interval."""

    version_id: int
    n: int
    mean: float
    low: float
    high: float


def note_clv(*, rows: Sequence[ClvOfVersion], as_of: datetime) -> int:
    """Keep closing-line values that differ from those last kept; return how many were."""
    last = queries.last_clv(version_ids=[row.version_id for row in rows])
    fresh = []
    for row in rows:
        kept = last.get(row.version_id)
        if kept is None or (kept.n, kept.mean) != (row.n, row.mean):
            fresh.append(VersionClv(as_of=as_of, **row._asdict()))
    VersionClv.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)
