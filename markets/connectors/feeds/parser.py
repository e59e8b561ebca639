"""Feeds, taken apart: each item is a notice.  See docs/sources/feeds.md."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

from markets.connectors.base import Answer, Asked, Get, ParsedBatch, ParsedNotice, Problem, Reading
from markets.connectors.feeds.items import FIELDS, Item, NotAFeed, items
from markets.connectors.feeds.text import LONGEST_BODY, LONGEST_TITLE, link, one_line, plain
from markets.domain import moments

KINDS = ("NEWS", "INJURY", "LINEUP", "ROSTER", "WEATHER", "REFEREE", "PUBLIC_SHARE")
LONGEST_REF = 120
_MOMENT = f"a time with its offset, from {moments.FIRST_YEAR} to {moments.LAST_YEAR}"
DATA_AT_MOST = 20  # figures kept beside an item
_OPTIONS = ("urls", "fields", "data", "kind", "competition", "team_from_category")


class Feeds:
    """Reads RSS 2.0, Atom, and JSON lists."""

    code = namespace = "feeds"
    suffixes = (".xml", ".rss", ".atom", ".json")

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one feed apart; see ``Connector.parse``."""
        return next(self.read(io.BytesIO(payload), reading=Reading(name, fetched_at)))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one feed apart; a feed is one portion."""
        notices: dict[str, ParsedNotice] = {}
        problems: list[Problem] = []
        excerpts: dict[int, str] = {}
        record = 0
        try:
            for record, item in enumerate(_items(stream, reading), start=1):
                notice = _notice(item, record, reading)
                excerpts[record] = (item.title or item.id)[:500]
                wrong = _flaw(item, notice, notices)
                if wrong:
                    problems.append(Problem(reading.name, record, *wrong, is_rejection=True))
                    continue
                notices[notice.ref] = notice
                if item.published_at and notice.published_at is None:
                    message = f"{_MOMENT}, not {item.published_at[:40]!r}"
                    problems.append(Problem(reading.name, record, "published_at", message))
        except NotAFeed as wrong_feed:
            problems = [Problem(reading.name, None, "", str(wrong_feed)[:500])]
        yield ParsedBatch(
            notices=list(notices.values()), problems=problems, records=record, excerpts=excerpts
        )

    def order(self, name: str) -> tuple[Any, ...]:
        """Return the feed's name: feeds do not depend on each other."""
        return (name,)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the options."""
        wrong = [f"{name}: no option of this source" for name in options if name not in _OPTIONS]
        urls = options.get("urls", [])
        if not isinstance(urls, list) or not all(isinstance(u, str) and link(u) for u in urls):
            wrong.append("urls: a list of http and https addresses")
        fields = options.get("fields", {})
        known = {"items", *FIELDS}
        if not isinstance(fields, Mapping) or not set(fields) <= known:
            wrong.append(f"fields: dotted paths of {', '.join(sorted(known))}")
        elif not all(isinstance(path, str) for path in fields.values()):
            wrong.append("fields: each a dotted path, as text")
        data = options.get("data", {})
        if not isinstance(data, Mapping) or len(data) > DATA_AT_MOST:
            wrong.append(f"data: up to {DATA_AT_MOST} names, each with its dotted path")
        elif not all(isinstance(path, str) and path for path in data.values()):
            wrong.append("data: each a dotted path, as text")
        if options.get("kind", "NEWS") not in KINDS:
            wrong.append(f"kind: one of {', '.join(KINDS)}")
        if not isinstance(options.get("competition", ""), str):
            wrong.append("competition: the code of the competition whose teams it names")
        return wrong

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask each of the feeds."""
        for url in asked.options.get("urls") or ([asked.location] if asked.location else []):
            yield get(url, if_changed=True)


def _items(stream: BinaryIO, reading: Reading) -> Iterator[Item]:
    options = reading.options
    return items(stream.read(), fields=options.get("fields", {}), data=options.get("data", {}))


def _notice(item: Item, record: int, reading: Reading) -> ParsedNotice:
    options = reading.options
    title = one_line(item.title, at_most=LONGEST_TITLE)
    team = item.team
    if not team and options.get("team_from_category"):
        team = next((category for category in item.categories if category), "")
    return ParsedNotice(
        kind=str(options.get("kind", "NEWS")),
        ref=_ref(item, title),
        title=title,
        published_at=_published(item.published_at),
        competition=str(options.get("competition", "")),
        team=one_line(team, at_most=120),
        person=one_line(item.person, at_most=120),
        status=one_line(item.status, at_most=40),
        body=plain(item.body, at_most=LONGEST_BODY),
        url=link(item.url),
        data=_data(item),
        record=record,
    )


def _data(item: Item) -> dict[str, Any]:
    """Return what is kept beside the text: practice status, categories, figures asked for."""
    kept: dict[str, Any] = {
        name: one_line(value, at_most=120) if isinstance(value, str) else value
        for name, value in item.data.items()
    }
    if item.practice:
        kept["practice"] = one_line(item.practice, at_most=60)
    if item.categories:
        kept["categories"] = [one_line(c, at_most=60) for c in item.categories[:20] if c]
    return kept


def _flaw(
    item: Item, notice: ParsedNotice, told: Mapping[str, ParsedNotice]
) -> tuple[str, str] | None:
    """Return why an item is refused: its field, and what was expected."""
    if item.wrong:
        return "", item.wrong
    if not notice.title:
        return "title", "a title"
    if notice.ref in told:
        return "id", f"an item that is not item {told[notice.ref].record} already"
    return None


def _ref(item: Item, title: str) -> str:
    """Return what tells an item from others: its id, its address, or what it says."""
    own = " ".join((item.id or link(item.url)).split())
    if own and own.isprintable() and len(own) <= LONGEST_REF:
        return own
    said = own or f"{title}\n{item.published_at}"
    return f"sha256:{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()}"


def _published(text: str) -> datetime | None:
    """Return when an item was published: RFC 822 as in RSS, else a stamp.

    >>> _published("Sat, 21 Nov 2026 09:30:00 GMT").isoformat()
    '2026-11-21T09:30:00+00:00'
    >>> _published("yesterday") is None
    True
    """
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # "-0000": a time in UTC whose place is not told
            moment = moment.replace(tzinfo=UTC)
        return moments.stamp(moment.isoformat())
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    try:
        return moments.stamp(text)
    except moments.BadMoment:
        return None
