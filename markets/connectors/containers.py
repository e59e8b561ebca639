"""Payloads in packed form: .gz, .bz2, .zip and .tar, within each other too, by their content.

Everything is expanded into a bounded file that is looked through to its end before it is handed
on, so nothing of a damaged or overgrown payload is ever read.  Nothing is written under a
member's name.
"""

import bz2
import gzip
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from markets.connectors.payloads import BadPayload

DEEPEST = 3
MEMBERS_AT_MOST = 10_000
#: What expands to less than this is no bomb, whatever its ratio.
ALWAYS_FITS = 16 * 1024 * 1024
#: What a reader may take in one piece; larger payloads are read in portions.
WHOLE_AT_MOST = 256 * 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024
_CHUNK = 256 * 1024
_PACKED = (".gz", ".bz2", ".zip", ".tar", ".tgz", ".tbz2")
_BROKEN = (
    EOFError, OSError, zlib.error, zipfile.BadZipFile, tarfile.TarError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip


class TooLarge(BadPayload):
    """It is larger, once expanded, than this source may be."""

    kind = "TOO_LARGE"


class Bomb(BadPayload):
    """It expands further than any honest payload does."""

    kind = "BOMB"


@dataclass(frozen=True, slots=True)
class Limits:
    """How large everything in one payload may be together, and how often its own size."""

    expanded: int
    ratio: int


@dataclass(frozen=True, slots=True)
class Member:
    """One readable payload within another, or what is wrong with it."""

    name: str
    stream: BinaryIO | None = None
    wrong: BadPayload | None = None


class _Spool(tempfile.SpooledTemporaryFile[bytes]):
    """A file that is in memory while it is small, and never taken whole when it is not."""

    length = 0

    def read(self, *size: Any) -> bytes:
        whole = not size or size[0] is None or size[0] < 0
        if whole and self.length - self.tell() > WHOLE_AT_MOST:
            raise TooLarge(f"up to {WHOLE_AT_MOST} bytes, not {self.length}")
        return super().read(*size)


@dataclass(slots=True)
class _Meter:
    """Counts what a payload expanded to; all of its members together."""

    limits: Limits
    size: int  # of the payload as it came
    expanded: int = 0

    def count(self, size: int) -> None:
        self.expanded += size
        if self.expanded > self.limits.expanded:
            raise TooLarge(f"up to {self.limits.expanded} bytes once it is expanded")
        if self.expanded > max(ALWAYS_FITS, self.limits.ratio * self.size):
            raise Bomb(f"a payload that expands to up to {self.limits.ratio} times its size")


@dataclass(frozen=True, slots=True)
class _Opening:
    """How one payload is looked through."""

    meter: _Meter
    wants: Callable[[str], bool]
    order: Callable[[str], Any]
    depth: int = 0
    count: list[int] = field(default_factory=lambda: [0])


def plain_name(name: str) -> str:
    """Return a packed file's name without what tells how it is packed.

    >>> [plain_name(n) for n in ("E0.csv.gz", "a/1.197.bz2", "x.tgz", "s.zip", "E0.csv")]
    ['E0.csv', 'a/1.197', 'x.tar', 's.zip', 'E0.csv']
    """
    lowered = name.lower()
    for ending, instead in ((".gz", ""), (".bz2", ""), (".tgz", ".tar"), (".tbz2", ".tar")):
        if lowered.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)] + instead
    return name


def is_packed(name: str) -> bool:
    """Say whether a file of this name may hold others."""
    return plain_name(name).lower().endswith((".zip", ".tar"))


def kind_of(head: bytes) -> str:
    """Tell how a payload is packed by its first bytes; "" where it is not.

    >>> kind_of(b"\\x1f\\x8b\\x08"), kind_of(b"BZh91AY&SY"), kind_of(b"Div,Date")
    ('gz', 'bz2', '')
    """
    if head.startswith(b"\x1f\x8b"):
        return "gz"
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return "bz2"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else ""


def members(
    stream: BinaryIO,
    *,
    name: str,
    size: int,
    limits: Limits,
    wants: Callable[[str], bool],
    order: Callable[[str], Any] = str,
) -> Iterator[Member]:
    """Yield what is to be read in a payload: itself, or what it holds that ``wants`` says yes to.

    ``size`` is the payload's own; ``order`` gives what members are sorted by.  What cannot be
    expanded is yielded with what is wrong; nothing after it is.
    """
    opening = _Opening(_Meter(limits, size), wants, order)
    try:
        yield from _opened(stream, name, opening)
    except BadPayload as wrong:
        yield Member(plain_name(name), wrong=wrong)
    except _BROKEN as broken:
        said = f"a whole payload, not a cut or damaged one: {broken}"[:300]
        yield Member(plain_name(name), wrong=BadPayload(said))


def _opened(stream: BinaryIO, name: str, opening: _Opening) -> Iterator[Member]:
    head = stream.read(512)
    stream.seek(0)
    kind = kind_of(head)
    archive = _zip(stream) if kind == "zip" else None
    if not kind or (kind == "zip" and archive is None):
        yield Member(name, stream)
        return
    if opening.depth == DEEPEST:
        raise BadPayload(f"archives within archives up to {DEEPEST} deep")
    within = _Opening(opening.meter, opening.wants, opening.order, opening.depth + 1, opening.count)
    if archive is not None:
        with archive:
            yield from _of_zip(archive, name, within)
    elif kind == "tar":
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            yield from _of_tar(tar, name, within)
    else:
        packed: Any = gzip.GzipFile(fileobj=stream, mode="rb")
        if kind == "bz2":
            packed = bz2.BZ2File(stream)
        with packed, _expanded(packed, opening.meter) as inner:
            yield from _opened(cast(BinaryIO, inner), plain_name(name), within)


def _zip(stream: BinaryIO) -> zipfile.ZipFile | None:
    """Open an archive; None where it is a document of an office program, which is one payload."""
    archive = zipfile.ZipFile(stream)
    if "[Content_Types].xml" in archive.NameToInfo:
        stream.seek(0)
        return None
    return archive


def _of_zip(archive: zipfile.ZipFile, name: str, opening: _Opening) -> Iterator[Member]:
    infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    for inner in _chosen(list(infos), name, opening):
        if isinstance(inner, Member):
            yield inner
            continue
        with archive.open(infos[inner]) as packed, _expanded(packed, opening.meter) as plain:
            yield from _opened(cast(BinaryIO, plain), f"{name}/{inner}", opening)


def _of_tar(archive: tarfile.TarFile, name: str, opening: _Opening) -> Iterator[Member]:
    infos, is_whole = _listed(archive)
    for inner in _chosen(list(infos), name, opening):
        if isinstance(inner, Member):
            yield inner
            continue
        packed = archive.extractfile(infos[inner])
        if packed is not None:
            with packed, _expanded(packed, opening.meter) as plain:
                yield from _opened(cast(BinaryIO, plain), f"{name}/{inner}", opening)
    if not is_whole:
        raise BadPayload(f"a whole archive, not one that is cut after {len(infos)} files")


def _listed(archive: tarfile.TarFile) -> tuple[dict[str, tarfile.TarInfo], bool]:
    """Return the files of an archive, by name, and whether it goes on to its end.

    A file that lies in it only in part is none of them.
    """
    infos: dict[str, tarfile.TarInfo] = {}
    last = None
    try:
        for info in archive:
            if info.isreg():
                infos[info.name], last = info, info.name
            if len(infos) > MEMBERS_AT_MOST:
                return infos, True
    except tarfile.ReadError:
        infos.pop(last or "", None)
        return infos, False
    archive.fileobj.seek(archive.offset)
    return infos, not archive.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0")


def _chosen(names: list[str], archive: str, opening: _Opening) -> Iterator[str | Member]:
    """Yield the members to be read in their order, and those whose names lead out of it."""
    opening.count[0] += len(names)
    if opening.count[0] > MEMBERS_AT_MOST:
        raise BadPayload(f"an archive of up to {MEMBERS_AT_MOST} files")
    for name in sorted(names, key=lambda name: opening.order(plain_name(name))):
        if _leads_out(name):
            shown = name.encode("unicode_escape").decode()[:100]
            wrong = BadPayload(f"a name that stays within the archive, not {shown!r}")
            yield Member(f"{archive}/{shown}", wrong=wrong)
        elif opening.wants(plain_name(name)) or name.lower().endswith(_PACKED[2:]):
            yield name


def _leads_out(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or ":" in parts[0] or not name.isprintable()


def _expanded(packed: Any, meter: _Meter) -> _Spool:
    """Expand to the end, as far as the limits allow."""
    spool = _Spool(max_size=_IN_MEMORY)
    try:
        while chunk := packed.read(_CHUNK):
            meter.count(len(chunk))
            spool.write(chunk)
            spool.length += len(chunk)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool
