"""Bets as a file: CSV, row by row, however many there are."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from betting.domain import sheets
from betting.models import Bet
from betting.services.finding import about
from monitoring.errors import Refused

COLUMNS = (
    "reference", "bankroll", "currency", "strategy", "competition", "event", "starts_at", "market",
    "period", "about", "line", "selection", "book", "side", "price", "stake", "liability",
    "status", "outcome", "commission", "profit", "placed_at", "settled_at", "published_outcome",
    "published_commission", "published_profit", "note",
)  # fmt: skip
_TURNED = {"WON": "LOST", "LOST": "WON", "HALF_WON": "HALF_LOST", "HALF_LOST": "HALF_WON"}
PIECE = 2_000  # rows
TAKEN = (Bet.Status.ACCEPTED, Bet.Status.SETTLED)
_RELATED = (
    "bankroll", "strategy", "book", "tracked", "selection__market__participant",
    "selection__market__event__competition",
)  # fmt: skip


class ExportRefused(Refused):
    """These bets cannot be chosen so."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which bets; times are of placing, [since, until).  No status: those that were taken."""

    bankroll_id: int | None = None
    strategy_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    statuses: Sequence[str] = ()
    imported_id: int | None = None


def chosen(choice: Choice) -> QuerySet[Bet]:
    """Return the bets of a choice, oldest first; replays only where their bankroll is named.

    Raises:
        ExportRefused: an unknown status, or the interval ends before it begins.
    """
    if unknown := sorted(set(choice.statuses) - set(Bet.Status.values)):
        raise ExportRefused(f"no status {', '.join(unknown)}: {', '.join(Bet.Status.values)}")
    if choice.since and choice.until and choice.since >= choice.until:
        raise ExportRefused("the interval ends before it begins")
    wanted = Q(status__in=choice.statuses or TAKEN)
    if choice.bankroll_id is not None:
        wanted &= Q(bankroll=choice.bankroll_id)
    else:
        wanted &= Q(bankroll__replay=None)
    if choice.strategy_id is not None:
        wanted &= Q(strategy=choice.strategy_id)
    if choice.imported_id is not None:
        wanted &= Q(tracked__imported=choice.imported_id)
    if choice.since is not None:
        wanted &= Q(placed_at__gte=choice.since)
    if choice.until is not None:
        wanted &= Q(placed_at__lt=choice.until)
    return Bet.objects.filter(wanted).select_related(*_RELATED).order_by("placed_at", "pk")


class _Line:
    """Hands a written line on instead of keeping it."""

    def write(self, text: str) -> bytes:
        return text.encode()


def pieces(bets: QuerySet[Bet]) -> Iterator[bytes]:
    """Give the file's bytes line by line; the rows are read a few thousand at a time."""
    writer: Any = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(COLUMNS)
    for bet in bets.iterator(chunk_size=PIECE):
        yield writer.writerow([_cell(value) for value in _row(bet)])


def _row(bet: Bet) -> tuple[Any, ...]:
    market, tracked = bet.selection.market, getattr(bet, "tracked", None)
    is_settled = bet.status == Bet.Status.SETTLED
    return (
        tracked.reference if tracked else bet.client_ref,
        bet.bankroll.name,
        bet.bankroll.currency,
        bet.strategy.name if bet.strategy else "",
        market.event.competition.code,
        market.event.name,
        market.event.starts_at,
        market.kind,
        market.period,
        about(market),
        market.line,
        bet.selection.name,
        bet.book.code,
        bet.side,
        bet.price,
        bet.stake,
        bet.liability,
        bet.status,
        _of_bet(bet),
        bet.commission if is_settled else None,
        bet.profit,
        bet.placed_at,
        bet.settled_at,
        *((tracked.told_outcome, _plain(tracked.told_commission), _plain(tracked.told_profit))
          if tracked else (None, None, None)),
        tracked.note if tracked else "",
    )  # fmt: skip


def _of_bet(bet: Bet) -> str | None:
    """Return how the bet ended: a lay does the opposite of its selection."""
    is_lay = bet.side == Bet.Side.LAY
    return _TURNED.get(bet.outcome or "", bet.outcome) if is_lay else bet.outcome


def _plain(number: Decimal | None) -> Decimal | None:
    """Return a number without the zeros that its column added.

    >>> [str(_plain(Decimal(text))) for text in ("-1.7900000000", "100.0", "0")]
    ['-1.79', '100', '0']
    """
    if number is None:
        return None
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else number


def _cell(value: Any) -> Any:
    """Return a value as a sheet may read it: no text that it would run, numbers as they are.

    >>> _cell("=1+1"), _cell("Ajax"), _cell(None), _cell(Decimal("-0.50"))
    ("'=1+1", 'Ajax', '', Decimal('-0.50'))
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return sheets.guarded(value) if isinstance(value, str) else value
