"""Errors to Sentry when a DSN is given: faults of ours, never refusals, never a secret."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from config.environment import Environment
from config.environment import read as read_environment
from monitoring.domain import redaction
from monitoring.errors import Refused

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

SHORTEST_SECRET = 6  # characters; replacing shorter ones would only garble the text
_ALSO_SECRET = ("dsn", "cookie", "session", "csrf", "signature")


class Scrubber:
    """Removes what may not leave this machine: secrets by their names and by their values."""

    def __init__(self, values: Iterable[str]) -> None:
        long_enough = {value for value in values if len(value) >= SHORTEST_SECRET}
        self._values = sorted(long_enough, key=len, reverse=True)

    def event(self, event: "Event", hint: "Hint") -> "Event | None":
        """Return the event without secrets; None, which is not sent, for an expected "no"."""
        error = (hint.get("exc_info") or (None, None, None))[1]
        if isinstance(error, Refused):
            return None
        return self.clean(event)

    def clean(self, value: Any) -> Any:
        """Return a copy of plain data without secrets, at any depth."""
        if isinstance(value, Mapping):
            return {
                name: redaction.REDACTED if _is_secret(str(name)) else self.clean(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.clean(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        for secret in self._values:
            text = text.replace(secret, redaction.REDACTED)
        return redaction.redact_text(text)


def _is_secret(name: str) -> bool:
    lower = name.lower()
    return redaction.is_secret(name) or any(word in lower for word in _ALSO_SECRET)


def secrets_of(environment: Environment) -> list[str]:
    """Return the values of this installation's secrets, passwords in addresses included."""
    values = dict(environment).values()
    found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    for url in (environment.database_url, environment.redis_url):
        if password := urlsplit(url).password:
            found += [password, unquote(password)]
    return found


def start(environment: Environment, *, more_secrets: Iterable[str] = (), **options: Any) -> None:
    """Send this process's faults to Sentry from now on.

    Names and addresses of persons stay here: that is the SDK's default, and a test holds it.
    """
    import sentry_sdk  # not at the top: most installations have no DSN and need not wait for it
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration

    scrubber = Scrubber([*secrets_of(environment), *more_secrets])
    sentry_sdk.init(
        dsn=environment.sentry_dsn.get_secret_value(),
        environment=environment.closingline_environment,
        integrations=[DjangoIntegration(), CeleryIntegration()],
        max_request_body_size="never",
        traces_sample_rate=environment.sentry_traces_sample_rate,
        before_send=scrubber.event,
        before_send_transaction=scrubber.event,
        **options,
    )


if read_environment().sentry_dsn.get_secret_value():
    start(read_environment())
