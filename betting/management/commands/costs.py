from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from betting.models import CostModel
from betting.services import costing
from markets.models import Book
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "What paper bets cost at each book: list it, or set it with a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=["list", "set"])
        parser.add_argument("book", nargs="?", help="its code")
        parser.add_argument("changes", nargs="*", metavar="NUMBER=VALUE", help="set: what changes")
        parser.add_argument("--reason", default="", help="set: why; it is audited")

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        if action == "set":
            return self._set(options["book"], options["changes"], reason=options["reason"])
        rows = CostModel.objects.select_related("book").order_by("book__code")
        if options.get("book"):
            rows = rows.filter(book__code=options["book"])
        return {"costs": [_row(row) for row in rows]}

    def _set(self, code: str | None, changes: Sequence[str], *, reason: str) -> dict[str, Any]:
        pairs = [change.partition("=") for change in changes]
        if not code or not reason or not pairs or not all(sign for _, sign, _ in pairs):
            raise CommandError("set BOOK NUMBER=VALUE … --reason …")
        book = Book.objects.filter(code=code).first()
        if book is None:
            raise costing.CostsRefused(f"there is no book {code!r}")
        row = costing.set_costs(
            book_id=book.pk,
            reason=reason,
            actor=self.actor,
            now=timezone.now(),
            **{name: value for name, _, value in pairs},
        )
        return _row(row)


def _row(row: CostModel) -> dict[str, Any]:
    return {
        "book": row.book.code,
        **{name: _plain(getattr(row, name)) for name in costing.NUMBERS},
        "estimates": [each.as_dict() for each in costing.estimates(row)],
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else str(value)
