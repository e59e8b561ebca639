"""Keys for programs: made once, kept hashed, expiring."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from monitoring import prepared
from monitoring.errors import Refused
from monitoring.models import ApiToken, User
from monitoring.services import audit

SCOPES = ("read", "run")  # to look, and to change something
LONGEST = timedelta(days=365)
_TOKEN, _USER = (
    [field.attname for field in model._meta.concrete_fields] for model in (ApiToken, User)
)
_PERMISSIONS = """
ARRAY(
    SELECT t.app_label || '.' || p.codename
    FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
    WHERE p.id IN (
        SELECT permission_id FROM monitoring_user_user_permissions WHERE user_id = u.id
        UNION ALL
        SELECT g.permission_id FROM auth_group_permissions g
        JOIN monitoring_user_groups m ON m.group_id = g.group_id WHERE m.user_id = u.id
    )
)
"""
_BEGINNING = f"""
SELECT {", ".join(f"k.{name}" for name in _TOKEN)}, {", ".join(f"u.{name}" for name in _USER)},
    CASE WHEN u.is_superuser OR NOT u.is_active THEN ARRAY[]::text[] ELSE {_PERMISSIONS} END
FROM monitoring_apitoken k JOIN monitoring_user u ON u.id = k.user_id
WHERE k.token_key = %s
"""


class TokenRefused(Refused):
    """No such user or key, no name or scope, or a life that is too short or too long."""


def make_token(
    *,
    name: str,
    username: str,
    scopes: Sequence[str],
    life: timedelta,
    actor: str,
    now: datetime,
    reason: str = "",
) -> tuple[str, ApiToken]:
    """Make a key with a user's permissions; return it in the clear, this once, and its row.

    Raises:
        TokenRefused: the user is unknown or inactive, ``life`` is not within a year, there is
            no name, or the scopes are none of ``SCOPES``.
    """
    if not 0 < len(name.strip()) <= 80 or not name.isprintable():
        raise TokenRefused("a key is called by the name of the program that uses it")
    if not scopes or set(scopes) - set(SCOPES):
        raise TokenRefused(f"a key has one or more of the scopes {', '.join(SCOPES)}")
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise TokenRefused(f"there is no active user {username!r}")
    if not timedelta(0) < life <= LONGEST:
        raise TokenRefused(f"a key lives 1 to {LONGEST.days} days, not {life.days}")
    with transaction.atomic():
        token, key = ApiToken.objects.create(
            user=user, expiry=life, name=name.strip(), scopes=sorted(set(scopes))
        )
        audit.record(
            actor=actor,
            action="monitoring.make_token",
            subject=f"monitoring.ApiToken:{token.token_key}",
            at=now,
            name=token.name,
            user=username,
            scopes=token.scopes,
            reason=reason,
        )
    return key, token


def beginning(token_key: str) -> list[ApiToken]:
    """Return the tokens that begin so, each with its user and what that one may do.

    Every call of a program comes by here, so it is one statement whose plan is kept.
    """
    return [_of_row(row) for row in prepared.rows(_BEGINNING, [token_key])]


def _of_row(row: tuple[Any, ...]) -> ApiToken:
    token = ApiToken.from_db(connection.alias, _TOKEN, row[: len(_TOKEN)])
    token.scopes = json.loads(token.scopes)
    token.user = User.from_db(connection.alias, _USER, row[len(_TOKEN) : -1])
    token.user._perm_cache = set(row[-1])  # where the permission backend looks first
    return token


def revoke_token(*, digest: str, reason: str, actor: str, now: datetime) -> None:
    """Have a key refused from now on; its row goes, the audit keeps its name.

    Raises:
        TokenRefused: no reason, or there is no such key (any more).
    """
    if not reason.strip():
        raise TokenRefused("give a reason")
    with transaction.atomic():
        token = ApiToken.objects.select_for_update().filter(pk=digest).first()
        if token is None:
            raise TokenRefused("there is no such key (any more)")
        audit.record(
            actor=actor,
            action="monitoring.revoke_token",
            subject=f"monitoring.ApiToken:{token.token_key}",
            at=now,
            name=token.name,
            user=token.user.get_username(),
            reason=reason.strip(),
        )
        token.delete()
