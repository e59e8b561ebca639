"""Everything a start needs in the database and on the disk; each step may be repeated."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from betting.services import limiting
from config import engines, schedule
from config.environment import BASE_DIR
from markets.services import partitions
from monitoring.models import User
from monitoring.services import audit, roles, thresholding
from settlements.services import rule_sets, targets

ADMIN = "admin"
ACTOR = "cli:up"


def prepare(*, now: datetime, say: Callable[[str], None]) -> None:
    """Bring database and static files to the state of this code; say what was done."""
    if collect_static():
        say("static files collected")
    _migrate(say)
    roles.ensure_roles()
    partitions.ensure_ahead(now=now)
    synced = schedule.sync(now=now, actor=ACTOR)
    if synced.created or synced.changed:
        say(f"schedule: {len(synced.created)} jobs added, {len(synced.changed)} changed")
    for name in synced.unknown_tasks:
        say(f"schedule: job {name} names a task that does not exist")
    for key in thresholding.sync().unused:
        say(f"threshold {key} was changed once; nothing reads it any more")
    limiting.ensure_defaults(now=now, actor=ACTOR)
    rule_sets.ensure_shipped(now=now, actor=ACTOR)
    targets.ensure_shipped(now=now, actor=ACTOR)
    if ensure_admin(now=now):
        say(f"user {ADMIN} made")


def _migrate(say: Callable[[str], None]) -> None:
    """Apply what is missing, one process at a time: two hosts may start together."""
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0; set lock_timeout = '60s'")
        cursor.execute("select pg_advisory_lock(hashtext('closingline.migrate'))")
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(hashtext('closingline.migrate'))")
        connection.close()


def collect_static() -> bool:
    """Collect static files unless nothing they come from has changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    state = _state_of_static()
    if stamp.exists() and stamp.read_text() == state:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(state)
    return True


def _state_of_static() -> str:
    """Return a digest of the pinned packages and of our own files' names, sizes and times."""
    digest = hashlib.sha256((BASE_DIR / "requirements.txt").read_bytes())
    for folder in settings.STATICFILES_DIRS:
        for path in sorted(Path(folder).rglob("*")):
            found = path.stat()
            digest.update(f"{path}:{found.st_size}:{found.st_mtime_ns}".encode())
    return digest.hexdigest()


def ensure_admin(*, now: datetime) -> bool:
    """Make the first user of a local installation, with a password that is kept in its home.

    Only an installation on one's own machine gets one: elsewhere ``manage.py createsuperuser``
    asks a person.
    """
    if settings.ENVIRONMENT_NAME not in ("local", "test") or User.objects.exists():
        return False
    password = engines.local_secret(settings.CLOSINGLINE_HOME, "admin_password", strength=12)
    with transaction.atomic():
        user = User.objects.create_superuser(ADMIN, email="", password=password)
        audit.record(
            actor=ACTOR, action="monitoring.make_first_user", subject=audit.label(user), at=now
        )
    return True
