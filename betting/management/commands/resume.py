from typing import Any

from django.utils import timezone

from betting import queries
from betting.management.halts import HaltCommand
from betting.services import halting
from monitoring.commands import WARNINGS


class Command(HaltCommand):
    help = "Lift every pause of a scope, also a rule's; exits 2 while another one still stands."

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        arguments = {key: options[key] for key in ("reason", "scope", "id")}
        with self.recorded(task="betting.resume", arguments=arguments, now=now):
            lifted = halting.lift_scope(**self.named(options), now=now)
        standing = [str(halt) for halt in queries.active_halts(at=now)]
        if standing:
            self.exit_code = WARNINGS
        return {
            "lifted": [halt.pk for halt in lifted],
            "scope": options["scope"],
            "id": options["id"],
            "still": standing,
        }
