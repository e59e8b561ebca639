from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.models import StageLook
from models_ml.services import laddering, pipelines, predicting, rehearsing
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Take the looks that are due, one look anew, or rehearse the next matchday."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--event", type=int, help="take this event's look anew")
        parser.add_argument("--stage", help="of that event, such as T-60m")
        parser.add_argument("--feature-set", default="soccer_v1")
        parser.add_argument("--reason", default="asked for by hand")
        parser.add_argument("--rehearsal", metavar="PIPELINE", help="rehearse its next matchday")
        parser.add_argument("--name", default="", help="of the rehearsal")
        parser.add_argument("--remove", type=int, metavar="ID", help="remove a rehearsal")
        parser.add_argument("--since", type=moment, help="also tell of looks due since then")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        if options["remove"] is not None:
            row = rehearsing.remove(rehearsal_id=options["remove"], actor=self.actor, now=now)
            return rehearsing.summary(row)
        if options["rehearsal"]:
            row = rehearsing.rehearse(
                pipeline=pipelines.named(code=options["rehearsal"]),
                name=options["name"],
                actor=self.actor,
                now=now,
            )
            return rehearsing.summary(row)
        if options["event"] is not None:
            laddering.again(
                event_id=options["event"],
                feature_set=options["feature_set"],
                stage=options["stage"] or "",
                actor=self.actor,
                reason=options["reason"],
                now=now,
            )
        with self.recorded(task="models_ml.tasks.predict_due", now=now) as run:
            ticked = laddering.tick(now=now)
            run.result = {"predictions": predicting.foretell_waiting(now=now)}
        told: dict[str, Any] = {
            "planned": ticked.planned,
            "moved": ticked.moved,
            "built": ticked.built,
            "late": ticked.late,
            "missed": ticked.missed,
            "skipped": _skipped(now),
            "predictions": run.result["predictions"],
            "refused": ticked.refused,
        }
        if options["since"]:
            told["looks"] = _looks(options["since"])
        return told


def _skipped(now: Any) -> int:
    return StageLook.objects.filter(state=StageLook.State.SKIPPED, planned_at=now).count()


def _looks(since: Any) -> list[dict[str, Any]]:
    rows = StageLook.objects.filter(due_at__gte=since).order_by("due_at", "pk")
    return [
        {"event": row.event_id, "stage": row.stage, "state": row.state, "why": row.why}
        for row in rows
    ]
