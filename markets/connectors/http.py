"""The one way to fetch something over HTTP: bounded in time, size, redirects and attempts."""

import ipaddress
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import stamina

from monitoring.errors import PermanentlyFailed, TemporarilyFailed

MAX_REDIRECTS = 3
MAX_ATTEMPTS = 4
LONGEST_WAIT = 30.0  # seconds; a server that asks for more is left for the next round
USER_AGENT = "closing-line/1"
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


class TooLarge(PermanentlyFailed):
    """The answer is larger than this source may be."""


class NotAllowed(PermanentlyFailed):
    """The address is none that may be asked."""


class _AskAgain(TemporarilyFailed):
    """A temporary fault, and how long the other side asked us to wait."""

    def __init__(self, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def fetch(
    *, url: str, timeout_seconds: float, max_bytes: int, attempts: int = MAX_ATTEMPTS
) -> bytes:
    """Return the body at ``url``.

    A temporary fault (no connection, time-out, 429, 5xx) is tried again with growing waits, or
    after as long as the server's Retry-After asks.  A redirect leaves the public network only
    if ``url`` itself was local.

    Raises:
        TemporarilyFailed: it did not answer as hoped, and may do so later.
        PermanentlyFailed: it will not: a refusal, a forbidden address, too large an answer.
    """
    began = time.monotonic()
    retrying = stamina.retry_context(
        on=_again, attempts=attempts, timeout=None, wait_initial=0.2, wait_max=5.0
    )
    for attempt in retrying:
        with attempt:
            return _follow(url, timeout_seconds=timeout_seconds, max_bytes=max_bytes)
    raise TemporarilyFailed(f"{url} gave no answer in {time.monotonic() - began:.0f} s")


def _again(error: Exception) -> bool | float:
    if isinstance(error, _AskAgain) and error.wait:
        return error.wait if error.wait <= LONGEST_WAIT else False
    return isinstance(error, TemporarilyFailed)


def _follow(url: str, *, timeout_seconds: float, max_bytes: int) -> bytes:
    """Ask, and go where a redirect points, as far as that is allowed."""
    may_be_local = _is_local(url)
    deadline = time.monotonic() + timeout_seconds
    with httpx.Client(
        timeout=timeout_seconds, follow_redirects=False, headers={"User-Agent": USER_AGENT}
    ) as client:
        for _ in range(MAX_REDIRECTS + 1):
            answer = _ask(client, url, deadline=deadline, max_bytes=max_bytes)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
            if _is_local(url) and not may_be_local:
                raise NotAllowed(f"{url}: a public address may not lead to a private one")
    raise PermanentlyFailed(f"{url}: more than {MAX_REDIRECTS} redirects")


def _is_local(url: str) -> bool:
    """Say whether the address leads to anything that is not on the public network.

    Raises:
        NotAllowed: it is no http or https address.
        TemporarilyFailed: its name cannot be resolved.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotAllowed(f"{url}: an http or https address is expected")
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise _AskAgain(f"{parts.hostname} cannot be resolved: {unknown}") from unknown
    return any(not _is_public(str(entry[4][0])) for entry in found)


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


def _ask(client: httpx.Client, url: str, *, deadline: float, max_bytes: int) -> bytes | str:
    """Return the body, or the address that a redirect names."""
    try:
        with client.stream("GET", url) as response:
            if response.is_redirect:
                return str(response.headers.get("location", ""))
            _accept(response, url)
            return _body(response, url, deadline=deadline, max_bytes=max_bytes)
    except (httpx.TransportError, httpx.DecodingError) as fault:
        raise _AskAgain(f"{url}: {type(fault).__name__} {fault}".strip()) from fault
    except (httpx.InvalidURL, httpx.HTTPError) as fault:
        raise PermanentlyFailed(f"{url}: {fault}") from fault


def _accept(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status == 200:
        return
    message = f"{url} answered {status}"
    if status in _TEMPORARY:
        raise _AskAgain(message, wait=_retry_after(response.headers))
    raise PermanentlyFailed(message)


def _retry_after(headers: Any) -> float:
    """Return the seconds that Retry-After asks for; 0 where it asks for nothing readable."""
    text = str(headers.get("retry-after", "")).strip()
    if text.isascii() and text.isdigit() and len(text) < 7:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _body(response: httpx.Response, url: str, *, deadline: float, max_bytes: int) -> bytes:
    """Read the body while it is neither too large nor too slow."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"{url}: more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise _AskAgain(f"{url}: not finished in time")
    return bytes(body)
