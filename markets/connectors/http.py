"""The one way to ask over HTTP: bounded in time, size, redirects and attempts.

A name is resolved once and the connection goes to the address that was checked, so that a name
server cannot lead a look elsewhere between the check and the connection.  Proxies and ``.netrc``
of the environment are not used.
"""

import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import stamina

from markets.connectors import http_bodies
from monitoring.domain import redaction
from monitoring.errors import PermanentlyFailed, TemporarilyFailed

MAX_REDIRECTS = 3
MAX_ATTEMPTS = 4
LONGEST_WAIT = 30.0  # seconds; a server that asks for more is left for a later round
USER_AGENT = "closing-line/1"
NO_CONTENT, NOT_MODIFIED = 204, 304
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log whole addresses, keys too

Certificate = str | tuple[str, str]


class TooLarge(PermanentlyFailed):
    """The answer is larger than this source may be."""

    kind = "TOO_LARGE"


class NotAllowed(PermanentlyFailed):
    """The address is none that may be asked."""

    kind = "NOT_ALLOWED"


class WasRefused(PermanentlyFailed):
    """It answered, and said no."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class NoAnswer(TemporarilyFailed):
    """A temporary fault, and how many seconds the other side asked us to wait."""

    def __init__(self, message: str, *, kind: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: with a ``body`` it is posted.

    ``secret_params`` names the parameters whose values no message may show.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    secret_params: frozenset[str] = frozenset()
    certificate: Certificate | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Return the whole address, secrets included."""
        if not self.params:
            return self.url
        parts = urlsplit(self.url)
        query = "&".join(filter(None, (parts.query, urlencode(dict(self.params)))))
        return urlunsplit(parts._replace(query=query))

    def shown(self, url: str = "") -> str:
        """Return the address, or the one given, as people may see it."""
        return redacted(url or self.address, secret_params=self.secret_params)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came beside the body: ``shown`` is the address as people may see it."""

    status: int
    headers: Mapping[str, str]
    shown: str

    @property
    def is_empty(self) -> bool:
        """Say whether it answered that there is nothing, or nothing new."""
        return self.status in (NO_CONTENT, NOT_MODIFIED)


@dataclass(frozen=True, slots=True)
class _Bounds:
    deadline: float
    max_bytes: int
    into: BinaryIO


def redacted(url: str, *, secret_params: frozenset[str] = frozenset()) -> str:
    """Hide logins and the values of secret parameters.

    >>> redacted("https://me:pw@example.org/odds?apiKey=abc&sport=nba&sig=1",
    ...          secret_params=frozenset({"sig"}))
    'https://example.org/odds?apiKey=[redacted]&sport=nba&sig=[redacted]'
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return redaction.REDACTED
    if not pairs:
        return urlunsplit(parts._replace(netloc=host))
    shown = [
        f"{name}={redaction.REDACTED}"
        if name in secret_params or redaction.is_secret(name)
        else urlencode({name: value})
        for name, value in pairs
    ]
    return urlunsplit(parts._replace(netloc=host, query="&".join(shown)))


def send(
    request: Request,
    *,
    into: BinaryIO,
    timeout_seconds: float,
    max_bytes: int,
    attempts: int = MAX_ATTEMPTS,
) -> Reply:
    """Ask, and write the body to ``into``.

    A temporary fault (no connection, time-out, 429, 5xx) is tried again with growing waits, or
    after as long as the server's Retry-After asks, but not once ``timeout_seconds`` have passed
    in all.  A redirect leaves the public network only if the first address itself was local.

    Raises:
        TemporarilyFailed: it did not answer as hoped, and may do so later.
        PermanentlyFailed: it will not: a refusal, a forbidden address, too large an answer.
    """
    began = time.monotonic()
    retrying = stamina.retry_context(
        on=_again(began + timeout_seconds),
        attempts=attempts,
        timeout=None,
        wait_initial=0.2,
        wait_max=5.0,
    )
    for attempt in retrying:
        with attempt:
            into.seek(0)
            into.truncate()
            deadline = time.monotonic() + timeout_seconds
            bounds = _Bounds(deadline, max_bytes, into)
            return _follow(request, bounds, timeout_seconds)
    raise NoAnswer(f"{request.shown()} gave no answer", kind="TIMEOUT")


def _again(deadline: float) -> Callable[[Exception], bool | float]:
    def decide(error: Exception) -> bool | float:
        if not isinstance(error, TemporarilyFailed) or time.monotonic() >= deadline:
            return False
        wait = getattr(error, "wait", 0.0)
        return wait <= LONGEST_WAIT and (wait or True)

    return decide


def _follow(request: Request, bounds: _Bounds, timeout_seconds: float) -> Reply:
    """Ask, and go where a redirect points, as far as that is allowed."""
    url = request.address
    addresses = _addresses(url, request)
    may_be_local = not all(map(_is_public, addresses))
    headers = {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": http_bodies.ACCEPTED,
        **request.headers,
    }
    with httpx.Client(
        timeout=timeout_seconds,
        follow_redirects=False,
        trust_env=False,
        verify=_tls(request.certificate),
    ) as client:
        for _ in range(MAX_REDIRECTS + 1):
            answer = _ask_any(client, request, url, headers, addresses, bounds)
            if isinstance(answer, Reply):
                return answer
            headers = _headers_for(answer, url, headers)
            url = _allowed(urljoin(url, answer), url, request)
            addresses = _addresses(url, request)
            if not may_be_local and not all(map(_is_public, addresses)):
                raise NotAllowed(
                    f"{request.shown(url)}: a public address may not lead to a private one"
                )
    raise WasRefused(f"{request.shown()}: more than {MAX_REDIRECTS} redirects", kind="HTTP_4XX")


def _allowed(url: str, before: str, request: Request) -> str:
    if request.body is not None:
        raise NotAllowed(f"{request.shown()}: what is posted is not sent on to another address")
    if urlsplit(before).scheme == "https" and urlsplit(url).scheme == "http":
        raise NotAllowed(f"{request.shown(url)}: https may not lead to http")
    return url


def _headers_for(location: str, before: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Keep what was given for one site from another one."""
    to, now_at = urlsplit(urljoin(before, location)), urlsplit(before)
    is_same = (to.scheme, to.netloc) == (now_at.scheme, now_at.netloc)
    if is_same:
        return dict(headers)
    return {"User-Agent": USER_AGENT, "Accept-Encoding": http_bodies.ACCEPTED}


@cache
def _tls(certificate: Certificate | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if certificate is not None:
        own = (certificate, None) if isinstance(certificate, str) else certificate
        context.load_cert_chain(own[0], own[1])
    return context


def _addresses(url: str, request: Request) -> list[str]:
    """Return the network addresses that a URL's name stands for.

    Raises:
        NotAllowed: it is no http or https address.
        TemporarilyFailed: its name cannot be resolved.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as wrong:
        raise NotAllowed(f"{request.shown(url)}: {wrong}") from wrong
    if parts.scheme not in _PORTS or not host:
        raise NotAllowed(f"{request.shown(url)}: an http or https address is expected")
    try:
        found = socket.getaddrinfo(host, port or _PORTS[parts.scheme], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        message = f"{host} cannot be resolved: {unknown}"
        raise NoAnswer(message, kind="CONNECTION") from unknown
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(text: str) -> bool:
    """Say whether an address is on the public network, with the one that it carries within it."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            address = within
        elif address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def _ask_any(
    client: httpx.Client,
    request: Request,
    url: str,
    headers: Mapping[str, str],
    addresses: list[str],
    bounds: _Bounds,
) -> Reply | str:
    """Ask the first of the addresses that can be reached."""
    for address in addresses[:-1]:
        try:
            return _ask(client, request, url, headers, address, bounds)
        except NoAnswer as fault:
            if not isinstance(fault.__cause__, httpx.ConnectError):
                raise
    return _ask(client, request, url, headers, addresses[-1], bounds)


def _ask(
    client: httpx.Client,
    request: Request,
    url: str,
    headers: Mapping[str, str],
    address: str,
    bounds: _Bounds,
) -> Reply | str:
    """Return the reply, or the address that a redirect names."""
    try:
        named = httpx.URL(url)
        with (
            http_bodies.Deadline(bounds.deadline) as deadline,
            client.stream(
                "GET" if request.body is None else "POST",
                named.copy_with(host=address),
                headers={**headers, "Host": named.netloc.decode("ascii")},
                content=request.body,
                extensions={"sni_hostname": named.host, "trace": deadline.trace},
            ) as response,
        ):
            if response.status_code in _REDIRECTS and response.headers.get("location"):
                return str(response.headers["location"])
            _accept(response, request.shown(url))
            _take(response, request.shown(url), bounds)
            return Reply(response.status_code, dict(response.headers), request.shown(url))
    except (httpx.TransportError, http_bodies.BadBody) as fault:
        if time.monotonic() >= bounds.deadline:
            raise NoAnswer(f"{request.shown(url)}: not finished in time", kind="TIMEOUT") from fault
        kind = "TIMEOUT" if isinstance(fault, httpx.TimeoutException) else "CONNECTION"
        said = f"{request.shown(url)}: {type(fault).__name__} {fault}".strip()
        raise NoAnswer(said, kind=kind) from fault
    except (httpx.InvalidURL, httpx.HTTPError, UnicodeError) as fault:
        raise NotAllowed(f"{request.shown(url)}: {fault}") from fault


def _accept(response: httpx.Response, shown: str) -> None:
    status = response.status_code
    if status in (200, NO_CONTENT, NOT_MODIFIED):
        return
    message = f"{shown} answered {status}"
    if status == 429:
        wait = _retry_after(response.headers)
        raise NoAnswer(message, kind="RATE_LIMITED", wait=wait)
    if status in _TEMPORARY:
        kind = "HTTP_5XX" if status >= 500 else "TIMEOUT"
        raise NoAnswer(message, kind=kind, wait=_retry_after(response.headers))
    if status in (401, 403):
        raise WasRefused(message, kind="REFUSED_AUTH")
    raise WasRefused(message, kind="HTTP_5XX" if status >= 500 else "HTTP_4XX")


def _retry_after(headers: Any) -> float:
    """Return the seconds that Retry-After asks for; 0 where it asks for nothing readable."""
    text = str(headers.get("retry-after", "")).strip()
    if text.isascii() and text.isdigit() and len(text) < 7:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _take(response: httpx.Response, shown: str, bounds: _Bounds) -> None:
    """Write the body down while it is neither too large nor too slow."""
    size = 0
    encoding = ",".join(response.headers.get_list("content-encoding"))
    for chunk in http_bodies.unpacked(response.iter_raw(), encoding=encoding):
        size += len(chunk)
        if size > bounds.max_bytes:
            raise TooLarge(f"{shown}: more than {bounds.max_bytes} bytes")
        if time.monotonic() >= bounds.deadline:
            break
        bounds.into.write(chunk)
    if time.monotonic() >= bounds.deadline:  # a body that was cut then may look like a whole one
        raise NoAnswer(f"{shown}: not finished in time", kind="TIMEOUT")
