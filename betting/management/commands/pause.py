from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from betting.management.halts import HaltCommand
from betting.services import halting


class Command(HaltCommand):
    help = "Stop all staking, or that of one scope, until it is resumed or its time is over."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--minutes", type=int, help="it ends by itself after so long; default: resumed by hand"
        )
        parser.add_argument(
            "--reduce-only",
            action="store_true",
            help="let through the bets that lower what their market can cost",
        )

    def report(self, **options: Any) -> dict[str, Any]:
        now, minutes = timezone.now(), options["minutes"]
        arguments = {key: options[key] for key in ("reason", "scope", "id", "minutes")}
        arguments["reduce_only"] = options["reduce_only"]
        with self.recorded(task="betting.pause", arguments=arguments, now=now):
            standing = halting.halt(
                **self.named(options),
                now=now,
                expires_at=None if minutes is None else halting.after(minutes=minutes, now=now),
                is_reduce_only=options["reduce_only"],
            )
        return {
            "halt": standing.pk,
            "scope": standing.scope,
            "id": standing.scope_id,
            "reason": standing.reason,
            "set_by": standing.set_by,
            "set_at": standing.set_at,
            "expires_at": standing.expires_at,
            "reduce_only": standing.is_reduce_only,
        }
