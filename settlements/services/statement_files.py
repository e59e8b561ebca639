"""Statements as files: CSV, JSON and a page to print, written piece by piece however long."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.html import format_html

from betting.domain import sheets
from settlements.domain.statement import Head, Line
from settlements.models import LedgerTransfer
from settlements.services import stating

COLUMNS = (
    "transfer", "at", "kind", "reference", "cause", "bet", "bet_reference", "event", "selection",
    "outcome", "reverses", "other_account", "amount", "balance", "currency",
)  # fmt: skip
TYPES = {"csv": "text/csv", "json": "application/json", "html": "text/html; charset=utf-8"}


def pieces(*, head: Head, form: str) -> Iterator[bytes]:
    """Give a statement's bytes as ``form``, csv, json or html: sums and lines of one moment."""
    with stating.one_moment():
        yield from _FORMS[form](stating.again(head))


def name(head: Head, form: str) -> str:
    """Return what the file is called.

    It names the first and the last betting day, and is plain enough for any file system.
    """
    first, last = _days(head)
    return f"statement-{head.account}-{first}-{last}.{form}"


def as_dict(head: Head) -> dict[str, Any]:
    """Return the sums as JSON says them: money as text."""
    return {
        "account": head.account,
        "name": head.name,
        "kind": head.kind,
        "currency": head.currency,
        "time_zone": head.time_zone,
        "since": head.since.isoformat(),
        "until": head.until.isoformat(),
        "opening": str(head.opening),
        "closing": str(head.closing),
        "moved": str(head.moved),
        "n": head.n,
        "kinds": [
            {
                "kind": one.kind, "n": one.n, "came": str(one.came), "went": str(one.went),
                "net": str(one.net),
            }
            for one in head.kinds
        ],
    }  # fmt: skip


def line_as_dict(line: Line) -> dict[str, Any]:
    """Return a line as JSON says it."""
    return {
        "transfer": line.id,
        "at": line.at.isoformat(),
        "kind": line.kind,
        "reference": line.reference,
        "cause": line.cause,
        "bet": line.bet,
        "bet_reference": line.bet_reference,
        "event": line.event,
        "selection": line.selection,
        "outcome": line.outcome,
        "reverses": line.reverses,
        "other_account": line.other,
        "amount": str(line.amount),
        "balance": str(line.balance),
    }


def kind_label(kind: str) -> str:
    """Return a movement's kind for people."""
    return str(LedgerTransfer.Kind(kind).label)


class _Line:
    """Hands a written line on instead of keeping it."""

    def write(self, text: str) -> bytes:
        return text.encode()


def _csv(head: Head) -> Iterator[bytes]:
    """Give the lines between two rows that hold what was there before and after."""
    writer: Any = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(COLUMNS)
    yield writer.writerow(_edge(head, "OPENING", head.since, head.opening))
    for line in stating.lines(head=head):
        told = {**line_as_dict(line), "currency": head.currency}
        yield writer.writerow([_cell(column, told[column]) for column in COLUMNS])
    yield writer.writerow(_edge(head, "CLOSING", head.until, head.closing))


def _edge(head: Head, kind: str, at: datetime, balance: Any) -> list[Any]:
    told = {"at": at.isoformat(), "kind": kind, "balance": balance, "currency": head.currency}
    return [told.get(column, "") for column in COLUMNS]


def _cell(column: str, value: Any) -> Any:
    """Return a cell that a sheet runs nothing of; amounts stay numbers, also below zero."""
    if value is None or column in ("amount", "balance"):
        return "" if value is None else value
    return sheets.guarded(value) if isinstance(value, str) else value


def _json(head: Head) -> Iterator[bytes]:
    yield json.dumps(as_dict(head))[:-1].encode() + b', "lines": ['
    for number, line in enumerate(stating.lines(head=head)):
        yield (b", " if number else b"") + json.dumps(line_as_dict(line)).encode()
    yield b"]}\n"


_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #111; background: #fff; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25rem .6rem; text-align: left; }}
.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
thead {{ display: table-header-group; }}
</style></head><body><h1>{title}</h1><p>{period}</p>
"""


def _html(head: Head) -> Iterator[bytes]:
    first, last = _days(head)
    period = f"{first} to {last} ({head.time_zone}), amounts in {head.currency}"
    yield format_html(_HEAD, title=f"Statement of {head.name}", period=period).encode()
    yield _table(("", "Movements", "In", "Out", "Net"), 1)
    yield _row(("Opening balance", "", "", "", f"{head.opening:,.2f}"), 1)
    for one in head.kinds:
        told = (f"{one.came:,.2f}", f"{one.went:,.2f}", f"{one.net:+,.2f}")
        yield _row((kind_label(one.kind), f"{one.n:,}", *told), 1)
    yield _row(("Closing balance", f"{head.n:,}", "", "", f"{head.closing:,.2f}"), 1)
    yield b"</tbody></table>\n"
    yield _table(("When", "Kind", "Cause", "Other account", "Amount", "Balance"), 4)
    zone = ZoneInfo(head.time_zone)
    for line in stating.lines(head=head):
        at = f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
        amounts = (f"{line.amount:+,.2f}", f"{line.balance:,.2f}")
        yield _row((at, kind_label(line.kind), line.cause, line.other, *amounts), 4)
    yield b"</tbody></table></body></html>\n"


def _table(headers: tuple[str, ...], numbers_from: int) -> bytes:
    return b"<table><thead>" + _row(headers, numbers_from, tag="th") + b"</thead><tbody>\n"


def _row(cells: tuple[object, ...], numbers_from: int, *, tag: str = "td") -> bytes:
    told = "".join(
        format_html("<{0}{1}>{2}</{0}>", tag, _NUMBER if place >= numbers_from else "", cell)
        for place, cell in enumerate(cells)
    )
    return f"<tr>{told}</tr>\n".encode()


_NUMBER = format_html(' class="{}"', "n")


def _days(head: Head) -> tuple[str, str]:
    """Return the first and the last day that a statement touches, in the bankroll's zone."""
    zone = ZoneInfo(head.time_zone)
    last = head.until.astimezone(zone)
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
    if last == midnight:  # ended with the day before
        last = last - last.resolution
    return f"{head.since.astimezone(zone):%Y-%m-%d}", f"{last:%Y-%m-%d}"


_FORMS: dict[str, Callable[[Head], Iterator[bytes]]] = {"csv": _csv, "json": _json, "html": _html}
