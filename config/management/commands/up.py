import os
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
        parser.add_argument(
            "--speed",
            type=float,
            metavar="N",
            help="how many times as fast as the real calendar a simulated league is founded to run;"
            " one that stands keeps its own (default: SIMULATOR_SPEED)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["speed"] is not None:
            os.environ["SIMULATOR_SPEED"] = f"{options['speed']:g}"  # every process reads it
            read_environment.cache_clear()
        sys.exit(up.main(read_environment(), chaos=options["chaos"]))
