from typing import Any

from betting import queries
from betting.management.halts import HaltCommand
from betting.services import halting
from monitoring.commands import WARNINGS


class Command(HaltCommand):
    help = "Let staking go on where it was paused; exits 2 while another pause still stands."

    def report(self, **options: Any) -> dict[str, Any]:
        lifted = self.done(halting.lift_scope, task="betting.resume", options=options)
        standing = [str(halt) for halt in queries.active_halts()]
        if standing:
            self.exit_code = WARNINGS
        return {
            "lifted": lifted.pk,
            "scope": lifted.scope,
            "id": lifted.scope_id,
            "still": standing,
        }
