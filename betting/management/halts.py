"""What pausing and resuming share: a reason, a scope, and a run on record."""

from argparse import ArgumentParser
from typing import Any, Protocol

from django.utils import timezone

from betting.models import TradingHalt
from monitoring.commands import ProductCommand


class Service(Protocol):
    """Either half of ``betting.services.halting``."""

    def __call__(
        self, *, reason: str, actor: str, now: Any, scope: str, scope_id: int | None
    ) -> TradingHalt: ...


class HaltCommand(ProductCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument("--scope", choices=TradingHalt.Scope.values, default="ALL")
        parser.add_argument("--id", type=int, help="of the strategy, book or sport")

    def done(self, service: Service, *, task: str, options: dict[str, Any]) -> TradingHalt:
        """Do it in this process, and leave a run that says so."""
        reason, scope, scope_id = options["reason"], options["scope"], options["id"]
        now = timezone.now()
        with self.recorded(
            task=task, arguments={"reason": reason, "scope": scope, "id": scope_id}, now=now
        ):
            return service(reason=reason, actor=self.actor, now=now, scope=scope, scope_id=scope_id)
