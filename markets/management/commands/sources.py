from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets import queries
from markets.services import breaking, sources, switching, unchanged
from monitoring.commands import WARNINGS, ProductCommand, screen

CHANGES: Mapping[str, Callable[..., object]] = {
    "enable": switching.enable,
    "disable": switching.disable,
    "reset": breaking.reset,
    "reread": unchanged.forget,
}


class Command(ProductCommand):
    help = (
        "Show how the sources fare, switch one off or on, ask one again that is left alone, or ask"
        " one for everything, changed or not.  Exit code 2: one needs a look."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="status", choices=["status", *CHANGES])
        parser.add_argument("source", nargs="?", help="the source's code")
        parser.add_argument("--reason", default="", help="why it is switched; it is audited")

    def report(
        self, *, action: str = "status", source: str | None = None, reason: str = "", **_: Any
    ) -> dict[str, Any]:
        now = timezone.now()
        if action != "status":
            CHANGES[action](source_code=source or "", reason=reason, actor=self.actor, now=now)
        else:
            sources.ensure_default_sources(now=now)
        found = queries.source_health(now=now)
        shown = [row.as_dict() for row in found if source in (None, row.code)]
        if action == "status" and any(row["needs_a_look"] for row in shown):
            self.exit_code = WARNINGS
        return {"sources": shown}

    def show(self, report: dict[str, Any]) -> None:
        table = Table(
            "source", "enabled", "last success", "age", "cadence", "p50 / p95", "succeeded",
            "failures", "quota", "note",
        )  # fmt: skip
        for row in report["sources"]:
            table.add_row(
                row["code"] + (" SIMULATED" if row["is_simulated"] else ""),
                "yes" if row["is_enabled"] else f"no: {row['disabled_reason']}",
                row["last_success_at"] or "never",
                "" if row["age_seconds"] is None else f"{row['age_seconds']:.0f} s",
                f"{row['cadence_seconds']} s",
                "" if row["p50_ms"] is None else f"{row['p50_ms']:.0f} / {row['p95_ms']:.0f} ms",
                "" if row["success_share"] is None else f"{row['success_share']:.0%}",
                str(row["failures_in_a_row"]),
                "" if row["quota_remaining"] is None else f"{row['quota_remaining']} left",
                ", ".join(_notes(row)),
            )
        screen().print(table)


def _notes(row: dict[str, Any]) -> list[str]:
    """Return what ails a source, in a few words each."""
    notes = ["stale"] if row["is_stale"] else []
    if row["breaker_state"] != "CLOSED":
        notes.append(f"left alone until {row['breaker_retry_at']}")
    if row["is_quota_low"]:
        notes.append("quota low")
    notes += [f"{kind} × {count}" for kind, count in row["errors"].items()]
    return notes + [f"{count} prices {why}" for why, count in row["prices_refused"].items()]
