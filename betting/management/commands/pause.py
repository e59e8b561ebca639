from typing import Any

from betting.management.halts import HaltCommand
from betting.services import halting


class Command(HaltCommand):
    help = "Stop all staking, or that of one strategy, book or sport, until it is resumed."

    def report(self, **options: Any) -> dict[str, Any]:
        standing = self.done(halting.halt, task="betting.pause", options=options)
        return {
            "halt": standing.pk,
            "scope": standing.scope,
            "id": standing.scope_id,
            "reason": standing.reason,
            "set_by": standing.set_by,
            "set_at": standing.set_at,
        }
