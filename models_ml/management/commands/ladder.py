from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml.domain.stages import STAGES, BadLadder
from models_ml.models import Ladder
from models_ml.services import ladders
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Show the moments at which each sport's events are looked at, or change those of one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sport", nargs="?", help="code of the sport to change")
        parser.add_argument("--simulated", action="store_true", help="of its simulated leagues")
        parser.add_argument(
            "--stages", help=f"separated by commas, the earliest first: {', '.join(STAGES)}"
        )
        parser.add_argument("--grace", type=int, help="seconds, after which a look is late")
        parser.add_argument("--horizon", type=int, help="hours that looks are planned ahead")
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--enable", dest="is_enabled", action="store_true", default=None)
        switch.add_argument("--disable", dest="is_enabled", action="store_false")
        parser.add_argument("--reason", default="")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        ladders.ensure_default_ladders()
        rows = Ladder.objects.select_related("sport").order_by("is_simulated", "sport__code")
        if not options["sport"]:
            return {"ladders": [_summary(row) for row in rows]}
        row = rows.filter(sport__code=options["sport"], is_simulated=options["simulated"]).first()
        if row is None:
            known = ", ".join(sorted({one.sport.code for one in rows})) or "none yet"
            raise BadLadder(f"no ladder of {options['sport']!r}; there are those of: {known}")
        if not options["reason"]:
            raise BadLadder("say why with --reason")
        names = options["stages"]
        changed = ladders.change(
            ladder_id=row.pk,
            names=None if names is None else [name.strip() for name in names.split(",")],
            grace_seconds=options["grace"],
            horizon_hours=options["horizon"],
            is_enabled=options["is_enabled"],
            actor=self.actor,
            reason=options["reason"],
            now=now,
        )
        return {"ladders": [_summary(changed)]}


def _summary(row: Ladder) -> dict[str, Any]:
    return {
        "sport": row.sport.code,
        "is_simulated": row.is_simulated,
        "stages": [stage["name"] for stage in row.stages],
        "grace_seconds": row.grace_seconds,
        "horizon_hours": row.horizon_hours,
        "is_enabled": row.is_enabled,
    }
