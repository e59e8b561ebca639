"""What every command of this product shares: JSON or a table, exit codes, progress on stderr."""

import getpass
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from monitoring import memory
from monitoring.errors import OutsideFailed, Refused
from monitoring.models import TaskRun
from monitoring.services import running
from monitoring.services.outcomes import Handle

OK, FAILED, WARNINGS = 0, 1, 2
PIPED_COLUMNS = 240


def screen() -> Console:
    """Return what tables are printed on: a terminal's width, or room enough to cut nothing off."""
    console = Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=PIPED_COLUMNS)


class ProductCommand(BaseCommand):
    """A command that computes one report: a dictionary that JSON can hold.

    Subclasses implement ``report(**options)``, may override ``show(report)`` for people, and
    may set ``self.exit_code`` to ``WARNINGS`` or ``FAILED``.  With ``--output json`` standard
    output holds exactly one JSON object; everything else goes to standard error.  One that works
    on large arrays sets ``keeps_memory``.
    """

    exit_code = OK
    keeps_memory = False
    forms: Sequence[str] = ()  # of output that ``write`` knows, piece by piece

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        known = dict.fromkeys(["table", "json", *self.forms])
        parser.add_argument("--output", choices=list(known), default="table")
        return parser

    @property
    def actor(self) -> str:
        return f"cli:{getpass.getuser()}"

    def recorded(
        self, *, task: str, arguments: Mapping[str, object] | None = None, now: datetime
    ) -> AbstractContextManager[Handle]:
        """Record what the block does as a run of this person's, done by this process itself."""
        return running.recorded_here(
            task=task,
            arguments=arguments,
            trigger=TaskRun.Trigger.CLI,
            actor=self.actor,
            now=now,
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.notes = Console(stderr=True)
        output = options.pop("output")
        if self.keeps_memory:
            memory.keep_what_is_freed()
        try:
            report = self.report(**options)
        except (Refused, OutsideFailed) as no:
            self.exit_code, report = FAILED, {"error": str(no), "code": type(no).__name__}
        is_refused = "error" in report and "code" in report
        if output in self.forms and not is_refused:
            self.write(report, output)
        elif output == "json":
            self.stdout.write(json.dumps(report, default=str))
        elif is_refused:
            self.notes.print(f"[red]{report['error']}[/red]")
        else:
            self.show(report)
        if self.exit_code:
            raise SystemExit(self.exit_code)

    def report(self, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def write(self, report: dict[str, Any], form: str) -> None:
        """Write the report in one of ``forms``."""
        raise NotImplementedError

    def show(self, report: dict[str, Any]) -> None:
        """Print the report for a person: by default one line per entry."""
        table = Table(show_header=False)
        for key, value in report.items():
            table.add_row(
                key,
                json.dumps(value, default=str) if isinstance(value, dict | list) else str(value),
            )
        screen().print(table)
