import sys
from typing import Any

from django.core.management.base import BaseCommand

from config import up
from config.environment import read as read_environment


class Command(BaseCommand):
    help = "Run the whole system in the foreground: engines, web, workers and beat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(up.main(read_environment()))
