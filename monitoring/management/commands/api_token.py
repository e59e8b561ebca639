from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from monitoring.commands import ProductCommand
from monitoring.services import tokens


class Command(ProductCommand):
    help = "Make a program's key for the REST API; it is shown this once and kept hashed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the program is called in runs and audit")
        parser.add_argument("--user", required=True, help="whose permissions it has")
        parser.add_argument("--scopes", nargs="+", choices=tokens.SCOPES, default=["read"])
        parser.add_argument("--days", type=int, default=90, help="until it expires")

    def report(self, **options: Any) -> dict[str, Any]:
        key, token = tokens.make_token(
            name=options["name"],
            username=options["user"],
            scopes=options["scopes"],
            life=timedelta(days=options["days"]),
            actor=self.actor,
            now=timezone.now(),
        )
        return {
            "name": token.name,
            "token": key,
            "scopes": token.scopes,
            "expires_at": token.expiry,
        }
