"""Putting away what nobody needs: by policy, the same by a dry run as by a real one.

Rows of versions stay for ever; of those put away only the file goes, and the row says when.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from models_ml.models import (
    FeatureRow,
    ModelVersion,
    Pipeline,
    Prediction,
    Rehearsal,
)
from models_ml.queries import hygiene
from models_ml.queries.hygiene import Kept
from monitoring.domain.progress import RunHandle
from monitoring.services import audit

ROWS_AT_ONCE = 5_000
STRAY = timedelta(days=1)  # a file that no row knows may be one that is being written


@dataclass(slots=True)
class Swept:
    """What is put away, or would be: versions' files, strays, and rows by the number."""

    is_dry_run: bool
    versions: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    bytes: int = 0
    strays: list[str] = field(default_factory=list)
    rehearsals: list[int] = field(default_factory=list)
    trials: int = 0
    predictions: int = 0
    rows: int = 0

    def told(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "dry_run": self.is_dry_run,
            "versions": self.versions,
            "files": self.files,
            "bytes": self.bytes,
            "strays": self.strays,
            "rehearsals": self.rehearsals,
            "trials": self.trials,
            "predictions": self.predictions,
            "rows": self.rows,
        }


def sweep(
    *, now: datetime, actor: str, is_dry_run: bool = False, progress: RunHandle | None = None
) -> Swept:
    """Put away what the policies let go; a dry run tells exactly what a run would put away.

    Each pipeline is locked while it is looked at: nothing is promoted, proposed or rolled back
    between the look and the deed.  A cancelled run leaves what it has done.
    """
    swept = Swept(is_dry_run)
    kept = hygiene.hygiene_policies()
    for done, one in enumerate(kept):
        if one.policy is not None:
            _pipeline(one, swept, now, actor)
        if progress:
            progress.progress(done=done + 1, total=len(kept), message=one.pipeline.code)
            progress.raise_if_cancelled()
    swept.rows += _drop(hygiene.rows_to_drop(kept=kept, now=now), is_dry_run, FeatureRow, progress)
    _strays(swept, now)
    return swept


def _pipeline(one: Kept, swept: Swept, now: datetime, actor: str) -> None:
    assert one.policy is not None
    about: dict[str, Any] = {"pipeline": one.pipeline, "policy": one.policy, "now": now}
    with transaction.atomic():
        Pipeline.objects.select_for_update().get(pk=one.pipeline.pk)
        versions = hygiene.versions_to_strip(**about)
        _strip(versions, swept, now, actor)
        for rehearsal in hygiene.rehearsals_to_remove(**about).order_by("pk"):
            _remove(rehearsal, swept, now)
        trials = hygiene.trials_to_drop(**about)
        swept.trials += trials.count() if swept.is_dry_run else trials.delete()[0]
    gone = hygiene.predictions_to_drop(**about)
    swept.predictions += _drop(gone, swept.is_dry_run, Prediction)


def _strip(versions: list[ModelVersion], swept: Swept, now: datetime, actor: str) -> None:
    """Take the files of these versions; the rows say so before the files are gone."""
    for version in versions:
        path = Path(settings.ARTEFACT_DIR) / version.artefact
        swept.versions.append(str(version))
        swept.files.append(version.artefact)
        swept.bytes += path.stat().st_size if path.exists() else 0
        if swept.is_dry_run:
            continue
        ModelVersion.objects.filter(pk=version.pk).update(artefact_removed_at=now)
        audit.record(
            actor=actor,
            action="models_ml.remove_artefact",
            subject=version,
            at=now,
            artefact=version.artefact,
            artefact_sha256=version.artefact_sha256,
        )
        transaction.on_commit(_unlinker(path))


def _unlinker(path: Path) -> Callable[[], None]:
    def unlink() -> None:
        path.unlink(missing_ok=True)

    return unlink


def _remove(rehearsal: Rehearsal, swept: Swept, now: datetime) -> None:
    """Take a rehearsal's rows and predictions; its own row says what it was."""
    predictions = Prediction.objects.filter(feature_row__rehearsal=rehearsal)
    rows = FeatureRow.objects.filter(rehearsal=rehearsal)
    swept.rehearsals.append(rehearsal.pk)
    swept.predictions += predictions.count()
    swept.rows += rows.count()
    if not swept.is_dry_run:
        predictions.delete()
        rows.delete()
        Rehearsal.objects.filter(pk=rehearsal.pk).update(removed_at=now)


def _drop(
    found: QuerySet[Any], is_dry_run: bool, model: Any, progress: RunHandle | None = None
) -> int:
    """Delete rows a batch at a time, so that nobody waits long for a lock."""
    if is_dry_run:
        return found.count()
    dropped = 0
    while keys := list(found.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        with transaction.atomic():
            model.objects.filter(pk__in=keys).delete()
        dropped += len(keys)
        if progress:
            progress.raise_if_cancelled()
    return dropped


def _strays(swept: Swept, now: datetime) -> None:
    """Take files that no version owns: what a crash left between the disk and the table."""
    folder = Path(settings.ARTEFACT_DIR)
    if not folder.is_dir():
        return
    owned = set(
        ModelVersion.objects.filter(artefact_removed_at=None).values_list("artefact", flat=True)
    )
    for path in sorted(folder.glob("*/*")):
        name = path.relative_to(folder).as_posix()
        if name in owned or name in swept.files or not path.is_file():
            continue
        if now - datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) < STRAY:
            continue
        swept.strays.append(name)
        if not swept.is_dry_run:
            path.unlink(missing_ok=True)
