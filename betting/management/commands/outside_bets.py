from typing import Any

from django.utils import timezone

from betting.services import adopting
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    help = "Take up orders on our accounts that we did not send; exits 2 while some stand."

    def report(self, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(task="betting.tasks.adopt_outside", arguments={}, now=now) as run:
            found = adopting.adopt(now=now, actor=run.actor)
            run.result = found
        if found["standing"] or found["failed"]:
            self.exit_code = WARNINGS
        return found
