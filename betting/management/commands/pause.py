from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from betting.models import TradingHalt
from betting.services import halting
from monitoring.commands import ProductCommand
from monitoring.services import running


class Command(ProductCommand):
    help = "Stop all staking, or that of one strategy, book or sport, until it is resumed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument("--scope", choices=TradingHalt.Scope.values, default="ALL")
        parser.add_argument("--id", type=int, help="of the strategy, book or sport")

    def report(self, **options: Any) -> dict[str, Any]:
        reason, scope, scope_id = options["reason"], options["scope"], options["id"]
        now = timezone.now()
        with running.recorded_here(
            task="betting.pause",
            arguments={"reason": reason, "scope": scope, "id": scope_id},
            trigger="CLI",
            actor=self.actor,
            now=now,
        ):
            standing = halting.halt(
                reason=reason, actor=self.actor, now=now, scope=scope, scope_id=scope_id
            )
        return {
            "halt": standing.pk,
            "scope": standing.scope,
            "id": standing.scope_id,
            "reason": standing.reason,
            "set_by": standing.set_by,
            "set_at": standing.set_at,
        }
