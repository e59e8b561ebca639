"""Artefacts on disk: written whole or not at all, read only when their hash is right."""

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings

from models_ml.domain import artefacts
from models_ml.models import ModelVersion
from monitoring.errors import PermanentlyFailed


class DamagedArtefact(PermanentlyFailed):
    """A version's file is missing, or is not what was written."""


class ArtefactNotWritten(PermanentlyFailed):
    """The disk did not take an artefact; nothing of it is left behind."""


def write(*, pipeline_code: str, number: int, content: bytes) -> tuple[str, str]:
    """Write an artefact atomically; return its name under ARTEFACT_DIR and its SHA-256.

    Written beside its place, flushed to the disk and renamed: a crash leaves no half file
    under a name that a version row knows.

    Raises:
        ArtefactNotWritten: the disk is full, or may not be written to.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{pipeline_code}/{number}-{sha256[:12]}.json"
    path = Path(settings.ARTEFACT_DIR) / name
    try:
        _write_whole(path, content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ArtefactNotWritten(f"cannot write {name}: {reason}") from error
    return name, sha256


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def read(*, version: ModelVersion) -> bytes:
    """Return a version's artefact.

    Raises:
        DamagedArtefact: the file is missing, too large, or its SHA-256 is not the row's.
    """
    if removed := version.artefact_removed_at:
        raise DamagedArtefact(f"{version}: its file was put away on {removed:%Y-%m-%d}: train anew")
    path = Path(settings.ARTEFACT_DIR) / version.artefact
    try:
        if (size := path.stat().st_size) > artefacts.LARGEST:
            raise DamagedArtefact(f"{version}: {version.artefact} has {size} bytes, too many")
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DamagedArtefact(f"{version}: cannot read {version.artefact}: {reason}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != version.artefact_sha256:
        raise DamagedArtefact(
            f"{version}: {version.artefact} has SHA-256 {found[:12]}…,"
            f" the row says {version.artefact_sha256[:12]}…"
        )
    return content


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
