"""Bodies and connections held to their bounds, however the other side behaves."""

import socket
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

ACCEPTED = "gzip, deflate"
_PIECE = 256 * 1024  # of what a packed chunk expands to, at most
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


class BadBody(ValueError):
    """A body that is not what its headers say."""


def unpacked(chunks: Iterable[bytes], *, encoding: str) -> Iterator[bytes]:
    """Yield a body as it was meant, in pieces of bounded size; ``encoding``: Content-Encoding.

    Raises:
        BadBody: it is packed in another way, more than once, damaged or cut.
    """
    named = encoding.strip().lower()
    if named in ("", "identity"):
        yield from chunks
        return
    if named not in _PACKED:
        raise BadBody(f"a body as it is, or packed as {ACCEPTED}, not as {named[:40]!r}")
    packed, is_whole = zlib.decompressobj(_GZIP_OR_ZLIB), True
    try:
        for chunk in chunks:
            while chunk:
                if packed.eof:  # several packed parts, one after the other, are one body
                    packed = zlib.decompressobj(_GZIP_OR_ZLIB)
                yield packed.decompress(chunk, _PIECE)
                chunk, is_whole = packed.unconsumed_tail or packed.unused_data, packed.eof
    except zlib.error as broken:
        raise BadBody(f"a whole {named} body: {broken}") from broken
    if not is_whole:
        raise BadBody(f"a whole {named} body, not a cut one")


class Deadline:
    """Cuts the connection of one request when its time is over, whatever is still dripping in.

    ``trace`` is the request's extension of that name, by which its connection is known.
    """

    def __init__(self, at: float) -> None:
        self._connection: Any = None
        self._timer = threading.Timer(max(0.0, at - time.monotonic()), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._timer.cancel()

    def trace(self, event: str, told: dict[str, Any]) -> None:
        if event in _CONNECTED:
            self._connection = told["return_value"]

    def _cut(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
