from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count, Q
from django.utils import timezone

from betting.models import ParticipantGroup
from betting.services import grouping
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Conferences, divisions and groups of ours: list them, set one, let sides join or leave."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=list(self._actions()))
        parser.add_argument("--sport", default="", help="its code")
        parser.add_argument("--kind", default="", choices=["", *ParticipantGroup.Kind.values])
        parser.add_argument("--name", default="", help="the group's")
        parser.add_argument("--discount", type=float, help="set: factor on correlated stakes")
        parser.add_argument("--participant", action="append", default=[], help="several times")
        parser.add_argument("--day", type=date.fromisoformat, help="join: since; leave: until")
        parser.add_argument("--reason", default="", help="why; it is audited")

    def _actions(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        return {"list": self._list, "set": self._set, "join": self._join, "leave": self._leave}

    def report(self, *, action: str = "list", **options: Any) -> dict[str, Any]:
        return self._actions()[action](**options)

    def _list(self, *, sport: str = "", kind: str = "", **_: Any) -> dict[str, Any]:
        rows = ParticipantGroup.objects.select_related("sport").order_by("sport", "kind", "name")
        rows = rows.annotate(n=Count("members", filter=Q(members__until=None)))
        rows = rows.filter(sport__code=sport) if sport else rows
        rows = rows.filter(kind=kind) if kind else rows
        return {"groups": [{**_row(row), "members": row.n} for row in rows]}

    def _set(
        self, *, sport: str, kind: str, name: str, reason: str, discount: float | None, **_: Any
    ) -> dict[str, Any]:
        return _row(
            grouping.set_group(
                sport=sport,
                kind=kind,
                name=name,
                discount=discount,
                actor=self.actor,
                reason=reason,
                now=timezone.now(),
            )
        )

    def _join(
        self, *, participant: Sequence[str], day: date | None, reason: str, **named: Any
    ) -> dict[str, Any]:
        made = grouping.add_members(
            group_id=_group(named).pk,
            participants=participant,
            since=day,
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
        )
        return {"joined": len(made)}

    def _leave(
        self, *, participant: Sequence[str], day: date | None, reason: str, **named: Any
    ) -> dict[str, Any]:
        if day is None:
            raise CommandError("leave --day YYYY-MM-DD: the first day without them")
        left = grouping.end_members(
            group_id=_group(named).pk,
            participants=participant,
            until=day,
            actor=self.actor,
            reason=reason,
            now=timezone.now(),
        )
        return {"left": left}


def _group(named: Mapping[str, Any]) -> ParticipantGroup:
    found = ParticipantGroup.objects.filter(
        sport__code=named["sport"], kind=named["kind"], name=named["name"]
    ).first()
    if found is None:
        raise CommandError("there is no such group: name it by --sport, --kind and --name")
    return found


def _row(group: ParticipantGroup) -> dict[str, Any]:
    return {
        "group": group.pk,
        "sport": group.sport.code,
        "kind": group.kind,
        "name": group.name,
        "discount": group.discount,
    }
