from argparse import SUPPRESS, ArgumentParser
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.services import auditing, exporting, forecasting
from models_ml.services.exporting import ExportRefused
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Write predictions to a file, tell what is said of an event, or where one came from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="live predictions to a file")
        export.add_argument("to", type=Path, help="a file that is not there yet")
        export.add_argument("--since", type=moment, required=True)
        export.add_argument("--until", type=moment, default=None)
        export.add_argument("--pipeline", default="")
        export.add_argument("--format", choices=list(exporting.FORMATS), default="csv")
        event = actions.add_parser("event", help="what is said of an event now")
        event.add_argument("event", type=int)
        audit = actions.add_parser("audit", help="where a prediction came from")
        audit.add_argument("prediction", type=int)
        for action in (export, event, audit):
            action.add_argument("--output", choices=["table", "json"], default=SUPPRESS)

    def report(self, **options: Any) -> dict[str, Any]:
        return getattr(self, f"_{options.pop('action')}")(now=timezone.now(), **options)

    def _export(
        self,
        *,
        to: Path,
        since: datetime,
        until: datetime | None,
        pipeline: str,
        now: datetime,
        **options: Any,
    ) -> dict[str, Any]:
        rows = exporting.chosen(since=since, until=until or now, pipeline=pipeline)
        form = options["format"]
        try:
            with to.open("xb") as file:
                written = sum(file.write(piece) for piece in exporting.pieces(rows=rows, form=form))
        except OSError as error:
            raise ExportRefused(f"{to}: {error.strerror}") from error
        return {"file": str(to), "rows": rows.count(), "bytes": written, "format": form}

    def _event(self, *, event: int, now: datetime, **_: Any) -> dict[str, Any]:
        found, refused = forecasting.forecasts(event_id=event, now=now)
        told = [{**asdict(one), "as_of": one.as_of.isoformat()} for one in found]
        return {"forecasts": told, "refused": refused}

    def _audit(self, *, prediction: int, now: datetime, **_: Any) -> dict[str, Any]:
        return auditing.audit_of(prediction_id=prediction, now=now)
