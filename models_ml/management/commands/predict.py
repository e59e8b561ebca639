from typing import Any

from django.utils import timezone

from models_ml.services import predicting
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Build the features of every open stage and foretell what waits for it."

    def report(self, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(task="models_ml.tasks.predict_due", now=now) as run:
            run.result = {"predictions": predicting.predict_due(now=now)}
        return dict(run.result)
