from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from betting.models import Bankroll
from monitoring.commands import ProductCommand
from settlements.services import ledger, moving
from settlements.services.ledger import LedgerRefused

PLACE = '"cash", "outside", a book\'s code, or "bonus:" and a book\'s code'


class Command(ProductCommand):
    help = "Move money between cash, books and outside; give, release or forfeit a bonus."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bankroll", required=True, help="its name")
        parser.add_argument("--from", dest="source", required=True, help=PLACE)
        parser.add_argument("--to", dest="target", required=True, help=PLACE)
        parser.add_argument("--amount", required=True, help="such as 250.00")
        parser.add_argument("--currency", default="", help="if given, it must be the bankroll's")
        parser.add_argument("--reference", required=True, help="again, it moves nothing")
        parser.add_argument("--reason", required=True, help="it is kept in the audit")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        found = Bankroll.objects.filter(name=options["bankroll"]).first()
        if found is None:
            raise LedgerRefused(f"there is no bankroll {options['bankroll'][:60]!r}")
        names = ("source", "target", "currency", "reference", "reason")
        moved = moving.move(
            bankroll_id=found.pk,
            amount=_amount(options["amount"]),
            actor=self.actor,
            now=now,
            **{name: options[name] for name in names},
        )
        return {
            "transfer": moved.pk,
            "kind": moved.kind,
            "amount": str(moved.amount),
            "from": str(moved.debit),
            "to": str(moved.credit),
            "reference": moved.reference,
            "is_new": moved.at == now,
        }


def _amount(text: str) -> Decimal:
    try:
        if not text.isascii() or "_" in text:
            raise InvalidOperation
        return ledger.checked(Decimal(text))
    except InvalidOperation:
        raise LedgerRefused(f"{text[:40]!r} is no sum of money") from None
