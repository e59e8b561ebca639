import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import up
from config.environment import read as read_environment


class Command(BaseCommand):
    help = "Run the whole system in the foreground: engines, web, workers and beat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--chaos", action="store_true", help="let the simulated feed fail now and then"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(up.main(read_environment(), chaos=options["chaos"]))
