"""Which markets are asked for, and how: betfairlightweight makes the requests, ``Get`` sends them.

A catalogue and the books that it describes are asked for in one message (JSON-RPC 2.0, "Batch"),
so that each archived answer can be read again by itself.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

from betfairlightweight import APIClient, exceptions, filters
from betfairlightweight.endpoints.baseendpoint import BaseEndpoint

from markets.connectors.base import Answer, Asked, Get
from markets.connectors.http import NoAnswer, WasRefused
from monitoring.errors import OutsideFailed, PermanentlyFailed

_CATALOGUE, _BOOK = "SportsAPING/v1.0/listMarketCatalogue", "SportsAPING/v1.0/listMarketBook"
#: Source: Betfair, "Market Data Request Limits": 200 points a request; EX_BEST_OFFERS weighs 5,
#: SP_TRADED 7, MARKET_DESCRIPTION 1.
_POINTS = 200
_BOOK_WEIGHT = 5 + 7
MARKETS_AT_A_TIME = _POINTS // (_BOOK_WEIGHT + 1)
MARKETS_AT_MOST = 200
HOURS_AHEAD, HOURS_BEHIND = 24, 3
_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_PROJECTION = (
    "COMPETITION", "EVENT", "EVENT_TYPE", "MARKET_START_TIME", "MARKET_DESCRIPTION",
    "RUNNER_DESCRIPTION",
)  # fmt: skip
_LATER = ("TOO_MANY_REQUESTS", "SERVICE_BUSY", "TIMEOUT_ERROR", "UNEXPECTED_ERROR")
LOGGED_OUT = ("INVALID_SESSION_INFORMATION", "NO_SESSION")
_LISTS = ("event_types", "market_types", "countries", "competitions", "venues")
_NUMBERS = {"hours_ahead": 24 * 14, "max_markets": 1_000}
_LOCALES = ("spain", "italy", "romania", "sweden", "new_zealand")
_OWN_HOST = re.compile(r"(^|\.)betfair\.(com|com\.au|es|it|ro|se)$")
_SECRETS = ("username", "password", "app_key")


_NOT_LET_IN = (*LOGGED_OUT, "INVALID_APP_KEY", "NO_APP_KEY", "ACCESS_DENIED")


class Misread(PermanentlyFailed):
    """It answered, and that was no answer of the exchange."""

    kind = "BAD_PAYLOAD"


def check_options(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an operator's options, in words."""
    wrong = []
    known = {*_LISTS, *_NUMBERS, "locale", "accept_delayed"}
    for key, value in sorted(options.items()):
        if key not in known:
            wrong.append(f"an option of {sorted(known)}, not {key!r}")
        elif key in _LISTS and not (
            isinstance(value, list) and all(isinstance(text, str) and text for text in value)
        ):
            wrong.append(f"{key}: a list of texts, not {value!r}")
        elif key in _NUMBERS and not (
            isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _NUMBERS[key]
        ):
            wrong.append(f"{key}: a whole number from 1 to {_NUMBERS[key]}, not {value!r}")
        elif key == "locale" and value not in _LOCALES:
            wrong.append(f"locale: one of {sorted(_LOCALES)}, or none for betfair.com")
        elif key == "accept_delayed" and not isinstance(value, bool):
            wrong.append(f"accept_delayed: true or false, not {value!r}")
    return wrong


def error_of(answer: Mapping[str, Any]) -> str:
    """Return an error's code from an answer in JSON-RPC, REST or a login's shape.

    >>> error_of({"error": {"code": -1, "data": {"APINGException": {"errorCode": "NO_SESSION"}}}})
    'NO_SESSION'
    >>> error_of({"faultcode": "Client", "detail": {"APINGException": {"errorCode": "NO_APP_KEY"}}})
    'NO_APP_KEY'
    >>> error_of({"error": "An error.."})
    'An error..'
    """
    told = answer.get("error", answer)
    if not isinstance(told, Mapping):
        return str(told)[:120]
    detail = told.get("data") or told.get("detail") or {}
    cause = detail.get("APINGException") if isinstance(detail, Mapping) else None
    if isinstance(cause, Mapping) and cause.get("errorCode"):
        return str(cause["errorCode"])[:120]
    return str(told.get("message") or told.get("faultstring") or told.get("code") or told)[:120]


@dataclass(slots=True)
class _Session:
    """What betfairlightweight takes for a ``requests`` session: it sends by ``Get``."""

    get: Get

    def post(
        self,
        url: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,
        cert: object = None,
    ) -> SimpleNamespace:
        """Send a login; its answer holds a token, so it is kept nowhere."""
        body = urlencode(data).encode() if isinstance(data, Mapping) else data
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.get(
            url, headers={**form, **(headers or {})}, body=body, keep=False, certificate=cert
        )
        content = _body(answer)
        return SimpleNamespace(
            status_code=answer.status, content=content, text=content.decode("utf-8", "replace")
        )


@dataclass(slots=True)
class Asker:
    """Asks, with one login for as long as the exchange lets it last."""

    _clients: dict[tuple[str, ...], APIClient] = field(default_factory=dict)

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask for catalogues, and then for the books of the markets that they name.

        Raises:
            OutsideFailed: the exchange refused, or did not answer as hoped.
        """
        client = self._client(asked, get)
        listed = self._send(client, get, asked, "catalogue", [_catalogue(asked)])
        yield listed
        ids = _market_ids(_body(listed))
        for at in range(0, len(ids), MARKETS_AT_A_TIME):
            some = ids[at : at + MARKETS_AT_A_TIME]
            requests = [_catalogue(asked, some), _book(some)]
            yield self._send(client, get, asked, f"books-{at // MARKETS_AT_A_TIME + 1}", requests)

    def _client(self, asked: Asked, get: Get) -> APIClient:
        """Return a client that is logged in.

        Raises:
            OutsideFailed: a secret is missing, or the login failed.
        """
        secrets = {name: secret.get_secret_value() for name, secret in asked.credentials.items()}
        locale = str(asked.options.get("locale", ""))
        who = (secrets.get("username", ""), secrets.get("app_key", ""), locale, asked.location)
        client = self._clients.get(who)
        if client is None or client.session_expired:
            client = connect(secrets=secrets, locale=locale, location=asked.location, get=get)
            self._clients[who] = client
        return client

    def _send(
        self, client: APIClient, get: Get, asked: Asked, name: str, requests: Sequence[str]
    ) -> Answer:
        """Send requests as one message; log in once more where the exchange forgot us."""
        body = requests[0] if len(requests) == 1 else f"[{', '.join(requests)}]"
        answer = _post(client, get, name, body)
        error = _first_error(_body(answer))
        if error in LOGGED_OUT:
            self._clients.clear()
            client.client_logout()
            again = self._client(asked, get)
            client.set_session_token(again.session_token)
            answer = _post(client, get, name, body)
            error = _first_error(_body(answer))
        if error:
            raise _failure(error)
        return answer


def connect(*, secrets: Mapping[str, str], locale: str, location: str, get: Get) -> APIClient:
    """Return a client of betfairlightweight that is logged in, and sends by ``get``.

    Raises:
        PermanentlyFailed: a secret is missing, or the login was refused.
        TemporarilyFailed: nobody answered.
    """
    missing = [name for name in _SECRETS if not secrets.get(name)]
    if missing:
        raise WasRefused(
            f"betfair: the secrets {', '.join(missing)} are not set", kind="REFUSED_AUTH"
        )
    client = APIClient(
        secrets["username"],
        secrets["password"],
        secrets["app_key"],
        locale=locale or None,
        cert_files=secrets.get("certs") or None,
        lightweight=True,
        session=_Session(get),
    )
    _lead(client, location)
    _log_in(client, has_certificate=bool(secrets.get("certs")))
    return client


def _failure(error: str) -> OutsideFailed:
    """Return what an error's code means for the source."""
    message = f"betfair answered {error}"
    if error == "TOO_MANY_REQUESTS":
        return NoAnswer(message, kind="RATE_LIMITED")
    if error in _LATER:
        return NoAnswer(message, kind="ERROR_BODY")
    return WasRefused(message, kind="REFUSED_AUTH" if error in _NOT_LET_IN else "ERROR_BODY")


def _post(client: APIClient, get: Get, name: str, body: str) -> Answer:
    answer = get(client.betting.url, headers=client.request_headers, body=body.encode())
    return Answer(f"{name}.json", answer.origin, answer.payload, answer.headers, answer.status)


def _lead(client: APIClient, location: str) -> None:
    """Ask by way of a location that is none of the exchange's own: a proxy before it."""
    host = urlsplit(location).hostname or ""
    if not host or _OWN_HOST.search(host):
        return
    base = location.rstrip("/")
    client.identity_uri = client.identity_cert_uri = f"{base}/api/"
    client.api_uri = f"{base}/exchange/"


def _log_in(client: APIClient, *, has_certificate: bool) -> None:
    try:
        if has_certificate:
            client.login()
        else:
            client.login_interactive()
    except exceptions.LoginError as refused:
        raise WasRefused(f"betfair refused the login: {refused}", kind="REFUSED_AUTH") from None
    except exceptions.BetfairError as failed:
        cause = failed.__context__
        if isinstance(cause, OutsideFailed):
            raise cause from None
        message = f"betfair's login: {type(failed).__name__}"
        raise NoAnswer(message, kind="BAD_PAYLOAD") from None


def _catalogue(asked: Asked, market_ids: Sequence[str] = ()) -> str:
    options = asked.options
    if market_ids:
        chosen = filters.market_filter(market_ids=list(market_ids))
    else:
        now = asked.now.astimezone(UTC)
        until = now + timedelta(hours=int(options.get("hours_ahead", HOURS_AHEAD)))
        since = now - timedelta(hours=HOURS_BEHIND)
        chosen = filters.market_filter(
            event_type_ids=options.get("event_types"),
            market_type_codes=options.get("market_types"),
            market_countries=options.get("countries"),
            competition_ids=options.get("competitions"),
            venues=options.get("venues"),
            market_start_time={"from": f"{since:{_STAMP}}", "to": f"{until:{_STAMP}}"},
        )
    at_most = len(market_ids) or int(options.get("max_markets", MARKETS_AT_MOST))
    return _request(
        _CATALOGUE,
        {
            "filter": chosen,
            "marketProjection": _PROJECTION,
            "sort": "FIRST_TO_START",
            "maxResults": min(at_most, _POINTS),
        },
    )


def _book(market_ids: Sequence[str]) -> str:
    prices = {
        "priceData": ["EX_BEST_OFFERS", "SP_TRADED"],
        "exBestOffersOverrides": {"bestPricesDepth": 3},
        "virtualise": True,  # the offers that a bet would meet, derived ones too
    }
    return _request(_BOOK, {"marketIds": list(market_ids), "priceProjection": prices})


def _request(method: str, parameters: Mapping[str, Any]) -> str:
    told = {name: value for name, value in parameters.items() if value is not None}
    request = BaseEndpoint.create_req(method, told)
    return request.decode() if isinstance(request, bytes) else request


def _body(answer: Answer) -> bytes:
    payload = answer.payload
    return payload.read_bytes() if isinstance(payload, Path) else payload


def _document(body: bytes) -> list[Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise Misread(f"betfair answered no JSON: {type(wrong).__name__}") from wrong
    return document if isinstance(document, list) else [document]


def _first_error(body: bytes) -> str:
    for answer in _document(body):
        if isinstance(answer, dict) and ("error" in answer or "faultcode" in answer):
            return error_of(answer)
    return ""


def _market_ids(body: bytes) -> list[str]:
    found: dict[str, None] = {}
    for answer in _document(body):
        result = answer.get("result") if isinstance(answer, dict) else None
        for market in result if isinstance(result, list) else []:
            if isinstance(market, dict) and isinstance(market.get("marketId"), str):
                found.setdefault(market["marketId"])
    return list(found)
