"""Keep secrets out of what people read.  Pure."""

import re
from collections.abc import Mapping

REDACTED = "[redacted]"
_SECRET_WORDS = frozenset(
    {"token", "password", "passwd", "secret", "key", "apikey", "authorization", "credential"}
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_ASSIGNED = re.compile(
    r"""(?ix)
    (["']?\b[\w-]*(?:token|password|passwd|secret|api[_-]?key|authorization|credential)[\w-]*["']?
    \s*[=:]\s*)
    (?:(?:bearer|basic|token)\s+)?
    ("[^"]*"|'[^']*'|[^\s,;)}\]]+)
    """
)
_IN_ADDRESS = re.compile(r"(\w+://)[^\s/@:]*:[^\s/@]*@")


def is_secret(name: str) -> bool:
    """Tell whether a value under this name must not be shown.

    >>> [is_secret(name) for name in ("api_key", "accessToken", "keyword", "limit")]
    [True, True, False, False]
    """
    return any(word.lower() in _SECRET_WORDS for word in _WORD.findall(name))


def redact(value: object) -> object:
    """Return a copy of plain data with the values of secret names hidden, at any depth.

    >>> redact({"limit": 5, "login": {"password": "x"}, "list": [{"token": "y"}]})
    {'limit': 5, 'login': {'password': '[redacted]'}, 'list': [{'token': '[redacted]'}]}
    """
    if isinstance(value, Mapping):
        return {
            name: REDACTED if is_secret(str(name)) else redact(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    return value


def redact_text(text: str) -> str:
    """Return free text with assigned secrets and logins in addresses hidden.

    >>> redact_text("GET https://me:pw@host/ with api_key=abc and Authorization: Bearer xyz")
    'GET https://[redacted]@host/ with api_key=[redacted] and Authorization: [redacted]'
    """
    return _ASSIGNED.sub(rf"\1{REDACTED}", _IN_ADDRESS.sub(rf"\1{REDACTED}@", text))
