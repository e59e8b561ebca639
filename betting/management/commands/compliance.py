from argparse import ArgumentParser
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from betting.models import Bankroll, BookRule, CoolDown, GamingLimits
from betting.services import complying
from betting.services.complying import ComplianceRefused
from markets.models import Book
from monitoring.commands import ProductCommand

ACTIONS = ("list", "cool-down", "lengthen", "limits", "book")
_MONEY = ("max_day_stake", "max_day_loss", "max_session_stake", "max_session_loss")


class Command(ProductCommand):
    help = (
        "Show and set what law and oneself allow: limits of bankrolls, rules of books, rests that"
        " nobody ends early."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=ACTIONS)
        parser.add_argument("target", nargs="?", help="cool-down's number, bankroll or book code")
        parser.add_argument(
            "changes", nargs="*", help="for limits and book: max_day_loss=50 is_banned=yes"
        )
        parser.add_argument("--hours", type=int, help="of a cool-down, or by how much longer")
        parser.add_argument("--reason", default="")

    def report(self, **options: Any) -> dict[str, Any]:
        action, now = options["action"], timezone.now()
        if action == "list":
            return _list(now)
        arguments = {name: options[name] for name in ("target", "changes", "hours", "reason")}
        with self.recorded(task=f"betting.{action}", arguments=arguments, now=now):
            who = {"actor": self.actor, "now": now, "reason": options["reason"]}
            if action in ("limits", "book"):
                return _set(action, options["target"] or "", options["changes"], who)
            return _rest(action, options["target"], options["hours"], who)


def _rest(
    action: str, target: str | None, hours: int | None, who: dict[str, Any]
) -> dict[str, Any]:
    if hours is None or not 1 <= hours <= 24 * 366 * 5:
        raise ComplianceRefused("hours: a whole number of at least 1")
    if action == "cool-down":
        bankroll_id = None if target is None else _named(Bankroll, "name", target)
        until = who["now"] + timedelta(hours=hours)
        return _line(complying.cool_down(bankroll_id=bankroll_id, until=until, **who))
    key = int(target) if target and target.isascii() and target.isdigit() else 0
    row = CoolDown.objects.filter(pk=key).first()
    if row is None:
        raise ComplianceRefused(f"there is no cool-down {target!r}")
    until = row.ends_at + timedelta(hours=hours)
    return _line(complying.lengthen(cool_down_id=row.pk, until=until, **who))


def _set(action: str, target: str, changes: list[str], who: dict[str, Any]) -> dict[str, Any]:
    told = dict(_read(change) for change in changes)
    if action == "limits":
        limits = complying.set_limits(bankroll_id=_named(Bankroll, "name", target), **who, **told)
        return {"bankroll": target, **_of(limits, complying.LIMITS)}
    rule = complying.set_rule(book_id=_named(Book, "code", target), **who, **told)
    return {"book": target, **_of(rule, complying.RULES)}


def _read(change: str) -> tuple[str, Any]:
    """Read NAME=VALUE; an empty amount is none.

    Raises:
        ComplianceRefused: it is none such.
    """
    name, sign, text = change.partition("=")
    if not sign or name in ("reason", "actor", "now", "bankroll_id", "book_id"):
        raise ComplianceRefused(f"expected NAME=VALUE, found {change[:40]!r}")
    try:
        if name in _MONEY:
            return name, Decimal(text) if text else None
        if name == "session_minutes":
            return name, int(text)
    except (InvalidOperation, ValueError) as bad:
        raise ComplianceRefused(f"{name}: expected a number, found {text[:40]!r}") from bad
    if name == "is_banned":
        return name, text.lower() in ("yes", "true", "1")
    if name == "jurisdictions":
        return name, [code for code in text.split(",") if code]
    return name, text


def _named(model: Any, field: str, text: str) -> int:
    found = model.objects.filter(**{field: text}).values_list("pk", flat=True).first()
    if found is None:
        raise ComplianceRefused(f"there is no {model._meta.verbose_name} {text!r}")
    return int(found)


def _of(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _line(row: CoolDown) -> dict[str, Any]:
    whose = row.bankroll.name if row.bankroll else "everything"
    return {"cool_down": row.pk, "of": whose, "ends_at": row.ends_at, "reason": row.reason}


def _list(now: datetime) -> dict[str, Any]:
    rests = CoolDown.objects.filter(ends_at__gt=now).select_related("bankroll").order_by("pk")
    limits = GamingLimits.objects.select_related("bankroll").order_by("bankroll__name")
    rules = BookRule.objects.select_related("book").order_by("book__code")
    return {
        "cool_downs": [_line(row) for row in rests],
        "limits": [{"bankroll": row.bankroll.name, **_of(row, complying.LIMITS)} for row in limits],
        "books": [{"book": row.book.code, **_of(row, complying.RULES)} for row in rules],
    }
