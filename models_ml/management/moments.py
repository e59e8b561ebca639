"""Reading times from a command line."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """Read an ISO date or time; without a zone it is UTC.

    >>> moment("2023-08-01").isoformat(), moment("2023-08-01T12:00+02:00").isoformat()
    ('2023-08-01T00:00:00+00:00', '2023-08-01T12:00:00+02:00')

    Raises:
        ArgumentTypeError: it is neither.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no ISO date or time") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
