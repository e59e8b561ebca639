"""Secrets that sources are asked with: sets of them by name, from the environment alone."""

from collections.abc import Mapping
from types import MappingProxyType

from django.conf import settings
from pydantic import SecretStr

from monitoring.errors import Refused

#: What each set holds: the name under which a connector asks for it, and the variable.
SETS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "odds_api": {"key": "odds_api_key"},
        "betfair": {
            "username": "betfair_username",
            "password": "betfair_password",
            "app_key": "betfair_app_key",
            "certs": "betfair_certs",
        },
        "pinnacle": {"key": "pinnacle_key"},
    }
)
_OPTIONAL = frozenset({"certs"})


class NoCredentials(Refused):
    """A source needs secrets that this installation does not have."""

    kind = "REFUSED_AUTH"


def named(name: str) -> dict[str, SecretStr]:
    """Return a set's secrets; "" is the empty set.

    Raises:
        NoCredentials: there is no such set, or a variable of it is not set.
    """
    if not name:
        return {}
    if name not in SETS:
        raise NoCredentials(f"credentials: one of {', '.join(sorted(SETS))}, not {name!r}")
    found: dict[str, SecretStr] = {}
    for part, variable in SETS[name].items():
        secret = getattr(settings.ENVIRONMENT, variable)
        if secret.get_secret_value():
            found[part] = secret
        elif part not in _OPTIONAL:
            raise NoCredentials(f"{variable.upper()} is not set")
    return found
