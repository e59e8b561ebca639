from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import preparing


def before_the_engines() -> None:
    """Do what needs no database while that starts."""
    preparing.collect_static()


class Command(BaseCommand):
    help = "Migrate, collect static files, make roles, the schedule and the first user."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        preparing.prepare(now=timezone.now(), say=self.stderr.write)
