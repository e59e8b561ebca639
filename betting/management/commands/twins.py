from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from betting.models import Bankroll, PaperTwin, Strategy
from betting.services import twinning
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Live bets beside their twins on paper: how far they are apart; set or stop a twin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="gap", choices=["gap", "set", "stop"])
        parser.add_argument("strategy", nargs="?", help="its name")
        parser.add_argument("bankroll", nargs="?", help="set: the paper bankroll's name")
        parser.add_argument("--reason", default="", help="set, stop: why; it is audited")
        parser.add_argument("--days", type=float, default=1.0)

    def report(self, *, action: str = "gap", **options: Any) -> dict[str, Any]:
        if action != "gap":
            return self._set(options, is_enabled=action == "set")
        days, now = options.get("days", 1.0), timezone.now()
        if not 0 < days <= 3_660:
            raise CommandError("--days is above 0 and at most 3660")
        found = twinning.gaps(since=now - timedelta(days=days), until=now)
        return {"days": days, "gaps": [each.as_dict() for each in found]}

    def _set(self, options: dict[str, Any], *, is_enabled: bool) -> dict[str, Any]:
        strategy = Strategy.objects.filter(name=options["strategy"] or "").first()
        standing = PaperTwin.objects.filter(strategy=strategy).first()
        bankroll = Bankroll.objects.filter(name=options["bankroll"] or "").first()
        if bankroll is None and standing is not None and not is_enabled:
            bankroll = standing.bankroll
        twin = twinning.set_twin(
            strategy_id=strategy.pk if strategy else 0,
            bankroll_id=bankroll.pk if bankroll else 0,
            is_enabled=is_enabled,
            reason=options["reason"],
            actor=self.actor,
            now=timezone.now(),
        )
        return {
            "strategy": twin.strategy.name,
            "bankroll": twin.bankroll.name,
            "is_enabled": twin.is_enabled,
        }
