from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from models_ml.models import Pipeline
from models_ml.services import pipelines, tabulating
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    keeps_memory = True
    help = "Score each real default pipeline over the last season of the real data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipelines", nargs="*", help="codes; every real default pipeline")
        parser.add_argument("--write", metavar="PAGE", type=Path, help="put the table into a page")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        rows: list[dict[str, Any]] = []
        for pipeline in self._chosen(options["pipelines"]):
            self.notes.print(f"{pipeline} …")
            try:
                rows.append(tabulating.tabulated(pipeline=pipeline, until=now))
            except tabulating.REFUSALS as no:
                rows.append(tabulating.refused(pipeline=pipeline, error=no))
                self.exit_code = WARNINGS
        if page := options["write"]:
            made = tabulating.table(rows=rows)
            page.write_text(tabulating.written_into(page=page.read_text(), made=made))
        return {"rows": rows}

    def show(self, report: dict[str, Any]) -> None:
        self.stdout.write(tabulating.table(rows=report["rows"]))

    def _chosen(self, codes: list[str]) -> list[Pipeline]:
        pipelines.ensure_default_pipelines(now=timezone.now())
        if codes:
            return [pipelines.chosen(name=code)[0] for code in codes]
        real = Pipeline.objects.filter(is_simulated=False, sport__code__in=tabulating.SEASONS)
        return list(real.select_related("sport").order_by("pk"))
