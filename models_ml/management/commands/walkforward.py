from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.models import WalkFold, WalkForward
from models_ml.services import examples, pipelines, walking
from monitoring.commands import FAILED, ProductCommand


class Command(ProductCommand):
    keeps_memory = True
    help = (
        "Train a pipeline on what was known, try it on the weeks that follow, and so on."
        " What is done stays where it is interrupted: go on with --resume."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipeline")
        parser.add_argument("--step-weeks", type=int, help="4; of races 1")
        parser.add_argument("--since", type=moment, help="a year before the last known event")
        parser.add_argument("--until", type=moment, help="nothing known later is seen; now")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--resume", type=int, metavar="ID", help="of a walk-forward")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        pipeline = pipelines.chosen(name=options["pipeline"])[0]
        walk = self._walk(options, now)
        rows = examples.examples(pipeline=pipeline, until=walk.until)
        waiting = walk.folds.filter(state=WalkFold.State.WAITING).order_by("number")
        for fold in waiting:
            self._step(fold, rows)
        walk = walking.finish(walk_id=walk.pk, actor=self.actor, now=timezone.now())
        told = {"walk": walk.pk, "pipeline": pipeline.code, "state": walk.state, "why": walk.why}
        if walk.evaluation is None:
            self.exit_code = FAILED
            return told
        return {**told, "evaluation": walk.evaluation_id, **walk.evaluation.figures}

    def _walk(self, options: dict[str, Any], now: datetime) -> WalkForward:
        pipeline = pipelines.chosen(name=options["pipeline"])[0]
        if options["resume"] is not None:
            return walking.go_on(
                walk_id=options["resume"],
                pipeline=pipeline,
                actor=self.actor,
                reason="gone on with by the command",
                now=now,
            )
        return walking.begin(
            pipeline=pipeline,
            until=options["until"] or now,
            since=options["since"],
            step_weeks=options["step_weeks"],
            seed=options["seed"],
            actor=self.actor,
            now=now,
        )

    def _step(self, fold: WalkFold, rows: Any) -> None:
        now = timezone.now()
        with self.recorded(task=walking.STEP, arguments={"fold": fold.pk}, now=now) as run:
            WalkFold.objects.filter(pk=fold.pk).update(run=run.run_id)
            done = walking.step(fold_id=fold.pk, now=now, rows=rows, progress=run)
            run.result = {"step": done.number, "n": done.n, "state": done.state}
        self.notes.print(f"step {done.number}: {done.n} after learning from {done.n_learned}")
