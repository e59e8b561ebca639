from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from markets.domain import odds
from markets.models import ReferenceRule
from markets.services import referencing, switching
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = (
        "Whose close is believed: list, set or drop a rule of a competition and a kind of market;"
        " enable or disable a book."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = ["list", "set", "drop", "disable-book", "enable-book"]
        parser.add_argument("action", nargs="?", default="list", choices=actions)
        parser.add_argument("book", nargs="?", help="disable-book, enable-book: its code")
        parser.add_argument("--competition", default="", help="its code; none: every real one")
        parser.add_argument("--kind", default="", help="of market; none: every kind")
        parser.add_argument(
            "--chain",
            default="",
            help='set: books in order, by commas; the last may be "consensus"',
        )
        parser.add_argument("--method", default="", choices=["", *odds.METHODS])
        parser.add_argument("--reason", default="", help="why; it is audited")

    def report(
        self, *, action: str = "list", book: str | None = None, reason: str = "", **options: Any
    ) -> dict[str, Any]:
        by: dict[str, Any] = {"actor": self.actor, "reason": reason, "now": timezone.now()}
        if action.endswith("-book"):
            if not book:
                raise CommandError(f"{action} BOOK --reason …")
            switch = switching.enable_book if action == "enable-book" else switching.disable_book
            return {"book": switch(book_code=book, **by).code, "done": action}
        place = {"competition_code": options["competition"], "kind": options["kind"]}
        if action == "set":
            chain = [code.strip() for code in options["chain"].split(",") if code.strip()]
            referencing.set_rule(**place, chain=chain, method=options["method"], **by)
        elif action == "drop":
            referencing.drop_rule(**place, **by)
        return {"rules": _rules()}


def _rules() -> list[dict[str, Any]]:
    columns = ("competition__code", "kind", "chain", "method", "changed_by", "changed_at")
    rows = ReferenceRule.objects.order_by("pk").values_list(*columns)
    names = ("competition", "kind", "chain", "method", "changed_by", "changed_at")
    return [dict(zip(names, row, strict=True)) for row in rows]
