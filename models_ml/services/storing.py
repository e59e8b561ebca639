"""Artefacts on disk: written whole or not at all, read only when their hash is right."""

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings

from models_ml.models import ModelVersion
from monitoring.errors import PermanentlyFailed


class DamagedArtefact(PermanentlyFailed):
    """A version's file is missing, or is not what was written."""


def write(*, pipeline_code: str, number: int, content: bytes) -> tuple[str, str]:
    """Write an artefact atomically; return its name under ARTEFACT_DIR and its SHA-256.

    Written beside its place, flushed to the disk and renamed: a crash leaves no half file
    under a name that a version row knows.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{pipeline_code}/{number}-{sha256[:12]}.ubj"
    path = Path(settings.ARTEFACT_DIR) / name
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
    return name, sha256


def read(*, version: ModelVersion) -> bytes:
    """Return a version's artefact.

    Raises:
        DamagedArtefact: the file is missing or its SHA-256 is not the row's.
    """
    path = Path(settings.ARTEFACT_DIR) / version.artefact
    try:
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
