from argparse import SUPPRESS
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from monitoring.commands import WARNINGS, ProductCommand
from monitoring.models import TaskRun
from monitoring.services import running
from settlements.services import replaying


class Command(ProductCommand):
    help = "Live a past season again through the live services, in a bankroll of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="what", required=True)
        season = kinds.add_parser("season", help="one season of one competition")
        season.add_argument("--competition", required=True, help="its code, such as E0")
        season.add_argument("--season", required=True, help="its label, such as 2023-24")
        season.add_argument("--seed", type=int, default=0)
        # The parser above knows it too; without a default here it is taken in either place.
        season.add_argument("--output", choices=["table", "json"], default=SUPPRESS)

    def report(
        self, *, competition: str = "", season: str = "", seed: int = 0, **_: Any
    ) -> dict[str, Any]:
        now = timezone.now()
        with running.recorded_here(
            task="settlements.tasks.replay_season",
            arguments={"competition": competition, "season": season, "seed": seed},
            trigger=TaskRun.Trigger.CLI,
            actor=self.actor,
            now=now,
        ) as run:
            found = replaying.replay_season(
                competition_code=competition,
                season_label=season,
                seed=seed,
                actor=self.actor,
                now=now,
                progress=run,
            )
            run.result = found
        if found["ledger_imbalance"] != "0.00":
            self.exit_code = WARNINGS
        return found
