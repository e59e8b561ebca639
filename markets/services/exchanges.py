"""Betfair's exchange for those who do more than read its prices: one login, one question a call.

Nothing is ever sent twice here but a question that changes nothing, and that only where the
exchange had forgotten our login.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from betfairlightweight import APIClient, exceptions
from django.conf import settings

from markets.connectors import http, payloads
from markets.connectors.base import Answer
from markets.connectors.betfair_api import asking
from markets.services import credentials
from monitoring.errors import OutsideFailed, PermanentlyFailed, Refused

CREDENTIALS = "betfair"
ANSWER_AT_MOST = 16 * 1024 * 1024
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
T = TypeVar("T")
Certificate = str | tuple[str, str]


class ExchangeSaid(PermanentlyFailed):
    """The exchange answered with an error; ``code`` is its own word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"betfair answered {code}")
        self.code = code


class NoExchange(Refused):
    """Bets of real money are not switched on here, or not fit to be."""


def check_betting() -> None:
    """Hold that real money may be staked at Betfair from this installation.

    Raises:
        NoExchange: BETFAIR_BETTING is off, or a test would reach the real exchange.
        credentials.NoCredentials: a secret is missing.
    """
    environment = settings.ENVIRONMENT
    if not environment.betfair_betting:
        raise NoExchange("BETFAIR_BETTING is off")
    address = urlsplit(environment.betfair_url)
    is_here = address.hostname in _THIS_MACHINE
    if environment.betfair_url and not is_here and address.scheme != "https":
        raise NoExchange("BETFAIR_URL: an https address, or one of this machine")
    if environment.closingline_environment == "test" and not is_here:
        raise NoExchange("a test bets on this machine or nowhere")
    credentials.named(CREDENTIALS)


@dataclass(slots=True)
class Exchange:
    """Asks as one account; ``timeout_seconds`` bounds each call, from the connection to the end."""

    timeout_seconds: float
    _client: APIClient | None = field(default=None, repr=False)

    def ask(
        self, call: Callable[[APIClient], Any], *, shape: type[T], may_repeat: bool = False
    ) -> T:
        """Return what the exchange answered, in the shape that is expected.

        ``may_repeat``: a question that changes nothing is asked once more after a new login.

        Raises:
            ExchangeSaid: it answered with an error.
            OutsideFailed: it did not answer, or not what was expected.
            Refused: betting there is not switched on.
        """
        try:
            return _told(call, self.log_in(), shape)
        except ExchangeSaid as error:
            if error.code not in asking.LOGGED_OUT:
                raise
            self._client = None
            if not may_repeat:
                raise
        return _told(call, self.log_in(), shape)

    def log_in(self) -> APIClient:
        """Return a client that is logged in, for as long as its login lasts.

        Raises:
            OutsideFailed: the login failed.
            Refused: betting there is not switched on.
        """
        check_betting()
        if self._client is None or self._client.session_expired:
            secrets = credentials.named(CREDENTIALS)
            self._client = asking.connect(
                secrets={name: secret.get_secret_value() for name, secret in secrets.items()},
                locale=settings.ENVIRONMENT.betfair_locale,
                location=settings.ENVIRONMENT.betfair_url,
                get=self._get,
            )
        return self._client

    def _get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | str | None,
        keep: bool = False,
        certificate: Certificate | None = None,
    ) -> Answer:
        """Send once; what is answered is kept nowhere."""
        into = BytesIO()
        request = http.Request(
            url=url,
            headers=headers,
            body=body.encode() if isinstance(body, str) else body or b"",
            certificate=certificate,
        )
        reply = http.send(
            request,
            into=into,
            timeout_seconds=self.timeout_seconds,
            max_bytes=ANSWER_AT_MOST,
            attempts=1,
        )
        return Answer("betfair", reply.shown, into.getvalue(), reply.headers, reply.status)


def _told(call: Callable[[APIClient], Any], client: APIClient, shape: type[T]) -> T:
    try:
        return msgspec.convert(call(client), shape)
    except exceptions.APIError as failed:
        if isinstance(failed.exception, OutsideFailed):
            raise failed.exception from None
        if failed.response:
            raise ExchangeSaid(asking.error_of(failed.response)) from None
        raise asking.Misread(f"betfair: {type(failed.exception).__name__}") from failed
    except msgspec.ValidationError as wrong:
        raise asking.Misread(payloads.in_words(wrong, what="betfair's answer")) from wrong
    except (exceptions.BetfairError, AttributeError, TypeError) as wrong:
        raise asking.Misread(f"betfair's answer is none: {type(wrong).__name__}") from wrong
