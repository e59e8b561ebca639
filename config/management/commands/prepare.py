from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import preparing


class Command(BaseCommand):
    help = "Migrate, collect static files, make roles, the schedule and the first user."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        preparing.prepare(now=timezone.now(), say=self.stderr.write)
