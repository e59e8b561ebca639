"""Who may call: people by their session, programs by a hashed, scoped, expiring token."""

from datetime import timedelta
from secrets import compare_digest
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from monitoring.models import ApiToken, User
from monitoring.services import tokens

READ, RUN = SCOPES = tokens.SCOPES
USED_NOTED_EVERY = timedelta(minutes=1)


class ScopedTokenAuthentication(TokenAuthentication):
    """A token of ours; when it was last used is noted at most once a minute."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Return whose token this is, with what they may do, by one statement.

        Raises:
            AuthenticationFailed: no such token, an expired one, or its user is switched off.
        """
        now = timezone.now()
        found = self._found(token)
        if found is None or (found.expiry is not None and found.expiry <= now):
            raise AuthenticationFailed("Invalid token.")
        self.validate_user(found)
        if found.last_used_at is None or found.last_used_at < now - USED_NOTED_EVERY:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        return found.user, found

    def _found(self, token: bytes) -> ApiToken | None:
        if not token.isascii():
            return None
        digest = hash_token(token.decode())
        known = tokens.beginning(token[: CONSTANTS.TOKEN_KEY_LENGTH].decode())
        return next((one for one in known if compare_digest(digest, one.digest)), None)


class ScopedTokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document tells of the token."""

    target_class = ScopedTokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <key>`; made by `manage.py api_token`.",
        }


class Allowed(BasePermission):
    """Signed in, holding the view's permission, by a token whose scopes cover the method.

    A view names its permission in ``permission`` ("betting.view_bet"), or per action in
    ``permissions``; a view that names none is closed to everybody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiToken):
            scope = READ if request.method in SAFE_METHODS else RUN
            if scope not in request.auth.scopes:
                return False
        needed = permission_of(view)
        return needed is not None and request.user.has_perm(needed)


def permission_of(view: Any) -> str | None:
    """Return the permission that the view's present action asks for."""
    by_action = getattr(view, "permissions", {})
    return by_action.get(getattr(view, "action", None), getattr(view, "permission", None))


def user_of(request: Request) -> User:
    """Return who is signed in; where ``Allowed`` let somebody in, somebody is."""
    assert isinstance(request.user, User)
    return request.user


def actor_of(request: Request) -> str:
    """Return who is written into runs and the audit."""
    if isinstance(request.auth, ApiToken):
        return f"api:{request.auth.name}"
    return f"user:{request.user.get_username()}"
