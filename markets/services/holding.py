"""One writer at a time for a competition's events, prices and results."""

import zlib
from collections.abc import Collection

from django.db import connection

_LOCK = 0x6D6B7472


def hold(*, competitions: Collection[str]) -> None:
    """Wait until nobody else writes to these competitions; kept to the transaction's end.

    Several are taken in one order, so that two loads never wait in a circle.  The wait may be
    as long as another load's transaction, so it gets more time than a request.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10min'")
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        for key in sorted({zlib.crc32(code.encode()) & 0x7FFFFFFF for code in competitions}):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, key])
