"""The items of a feed, whichever of the three kinds it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from markets.connectors import payloads

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}date"
#: What an item of a JSON list may tell, and under which names it usually does.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "guid", "uuid"),
    "title": ("title", "headline"),
    "body": ("body", "description", "summary", "content"),
    "url": ("url", "link", "href"),
    "published_at": ("published_at", "published", "date", "pubDate"),
    "team": ("team",),
    "person": ("person", "player"),
    "status": ("status",),
    "practice": ("practice", "practice_status"),
}


class NotAFeed(ValueError):
    """The payload is no feed; says what was expected."""


@dataclass(frozen=True, slots=True)
class Item:
    """What one item tells, as it stands there."""

    id: str = ""
    title: str = ""
    body: str = ""
    url: str = ""
    published_at: str = ""
    team: str = ""
    person: str = ""
    status: str = ""
    practice: str = ""
    data: Mapping[str, str | int | float] = field(default_factory=dict)
    categories: Sequence[str] = field(default_factory=tuple)
    wrong: str = ""


def items(
    payload: bytes, *, fields: Mapping[str, str], data: Mapping[str, str] | None = None
) -> Iterator[Item]:
    """Return a feed's items.

    ``fields``: where a JSON list has its values, by dotted paths; "items" is the list's own.
    ``data``: further figures to keep, by the name that they are kept under.

    Raises:
        NotAFeed: it is none, or declares entities.
    """
    start = payload.lstrip(b"\xef\xbb\xbf \t\r\n")[:16].lower()
    if not start:
        raise NotAFeed("RSS 2.0, Atom or a JSON list, not an empty payload")
    if start.startswith((b"<!doctype html", b"<html")):
        raise NotAFeed("RSS 2.0, Atom or a JSON list, not a web page")
    if start.startswith((b"{", b"[")):
        return _of_json(payload, fields, data or {})
    try:
        root = ElementTree.fromstring(payload, forbid_dtd=True)
    except DefusedXmlException as wrong:
        raise NotAFeed("a feed without a document type and entities") from wrong
    except (ParseError, ValueError, LookupError) as wrong:
        raise NotAFeed(f"RSS 2.0, Atom or a JSON list: {wrong}") from wrong
    if root.tag == f"{ATOM}feed":
        return (_atom(entry) for entry in root.iter(f"{ATOM}entry"))
    if root.tag == "rss":
        return (_rss(item) for item in root.iter("item"))
    raise NotAFeed(f"RSS 2.0, Atom or a JSON list, not {root.tag[:60]!r}")


def _text(element: Element, *names: str) -> str:
    for name in names:
        found = element.find(name)
        if found is not None:
            text = "".join(found.itertext()).strip()
            if text:
                return text
    return ""


def _rss(item: Element) -> Item:
    return Item(
        id=_text(item, "guid"),
        title=_text(item, "title"),
        body=_text(item, CONTENT, "description"),
        url=_text(item, "link"),
        published_at=_text(item, "pubDate", DUBLIN_CORE),
        categories=[(found.text or "").strip() for found in item.findall("category")],
    )


def _atom(entry: Element) -> Item:
    links = [
        found.get("href", "")
        for found in entry.findall(f"{ATOM}link")
        if found.get("rel", "alternate") == "alternate"
    ]
    return Item(
        id=_text(entry, f"{ATOM}id"),
        title=_text(entry, f"{ATOM}title"),
        body=_text(entry, f"{ATOM}content", f"{ATOM}summary"),
        url=links[0] if links else "",
        published_at=_text(entry, f"{ATOM}published", f"{ATOM}updated"),
        categories=[found.get("term", "") for found in entry.findall(f"{ATOM}category")],
    )


def _of_json(payload: bytes, fields: Mapping[str, str], data: Mapping[str, str]) -> Iterator[Item]:
    try:
        document = payloads.json_document(payload, Any)
    except payloads.BadPayload as wrong:
        raise NotAFeed(f"RSS 2.0, Atom or a JSON list: {wrong}") from wrong
    listed = _at(document, fields.get("items", ""))
    if not isinstance(listed, list):
        where = fields.get("items") or "the document itself"
        raise NotAFeed(f"a list of items at {where}")
    return (_json_item(one, fields, data) for one in listed)


def _json_item(one: Any, fields: Mapping[str, str], data: Mapping[str, str]) -> Item:
    if not isinstance(one, dict):
        return Item(wrong="an object")
    told = {}
    for name, usual in FIELDS.items():
        paths = (fields[name],) if name in fields else usual
        values = (_at(one, path) for path in paths)
        told[name] = next((str(v) for v in values if isinstance(v, str | int | float)), "")
    kept = {name: _at(one, path) for name, path in data.items()}
    return Item(**told, data={name: v for name, v in kept.items() if _is_plain(v)})


def _is_plain(value: Any) -> bool:
    """Say whether a value is text or a number: what is nested or missing is not kept."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _at(value: Any, path: str) -> Any:
    """Return what lies at a dotted path; None where nothing does.

    >>> _at({"a": {"b": 1}}, "a.b"), _at([1], ""), _at({}, "a.b")
    (1, [1], None)
    """
    for step in path.split(".") if path else ():
        value = value.get(step) if isinstance(value, dict) else None
    return value
