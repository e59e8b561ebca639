"""Who stands behind a command: a person by their own API token, never by a name they give."""

import os
import sys
from getpass import getpass

from rest_framework.exceptions import AuthenticationFailed

from monitoring.errors import Refused
from monitoring.models import User
from monitoring.rest.access import RUN, ScopedTokenAuthentication

VARIABLE = "CLOSINGLINE_TOKEN"


class NotSignedIn(Refused):
    """Nobody is known to stand behind this command, or they may not do this."""


def signed_in(*, permission: str) -> tuple[User, str]:
    """Return who holds the token given, and how the audit names them.

    Raises:
        NotSignedIn: no token, one that is not valid or only for reading, or its holder lacks
            the permission.
    """
    key = os.environ.get(VARIABLE) or (getpass("Your API token: ") if sys.stdin.isatty() else "")
    if not key:
        raise NotSignedIn(f"say who you are: your own API token in {VARIABLE}")
    try:
        user, token = ScopedTokenAuthentication().authenticate_credentials(key.encode())
    except AuthenticationFailed as no:
        raise NotSignedIn("the API token is not valid") from no
    if RUN not in token.scopes:
        raise NotSignedIn("the API token is for reading alone")
    if not user.has_perm(permission):
        raise NotSignedIn(f"{user.get_username()} may not do this")
    return user, f"api:{token.name}"
