from argparse import SUPPRESS
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from markets.services import simulating_sports, steering_leagues
from monitoring.commands import WARNINGS, ProductCommand
from settlements.services import replaying


class Command(ProductCommand):
    keeps_memory = True
    help = "Live a past season again, or steer the simulated leagues."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="what", required=True)
        season = kinds.add_parser("season", help="one season of one competition, lived again")
        season.add_argument("--competition", required=True, help="its code, such as E0")
        season.add_argument("--season", required=True, help="its label, such as 2023-24")
        season.add_argument("--seed", type=int, default=0)
        leagues = kinds.add_parser("leagues", help="leagues of other sports beside the soccer one")
        doing = leagues.add_mutually_exclusive_group(required=True)
        doing.add_argument("--sports", action="store_true", help="begin them")
        doing.add_argument("--stop", metavar="CODE", help="stop one and cancel what is unplayed")
        doing.add_argument("--resume", metavar="CODE", help="let a stopped one play on")
        leagues.add_argument("--reason", default="", help="stop, resume: why; it is audited")
        chaos = kinds.add_parser("chaos", help="let the simulated feed fail now and then")
        chaos.add_argument("switch", choices=["on", "off"])
        for kind in (season, leagues, chaos):
            # The parser above knows it too; without a default here it is taken in either place.
            kind.add_argument("--output", choices=["table", "json"], default=SUPPRESS)

    def report(self, *, what: str = "season", **options: Any) -> dict[str, Any]:
        acts: dict[str, Callable[..., dict[str, Any]]] = {
            "season": self._season,
            "leagues": self._leagues,
            "chaos": self._chaos,
        }
        return acts[what](**options)

    def _leagues(
        self, *, stop: str | None = None, resume: str | None = None, reason: str = "", **_: Any
    ) -> dict[str, Any]:
        now = timezone.now()
        code = stop or resume
        if code is not None:
            steer = steering_leagues.stop if stop else steering_leagues.resume
            return steer(code=code, reason=reason, actor=self.actor, now=now)
        with self.recorded(task="markets.tasks.simulate_leagues", now=now) as run:
            run.result = simulating_sports.found_leagues(now=now, actor=self.actor)
        return dict(run.result)

    def _chaos(self, *, switch: str, **_: Any) -> dict[str, Any]:
        now, on = timezone.now(), switch == "on"
        with self.recorded(
            task="markets.tasks.simulate_chaos", arguments={"on": on}, now=now
        ) as run:
            changed = simulating_sports.set_chaos(on=on, actor=self.actor, now=now)
            run.result = {"chaos": on, "changed": changed}
        return dict(run.result)

    def _season(self, *, competition: str, season: str, seed: int, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(
            task="settlements.tasks.replay_season",
            arguments={"competition": competition, "season": season, "seed": seed},
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
