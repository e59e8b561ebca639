"""What pausing and resuming share: a reason and a scope, checked before a run is recorded."""

from argparse import ArgumentParser
from typing import Any

from betting.models import TradingHalt
from monitoring.commands import ProductCommand


class HaltCommand(ProductCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument("--scope", choices=TradingHalt.Scope.values, default="ALL")
        parser.add_argument("--id", type=int, help="of what the scope names; none for ALL")

    def named(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what was asked for as the services take it."""
        return {
            "reason": options["reason"],
            "scope": options["scope"],
            "scope_id": options["id"],
            "actor": self.actor,
        }
