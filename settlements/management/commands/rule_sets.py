import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from monitoring.commands import ProductCommand
from settlements.domain import rule_choice
from settlements.models import RuleSet
from settlements.services import comparing, rule_sets


class Command(ProductCommand):
    help = "What bets are paid by: list rule sets, show one, make a version, put one to use."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("code", nargs="?", default="", help="of a rule set; drop: a use's id")
        parser.add_argument(
            "values", nargs="*", metavar="TERM=VALUE",
            help="make: what differs from the version before, such as commission.rate=0.05",
        )  # fmt: skip
        parser.add_argument("--since", default="", help="make: from when on; none: now")
        parser.add_argument("--book", default="", help="use: its code; none: every one")
        parser.add_argument("--sport", default="", help="use: its code; none: every one")
        parser.add_argument("--kind", default="", help="use: of market, such as WIN; none: every")
        parser.add_argument("--import", type=int, dest="imported", help="compare: its number")
        parser.add_argument("--with", default="", dest="other", help="compare: a rule set's code")
        parser.add_argument("--reason", default="", help="make, use, drop: why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {
            "list": self._list,
            "show": self._show,
            "make": self._make,
            "use": self._use,
            "drop": self._drop,
            "compare": self._compare,
        }

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        rule_sets.ensure_shipped(now=timezone.now(), actor=self.actor)
        return self._actions()[action](**options)

    def _list(self, **_: Any) -> dict[str, Any]:
        rows = RuleSet.objects.order_by("code", "version")
        return {
            "rule_sets": [_row(row) for row in rows],
            "uses": [
                {
                    "id": use.pk,
                    "book": use.book.code if use.book else "",
                    "sport": use.sport.code if use.sport else "",
                    "market_kind": use.market_kind,
                    "code": use.code,
                }
                for use in rule_sets.uses()
            ],
        }

    def _show(self, *, code: str, **_: Any) -> dict[str, Any]:
        row = rule_sets.latest(code)
        if row is None:
            raise CommandError(f"there is no rule set {code!r}")
        versions = RuleSet.objects.filter(code=code).order_by("version")
        return {
            **_row(row),
            "terms": rule_choice.flat(rule_sets.read(row).terms),
            "versions": [_row(one) for one in versions],
        }

    def _make(
        self, *, code: str, values: Sequence[str], since: str, reason: str, **_: Any
    ) -> dict[str, Any]:
        before = rule_sets.latest(code)
        made = rule_sets.make_version(
            code=code, terms=_changed(before.terms if before else {}, values), reason=reason,
            since=_moment(since), actor=self.actor, now=timezone.now(),
        )  # fmt: skip
        return _row(made)

    def _use(
        self, *, code: str, book: str, sport: str, kind: str, reason: str, **_: Any
    ) -> dict[str, Any]:
        use = rule_sets.set_use(
            code=code, book=book, sport=sport, market_kind=kind, reason=reason,
            actor=self.actor, now=timezone.now(),
        )  # fmt: skip
        return {"id": use.pk, "use": str(use)}

    def _drop(self, *, code: str, reason: str, **_: Any) -> dict[str, Any]:
        if not code.isascii() or not code.isdigit() or len(code) > 18:
            raise CommandError("drop ID --reason …: the number of a use, as list tells it")
        told = rule_sets.drop_use(
            use_id=int(code), reason=reason, actor=self.actor, now=timezone.now()
        )
        return {"dropped": told}

    def _compare(self, *, imported: int | None, other: str, **_: Any) -> dict[str, Any]:
        if imported is None or not other:
            raise CommandError("compare --import N --with CODE")
        found = comparing.compare(import_id=imported, code=other, as_of=timezone.now())
        return found.as_dict()


def _row(row: RuleSet) -> dict[str, Any]:
    return {
        "code": row.code,
        "version": row.version,
        "since": row.since.isoformat(),
        "terms": row.terms,
        "reason": row.reason,
        "made_by": row.made_by,
    }


def _changed(terms: Mapping[str, Any], values: Sequence[str]) -> dict[str, Any]:
    """Return terms with what TERM=VALUE says; a value is JSON, or else text."""
    changed = json.loads(json.dumps(dict(terms)))
    for value in values:
        name, sign, text = value.partition("=")
        if not sign:
            raise CommandError(f"TERM=VALUE, not {value!r}")
        *above, last = name.split(".")
        inner = changed
        for part in above:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise CommandError(f"{name}: {part} has no parts")
        inner[last] = _value(text)
    return changed


def _value(text: str) -> Any:
    try:
        read = json.loads(text, parse_float=str)
    except ValueError:
        return text
    return read


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise CommandError("--since: a time with its zone, such as 2026-05-01T00:00+00:00")
    return found
