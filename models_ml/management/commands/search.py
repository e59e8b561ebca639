import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.models import Search
from models_ml.services import pipelines, searching, training
from monitoring.commands import WARNINGS, ProductCommand
from monitoring.errors import Cancelled, Refused


class UnknownSearch(Refused):
    """There is no search of that number."""


def space(text: str) -> dict[str, Any]:
    """Read where to look, as JSON."""
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise ArgumentTypeError(f'{text!r} is no JSON object such as {{"eta": [0.01, 0.1]}}')
    return read


class Command(ProductCommand):
    keeps_memory = True
    help = "Search for a pipeline's parameters, trial after trial, and train a candidate by them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipeline", nargs="?", default="", help="a pipeline (soccer-1x2)")
        parser.add_argument("--trials", type=int, default=searching.TRIALS)
        parser.add_argument("--until", type=moment, help="learn from what was known then; now")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--space", type=space, help='{"eta": [0.01, 0.1]}; the usual one')
        parser.add_argument("--resume", type=int, help="take this search up where it stopped")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        search = self._search(options, now)
        asked = {"search": search.pk}
        version = None
        try:
            with self.recorded(task=searching.STEP, arguments=asked, now=now) as run:
                searching.run(search_id=search.pk, actor=self.actor, now=now, progress=run)
                version = searching.finish(
                    search_id=search.pk, actor=self.actor, now=timezone.now(), progress=run
                )
                run.result = {"version": version.pk, **asked}
        except Cancelled:
            self.exit_code = WARNINGS
        search.refresh_from_db()
        told = training.summary(version=version) if version else None
        return {**searching.report(search=search), "version": told}

    def _search(self, options: dict[str, Any], now: datetime) -> Search:
        if options["resume"] is not None:
            if not Search.objects.filter(pk=options["resume"]).exists():
                raise UnknownSearch(f"no search {options['resume']}")
            return searching.reopen(search_id=options["resume"], actor=self.actor, now=now)
        pipelines.ensure_default_pipelines(now=now)
        return searching.begin(
            pipeline=pipelines.named(code=options["pipeline"]),
            **{name: options[name] for name in ("trials", "space", "until", "seed")},
            actor=self.actor,
            now=now,
        )
