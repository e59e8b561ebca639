from argparse import ArgumentParser
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from betting.domain.recorded import BadBet, Wanted
from betting.management import moments
from betting.models import Bankroll, Bet
from betting.services import finding, recording
from betting.services.recording import BetRefused, Told
from markets.models import Book
from monitoring.commands import ProductCommand

ACTIONS = ("record", "accept", "void")
NEEDED = ("bankroll", "event", "market", "selection", "book", "price", "stake")


class Command(ProductCommand):
    help = "Record a bet that was placed elsewhere, tell that its book took it, or void one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("id", nargs="?", type=int, help="of the bet to accept or void")
        parser.add_argument("--bankroll", help="its name")
        parser.add_argument("--event", help="name or number")
        parser.add_argument("--market", help="MATCH_ODDS, 1X2, TOTAL, …")
        parser.add_argument("--line", help="the market's handicap or total")
        parser.add_argument("--selection", help="name, or role such as HOME")
        parser.add_argument("--book", help="the book's code")
        parser.add_argument("--side", choices=Bet.Side.values, default="BACK")
        parser.add_argument("--price", help="decimal")
        parser.add_argument("--stake", help="the backer's, also of a lay")
        parser.add_argument("--placed-at", help="with its zone: 2026-05-01T12:30+02:00")
        parser.add_argument("--reference", default="", help="the same one twice is the same bet")
        parser.add_argument("--note", default="")
        parser.add_argument("--waits", action="store_true", help="its book has not taken it yet")
        parser.add_argument(
            "--beyond-limits", action="store_true", help="it stands already: tell what it breaks"
        )
        parser.add_argument("--reason", default="", help="for voiding")

    def report(self, **options: Any) -> dict[str, Any]:
        now, action = timezone.now(), options["action"]
        with self.recorded(task=f"betting.{action}_bet", arguments=_asked(options), now=now):
            return self._do(action, options, now=now)

    def _do(self, action: str, options: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        if action == "record":
            bet, is_new = recording.record(
                told=_told(options),
                actor=self.actor,
                now=now,
                is_accepted=not options["waits"],
                beyond_limits=options["beyond_limits"],
            )
            return {**_line(bet), "new": is_new}
        if options["id"] is None:
            raise BetRefused("id", f"say which bet to {action}")
        if action == "accept":
            return _line(recording.accept(bet_id=options["id"], actor=self.actor, now=now))
        return _line(
            recording.void(
                bet_id=options["id"], actor=self.actor, reason=options["reason"], now=now
            )
        )


def _asked(options: dict[str, Any]) -> dict[str, object]:
    return {name: options[name] for name in (*NEEDED, "id", "reference") if options[name]}


def _told(options: dict[str, Any]) -> Told:
    """Read what was told on the command line.

    Raises:
        BetRefused: something is missing, unknown or no number; the field is named.
    """
    for name in NEEDED:
        if not options[name]:
            raise BetRefused(name, "is needed to record a bet")
    bankroll = Bankroll.objects.filter(name=options["bankroll"]).first()
    book = Book.objects.filter(code=options["book"]).first()
    if bankroll is None or book is None:
        field = "bankroll" if bankroll is None else "book"
        raise BetRefused(field, f"there is no {field} {options[field]!r}")
    line = _number("line", options["line"]) if options["line"] else None
    try:
        wanted = Wanted(options["event"], options["market"], options["selection"], line=line)
        selection = finding.find(wanted)
    except BadBet as bad:
        raise BetRefused(bad.field, f"expected {bad.expected}, found {bad.found!r}") from bad
    return Told(
        bankroll_id=bankroll.pk,
        selection_id=selection.pk,
        book_id=book.pk,
        side=options["side"],
        price=_number("price", options["price"]),
        stake=_number("stake", options["stake"]),
        placed_at=moments.moment("placed_at", options["placed_at"]),
        reference=options["reference"],
        note=options["note"],
    )


def _number(field: str, text: str) -> Decimal:
    try:
        if text.isascii() and "_" not in text:
            return Decimal(text)
    except InvalidOperation:
        pass
    raise BetRefused(field, f"expected a number, found {text[:40]!r}")


def _line(bet: Bet) -> dict[str, Any]:
    return {
        "bet": bet.pk,
        "reference": bet.tracked.reference,
        "status": bet.status,
        "side": bet.side,
        "price": str(bet.price),
        "stake": str(bet.stake),
        "liability": str(bet.liability),
        "beyond_limits": bet.tracked.beyond,
    }
