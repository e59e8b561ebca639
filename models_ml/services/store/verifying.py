"""Whether the store is what was written: damage found, said, and mended from the tables."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models_ml.models import StoreFile
from models_ml.services.store import layout, reading
from models_ml.services.store.columns import CacheDamaged
from monitoring.domain.findings import Severity
from monitoring.domain.progress import RunHandle
from monitoring.services import incidents

KIND = "models_ml.cache-damaged"
YOUNG = timedelta(hours=1)  # a file without a row may be one that is just being written


@dataclass(slots=True)
class Verified:
    """What looking at every part found."""

    good: int = 0
    damaged: list[str] = field(default_factory=list)
    removed: int = 0  # files that no row names

    @property
    def told(self) -> dict[str, Any]:
        return {"good": self.good, "damaged": self.damaged, "removed": self.removed}


def verify(*, now: datetime, progress: RunHandle | None = None) -> Verified:
    """Hash every file of the store anew; mark what is damaged, remove what no row names."""
    found = Verified()
    rows = list(StoreFile.objects.select_related("sport").order_by("part"))
    for place, row in enumerate(rows):
        try:
            reading.check_file(row=row, fresh=True)
        except CacheDamaged as error:
            note_damage(part=row.part, why=str(error), now=now)
            found.damaged.append(row.part)
        else:
            if row.state == StoreFile.State.DAMAGED:
                found.damaged.append(row.part)
                continue
            StoreFile.objects.filter(pk=row.pk, sha256=row.sha256).update(verified_at=now)
            found.good += 1
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=place + 1, total=len(rows), message=row.part)
    found.removed = _sweep(now)
    return found


def note_damage(*, part: str, why: str, now: datetime) -> None:
    """Mark a part as damaged, so that nobody reads it, and say so."""
    StoreFile.objects.filter(part=part).update(state=StoreFile.State.DAMAGED, note=why[:250])
    incidents.open_incident(
        kind=KIND, severity=Severity.P2, summary=why[:250], at=now, subject=f"store:{part}"
    )


def damaged() -> list[str]:
    """Return the parts that are marked as damaged."""
    rows = StoreFile.objects.filter(state=StoreFile.State.DAMAGED).order_by("part")
    return list(rows.values_list("part", flat=True))


def _sweep(now: datetime) -> int:
    """Remove files that no row names: left by a process that was killed."""
    named = {
        str(layout.path(part=part, sha256=sha256))
        for part, sha256 in StoreFile.objects.values_list("part", "sha256")
    }
    removed = 0
    for path in layout.folder().rglob("*"):
        if not path.is_file() or str(path) in named:
            continue
        if not (path.suffix == ".parquet" or path.name.startswith(".draft-")):
            continue
        if now.timestamp() - path.stat().st_mtime > YOUNG.total_seconds():
            path.unlink(missing_ok=True)
            removed += 1
    return removed
