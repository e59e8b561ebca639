from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from betting import queries
from betting.models import TradingHalt
from betting.services import halting
from monitoring.commands import WARNINGS, ProductCommand
from monitoring.services import running


class Command(ProductCommand):
    help = "Let staking go on where it was paused; exits 2 while another pause still stands."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument("--scope", choices=TradingHalt.Scope.values, default="ALL")
        parser.add_argument("--id", type=int, help="of the strategy, book or sport")

    def report(self, **options: Any) -> dict[str, Any]:
        reason, scope, scope_id = options["reason"], options["scope"], options["id"]
        now = timezone.now()
        with running.recorded_here(
            task="betting.resume",
            arguments={"reason": reason, "scope": scope, "id": scope_id},
            trigger="CLI",
            actor=self.actor,
            now=now,
        ):
            lifted = halting.lift_scope(
                reason=reason, actor=self.actor, now=now, scope=scope, scope_id=scope_id
            )
        standing = [str(halt) for halt in queries.active_halts()]
        if standing:
            self.exit_code = WARNINGS
        return {
            "lifted": lifted.pk,
            "scope": lifted.scope,
            "id": lifted.scope_id,
            "still": standing,
        }
