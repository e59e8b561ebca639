import json
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml.domain import experiments
from models_ml.management.people import signed_in
from models_ml.models import Experiment
from models_ml.services import experimenting, pipelines
from monitoring.commands import ProductCommand

TASK = "models_ml.tasks.train_experiment"
ADD, CHANGE = "models_ml.add_experiment", "models_ml.change_experiment"
ACTIONS: Mapping[str, str] = {
    "list": "experiments, newest first",
    "propose": "try a change against what stands, as who your token says you are",
    "run": "train both arms on the same folds, and score them",
    "accept": "let a scored change in; not by who proposed it",
    "reject": "turn a scored change down; not by who proposed it",
    "switch-off": "take an accepted change out again",
}


def change(text: str) -> dict[str, Any]:
    """Read a change: JSON, an object.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise ArgumentTypeError(f'{text!r} is no JSON object, such as {{"eta": 0.02}}')
    return read


class Command(ProductCommand):
    help = "Try changes of parameters and features: propose, run, review, switch off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, told in ACTIONS.items():
            one = actions.add_parser(name, help=told)
            if name == "propose":
                one.add_argument("pipeline")
                one.add_argument("name")
                one.add_argument("--hypothesis", required=True)
                one.add_argument("--change", required=True, type=change)
                one.add_argument("--minimum", type=int, default=experiments.FLOOR)
            elif name != "list":
                one.add_argument("experiment", type=int)
            if name in ("accept", "reject", "switch-off"):
                one.add_argument("--reason", required=True)
            one.add_argument("--output", choices=["table", "json"], default=SUPPRESS)

    def report(self, **options: Any) -> dict[str, Any]:
        action = options.pop("action").replace("-", "_")
        return getattr(self, f"_{action}")(now=timezone.now(), **options)

    def _list(self, **_: Any) -> dict[str, Any]:
        rows = Experiment.objects.select_related("pipeline").order_by("-pk")[:100]
        return {"experiments": [experimenting.summary(row=row) for row in rows]}

    def _propose(
        self, *, pipeline: str, name: str, hypothesis: str, change: dict[str, Any], minimum: int,
        now: datetime, **_: Any,
    ) -> dict[str, Any]:  # fmt: skip
        user, actor = signed_in(permission=ADD)
        row = experimenting.propose(
            name=name,
            hypothesis=hypothesis,
            pipeline=pipelines.chosen(name=pipeline)[0],
            candidate=change,
            minimum_n=minimum,
            actor=actor,
            now=now,
            user_id=user.pk,
        )
        return experimenting.summary(row=row)

    def _run(self, *, experiment: int, now: datetime, **_: Any) -> dict[str, Any]:
        with self.recorded(task=TASK, arguments={"experiment": experiment}, now=now) as run:
            row = experimenting.run(
                experiment_id=experiment, actor=self.actor, now=now, progress=run
            )
            told = run.result = experimenting.summary(row=row)
        return told

    def _accept(self, **said: Any) -> dict[str, Any]:
        return self._decide(experimenting.accept, **said)

    def _reject(self, **said: Any) -> dict[str, Any]:
        return self._decide(experimenting.reject, **said)

    def _switch_off(
        self, *, experiment: int, reason: str, now: datetime, **_: Any
    ) -> dict[str, Any]:
        row = experimenting.switch_off(
            experiment_id=experiment, reason=reason, actor=self.actor, now=now
        )
        return experimenting.summary(row=row)

    def _decide(
        self, service: Any, *, experiment: int, reason: str, now: datetime, **_: Any
    ) -> dict[str, Any]:
        user, actor = signed_in(permission=CHANGE)
        row = service(
            experiment_id=experiment, user_id=user.pk, review=reason, actor=actor, now=now
        )
        return experimenting.summary(row=row)
