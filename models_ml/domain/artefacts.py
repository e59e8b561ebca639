"""What lies in an artefact: one canonical JSON object, nothing that could be executed.

Format 1 holds trees by name (UBJSON, base64) and numbers; format 0 is the bare UBJSON of the
first three-way models.  The same estimator gives the same bytes.
"""

import base64
import binascii
from typing import Any

import msgspec

FORMAT = 1
LARGEST = 200 * 1024 * 1024  # bytes
_BARE = b"{L"  # how xgboost's UBJSON begins; JSON would go on with a quote

Number = float | int
Parameter = Number | str | list[Number | str | list[Number]]


class BadArtefact(ValueError):
    """These bytes are not an artefact of ours."""


class Artefact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An estimator as it is stored."""

    format: int
    kind: str
    features_sha256: str
    boosters: dict[str, str]
    parameters: dict[str, Parameter]

    def booster(self, name: str) -> bytes:
        """Return trees as UBJSON.

        Raises:
            BadArtefact: there are none of this name, or they are no base64.
        """
        try:
            return base64.b64decode(self.boosters[name], validate=True)
        except (KeyError, binascii.Error) as error:
            raise BadArtefact(f"the artefact's trees {name!r} are missing or damaged") from error

    def number(self, name: str) -> float:
        """Return one number.

        Raises:
            BadArtefact: there is none of this name.
        """
        found = self.parameters.get(name)
        if not isinstance(found, int | float):
            raise BadArtefact(f"the artefact's number {name!r} is missing")
        return float(found)

    def text(self, name: str) -> str:
        """Return one word.

        Raises:
            BadArtefact: there is none of this name.
        """
        found = self.parameters.get(name)
        if not isinstance(found, str):
            raise BadArtefact(f"the artefact's {name!r} is missing")
        return found

    def numbers(self, name: str, n: int | None = None) -> list[float]:
        """Return a list of numbers, ``n`` of them where that is told.

        Raises:
            BadArtefact: there is none of this name, or it has another length.
        """
        found = self.parameters.get(name)
        if not isinstance(found, list) or (n is not None and len(found) != n):
            raise BadArtefact(f"the artefact's numbers {name!r} are missing, or not {n}")
        return [float(value) for value in found if isinstance(value, int | float)]


def pack(
    *, kind: str, features_sha256: str, boosters: dict[str, bytes], parameters: dict[str, Any]
) -> bytes:
    """Return the bytes of an estimator.

    Raises:
        BadArtefact: ``unpack`` would not take them; a number is not finite, for one.

    >>> packed = pack(kind="runners", features_sha256="00", boosters={}, parameters={"b": [1.5]})
    >>> packed.decode()
    '{"boosters":{},"features_sha256":"00","format":1,"kind":"runners","parameters":{"b":[1.5]}}'
    >>> unpack(packed).parameters
    {'b': [1.5]}
    """
    held = {
        "format": FORMAT,
        "kind": kind,
        "features_sha256": features_sha256,
        "boosters": {
            name: base64.b64encode(content).decode() for name, content in boosters.items()
        },
        "parameters": parameters,
    }
    content = msgspec.json.encode(held, order="sorted")
    unpack(content)
    return content


def is_bare(content: bytes) -> bool:
    """Tell whether these are the bare trees of format 0."""
    return content.startswith(_BARE)


def unpack(content: bytes) -> Artefact:
    """Return an estimator as it was packed.

    Raises:
        BadArtefact: too large, no JSON, of another shape or another format.
    """
    if len(content) > LARGEST:
        raise BadArtefact(f"{len(content)} bytes are more than an artefact may have")
    try:
        found = msgspec.json.decode(content, type=Artefact, strict=True)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadArtefact(f"not an artefact: {error}") from error
    if found.format != FORMAT:
        raise BadArtefact(f"format {found.format} is not known, only {FORMAT}")
    return found
