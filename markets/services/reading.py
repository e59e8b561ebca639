"""Where payloads come from: a file, a folder, or an address."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markets.connectors import http
from markets.models import Source
from monitoring.errors import Refused


class NothingToRead(Refused):
    """There is no such file, no file of this kind in the folder, or no place was named."""


@dataclass(frozen=True, slots=True)
class Place:
    """One payload that can be had: its short name for people, and where it is."""

    name: str
    origin: str
    path: Path | None = None


def places(*, source: Source, suffix: str, path: str | None, url: str | None) -> list[Place]:
    """List what there is to read, in a fixed order; without a place, the source's own.

    Raises:
        NothingToRead: nothing.
    """
    if path is None and url is None:
        own = source.location
        is_url = own.startswith(("http://", "https://"))
        path, url = (None, own) if is_url else (own or None, None)
    if url is not None:
        return [Place(_name_of(url), url)]
    if path is None:
        raise NothingToRead(f"{source.code} has no location: name a path or a URL")
    return _in_path(Path(path).expanduser(), suffix)


def _name_of(url: str) -> str:
    """Keep the end of an address that may tell a season and a division.

    >>> _name_of("https://www.example.org/mmz4281/2324/E0.csv?x=1")
    '2324/E0.csv'
    """
    parts = [part for part in unquote(urlsplit(url).path).split("/") if part]
    return "/".join(parts[-2:]) or url


def _in_path(path: Path, suffix: str) -> list[Place]:
    if path.is_file():
        return [Place(path.name, str(path), path)]
    if not path.is_dir():
        raise NothingToRead(f"{path} is neither a file nor a folder")
    found = sorted(
        file for file in path.rglob("*") if file.suffix.lower() == suffix and file.is_file()
    )
    if not found:
        raise NothingToRead(f"{path} holds no {suffix} file")
    return [Place(str(file.relative_to(path)), str(file), file) for file in found]


def payloads(*, places: list[Place], source: Source) -> Iterator[tuple[Place, bytes | Exception]]:
    """Read one place after the other; a file that cannot be read is handed on as its error.

    Raises:
        OutsideFailed: an address could not be read.
    """
    for place in places:
        if place.path is None:
            yield (
                place,
                http.fetch(
                    url=place.origin,
                    timeout_seconds=source.timeout_seconds,
                    max_bytes=source.max_bytes,
                ),
            )
            continue
        try:
            if place.path.stat().st_size > source.max_bytes:
                raise OSError(f"larger than {source.max_bytes} bytes")
            yield place, place.path.read_bytes()
        except OSError as unreadable:
            yield place, unreadable
