from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from betting.models import Arbitrage, SettlingTerms, Strategy
from betting.queries import arbitrages
from betting.services import arbitraging, equating, hedging
from markets.models import Book, Sport
from monitoring.commands import ProductCommand, screen

LISTED = 50


class Command(ProductCommand):
    help = (
        "Look for arbitrage now and take what is found (--dry-run: say what it would be), list it,"
        " go on with what is not through, close out what stands alone, say which books settle"
        " alike."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="look", choices=list(self._actions()))
        parser.add_argument("about", nargs="*", help="look: strategies' names; close-out, handle:"
                            " an id; terms: SPORT KIND BOOK …")  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="look: write and send nothing")
        parser.add_argument("--reason", default="", help="why; it is audited")
        parser.add_argument("--terms", default=None, help="terms: in words; '' takes them back")
        parser.add_argument("--max-loss", default=None, help="close-out: what it may cost")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {
            "look": self._look,
            "list": self._list,
            "continue": self._continue,
            "close-out": self._close_out,
            "handle": self._handle,
            "terms": self._terms,
        }

    def report(self, *, action: str = "look", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _look(
        self, *, about: list[str] | None = None, dry_run: bool = False, **_: Any
    ) -> dict[str, Any]:
        if not about:
            return arbitraging.look_due(now=timezone.now(), dry_run=dry_run, actor=self.actor)
        found = {}
        for name in about:
            strategy = Strategy.objects.filter(name=name).first()
            found[name] = arbitraging.look(
                strategy_id=strategy.pk if strategy else 0,
                now=timezone.now(),
                dry_run=dry_run,
                actor=self.actor,
            )
        return found

    def _list(self, **_: Any) -> dict[str, Any]:
        return {"arbitrages": [_row(row) for row in arbitrages.latest()[:LISTED]]}

    def _continue(self, **_: Any) -> dict[str, Any]:
        return dict(hedging.continue_due(now=timezone.now(), actor=self.actor))

    def _close_out(
        self,
        *,
        about: list[str] | None = None,
        reason: str = "",
        max_loss: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        row = hedging.close_out(
            arbitrage_id=_id(about),
            max_loss=_amount(max_loss),
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
        )
        return _row(row)

    def _handle(
        self, *, about: list[str] | None = None, reason: str = "", **_: Any
    ) -> dict[str, Any]:
        row = hedging.handle(
            arbitrage_id=_id(about), actor=self.actor, reason=reason, now=timezone.now()
        )
        return _row(row)

    def _terms(
        self,
        *,
        about: list[str] | None = None,
        terms: str | None = None,
        reason: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        if terms is not None:
            self._set_terms(about or [], terms=terms, reason=reason)
        rows = SettlingTerms.objects.select_related("sport", "book")
        ordered = rows.order_by("sport__code", "kind", "terms", "book__code")
        return {
            "terms": [
                {"sport": row.sport.code, "kind": row.kind, "book": row.book.code,
                 "terms": row.terms, "by": row.changed_by, "reason": row.reason}
                for row in ordered
            ]
        }  # fmt: skip

    def _set_terms(self, about: list[str], *, terms: str, reason: str) -> None:
        if len(about) < 3:
            raise CommandError("terms SPORT KIND BOOK … --terms … --reason …")
        code, kind, *books = about
        sport = Sport.objects.filter(code=code).first()
        known = dict(Book.objects.filter(code__in=books).values_list("code", "pk"))
        if unknown := sorted(set(books) - set(known)):
            raise CommandError(f"there is no book {', '.join(unknown)}")
        equating.set_terms(
            sport_id=sport.pk if sport else 0,
            kind=kind,
            book_ids=list(known.values()),
            terms=terms,
            reason=reason,
            actor=self.actor,
            now=timezone.now(),
        )

    def show(self, report: dict[str, Any]) -> None:
        if "arbitrages" not in report:
            super().show(report)
            return
        table = Table("Id", "State", "Event", "Market", "Return", "Staked", "At worst", "Why")
        for row in report["arbitrages"]:
            table.add_row(
                str(row["id"]), row["state"], row["event"], row["market"],
                f"{row['guaranteed'] * 100:+.2f} %", row["total"], row["worst"], row["reason"],
            )  # fmt: skip
        screen().print(table)


def _id(about: list[str] | None) -> int:
    if not about or len(about) > 1 or not (about[0].isascii() and about[0].isdigit()):
        raise CommandError("name one arbitrage by its id")
    return int(about[0][:18])


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as no:
        raise CommandError(f"--max-loss is an amount, not {text!r}") from no


def _row(row: Arbitrage) -> dict[str, Any]:
    return {
        "id": row.pk,
        "strategy": row.strategy.name,
        "event": str(row.market.event),
        "market": str(row.market),
        "state": row.state,
        "reason": row.reason,
        "guaranteed": row.guaranteed,
        "total": str(row.total),
        "worst": str(row.worst),
        "best": str(row.best),
        "found_at": row.found_at.isoformat(),
        "seen_at": row.seen_at.isoformat(),
    }
