"""Keys for programs: made once, kept hashed, expiring."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from monitoring.errors import Refused
from monitoring.models import ApiToken, User
from monitoring.services import audit

LONGEST = timedelta(days=365)


class TokenRefused(Refused):
    """No such user, or a life that is too short or too long."""


def make_token(
    *,
    name: str,
    username: str,
    scopes: Sequence[str],
    life: timedelta,
    actor: str,
    now: datetime,
) -> tuple[str, ApiToken]:
    """Make a key with a user's permissions; return it in the clear, this once, and its row.

    Raises:
        TokenRefused: the user is unknown or inactive, or ``life`` is not within a year.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise TokenRefused(f"there is no active user {username!r}")
    if not timedelta(0) < life <= LONGEST:
        raise TokenRefused(f"a key lives 1 to {LONGEST.days} days, not {life.days}")
    with transaction.atomic():
        token, key = ApiToken.objects.create(
            user=user, expiry=life, name=name, scopes=sorted(set(scopes))
        )
        audit.record(
            actor=actor,
            action="monitoring.make_token",
            subject=f"monitoring.ApiToken:{token.token_key}",
            at=now,
            name=name,
            user=username,
            scopes=token.scopes,
        )
    return key, token
