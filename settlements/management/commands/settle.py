from time import monotonic
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from models_ml.services import replays
from monitoring.commands import WARNINGS, ProductCommand
from settlements.services import guarding, rule_sets, settling, valuing


class Command(ProductCommand):
    help = "Settle every bet whose result is known, re-settle corrected ones, and say what moved."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, help="the most bets to look at")
        parser.add_argument(
            "--chunk", type=int, default=settling.CHUNK, help="bets in one transaction"
        )

    def report(
        self, *, limit: int | None = None, chunk: int = settling.CHUNK, **_: Any
    ) -> dict[str, Any]:
        now, began = timezone.now(), monotonic()
        with self.recorded(
            task="settlements.tasks.settle_due",
            arguments={} if limit is None else {"limit": limit},
            now=now,
        ) as run:
            rule_sets.ensure_shipped(now=now, actor=self.actor)
            replays.end_lost(actor=self.actor, now=now)
            found = settling.settle_due(
                as_of=now, now=now, actor=self.actor, limit=limit, chunk=chunk, progress=run
            )
            halted = guarding.halt_losing(now=now)
            valued = valuing.value_due(as_of=now, now=now)
            run.result = {**found.as_dict(), "valued": valued, "halted": halted}
        if found.failed or found.ledger_imbalance or halted:
            self.exit_code = WARNINGS
        stopped = {"halted": halted} if halted else {}
        return {**found.as_dict(), **stopped, "seconds": round(monotonic() - began, 3)}
