from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml.services import etl
from models_ml.services.store import verifying
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    keeps_memory = True
    help = "Fill the store of facts from the tables, verify it, or mend a part of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sport", help="code of a sport; every sport")
        parser.add_argument(
            "--rebuild", action="store_true", help="hold everything against the tables"
        )
        parser.add_argument("--verify", action="store_true", help="hash every file anew")
        parser.add_argument("--repair", metavar="PART", help="make one part anew")

    def report(self, **options: Any) -> dict[str, Any]:
        now, actor = timezone.now(), self.actor
        if part := options["repair"]:
            row = etl.repair(part=part, now=now, actor=actor)
            return {"part": part, "rows": row.rows if row else 0, "state": row.state if row else ""}
        if options["verify"]:
            with self.recorded(task="models_ml.tasks.verify_store", arguments={}, now=now) as run:
                found = verifying.verify(now=now, progress=run)
                run.result = found.told
            return found.told
        asked = {"sport": options["sport"] or "", "rebuild": options["rebuild"]}
        with self.recorded(task="models_ml.tasks.run_etl", arguments=asked, now=now) as run:
            runs = etl.etl(
                now=now,
                actor=actor,
                sport=options["sport"],
                rebuild=options["rebuild"],
                progress=run,
            )
            told = run.result = etl.report(runs=runs, damaged=verifying.damaged())
        return told
