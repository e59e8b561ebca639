"""Times on the command line."""

from datetime import datetime

from monitoring.errors import Refused


class BadMoment(Refused):
    """What was given is no time, or names no zone."""


def moment(option: str, text: str | None) -> datetime | None:
    """Read a time that names its zone; None where none was given.

    Raises:
        BadMoment: it is none.
    """
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as bad:
        raise BadMoment(f"{option}: expected a time, found {text[:40]!r}") from bad
    if read.tzinfo is None:
        raise BadMoment(f"{option}: expected a time with its zone, such as +00:00")
    return read
