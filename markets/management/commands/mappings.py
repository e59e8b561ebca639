import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.table import Table

from markets.domain import mapping
from markets.models import ImportMapping
from markets.services import importing
from monitoring.commands import FAILED, WARNINGS, ProductCommand, screen

ACTIONS = ("list", "show", "preview", "create", "change", "enable", "disable", "restore")


class Command(ProductCommand):
    help = (
        "Show what the columns of CSV and Parquet files mean, try a mapping on a file, or write"
        " one.  Exit code 2: a preview found problems."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=ACTIONS)
        parser.add_argument("name", nargs="?", help="the mapping's name")
        parser.add_argument("--path", help="the file to try it on; its first portion is read")
        parser.add_argument("--spec", help="a JSON file with the mapping")
        parser.add_argument("--title")
        parser.add_argument("--pattern", help="of the names of its files: games_*.csv")
        parser.add_argument("--revision", type=int, help="the revision to restore")
        parser.add_argument("--reason", default="", help="why it is changed; it is audited")

    def report(
        self, *, action: str = "list", name: str | None = None, **options: Any
    ) -> dict[str, Any]:
        importing.ensure_presets()
        if action == "list":
            return {"mappings": [_line(row) for row in ImportMapping.objects.order_by("name")]}
        if action == "preview":
            return self._preview(name, **options)
        if action == "create":
            return _whole(self._create(name or "", **options))
        row = _row(name)
        if action != "show":
            row = self._change(action, row, **options)
        return _whole(row)

    def _create(
        self, name: str, *, title: str | None, pattern: str | None, reason: str, **options: Any
    ) -> ImportMapping:
        return importing.create_mapping(
            name=name,
            title=title or name,
            file_pattern=pattern or "",
            spec=_spec(options["spec"]),
            reason=reason,
            actor=self.actor,
            now=timezone.now(),
        )

    def _change(
        self, action: str, row: ImportMapping, *, reason: str, **options: Any
    ) -> ImportMapping:
        about: dict[str, Any] = {
            "mapping_id": row.pk, "reason": reason, "actor": self.actor, "now": timezone.now(),
        }  # fmt: skip
        if action == "restore":
            return importing.restore_mapping(revision=options["revision"] or 0, **about)
        if action == "change":
            spec = None if options["spec"] is None else _spec(options["spec"])
            return importing.change_mapping(
                spec=spec, title=options["title"], file_pattern=options["pattern"], **about
            )
        return importing.change_mapping(is_enabled=action == "enable", **about)

    def _preview(self, name: str | None, *, path: str | None, **options: Any) -> dict[str, Any]:
        """Try a mapping that stands, or one that is not written yet."""
        spec = _spec(options["spec"]) if options["spec"] else _row(name).spec
        file = Path(path or "")
        try:
            with file.open("rb") as opened:
                payload = opened.read(importing.LONGEST_SAMPLE + 1)
        except OSError as wrong:
            raise importing.MappingRefused(f"no readable file: {wrong}") from wrong
        if len(payload) > importing.LONGEST_SAMPLE and file.suffix.lower() != ".parquet":
            payload = payload[: payload.rindex(b"\n", 0, importing.LONGEST_SAMPLE) + 1]
        report = importing.preview(spec=spec, payload=payload, name=file.name, now=timezone.now())
        if report["counts"]["problems"]:
            self.exit_code = WARNINGS
        if not report["counts"]["rows"]:
            self.exit_code = FAILED
        return report

    def show(self, report: dict[str, Any]) -> None:
        if "mappings" not in report:
            return super().show(report)
        table = Table("mapping", "files", "reads", "revision", "enabled", "changed")
        for row in report["mappings"]:
            table.add_row(
                row["name"], row["file_pattern"], row["reads"], str(row["revision"]),
                "yes" if row["is_enabled"] else "no", f"{row['changed_at']} {row['changed_by']}",
            )  # fmt: skip
        screen().print(table)
        return None


def _row(name: str | None) -> ImportMapping:
    row = ImportMapping.objects.filter(name=name or "").first()
    if row is None:
        raise importing.MappingRefused(f"there is no mapping {name!r}")
    return row


def _spec(path: str | None) -> dict[str, Any]:
    """Read a mapping from a file of JSON."""
    if not path:
        raise importing.MappingRefused("name the mapping's file with --spec")
    try:
        spec = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise importing.MappingRefused(f"no JSON in {path}: {wrong}") from wrong
    if not isinstance(spec, dict):
        raise importing.MappingRefused(f"a mapping in {path}, not a {type(spec).__name__}")
    return spec


def _line(row: ImportMapping) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "file_pattern": row.file_pattern,
        "reads": importing.described(mapping.read(row.spec)),
        "revision": row.revision,
        "is_enabled": row.is_enabled,
        "changed_by": row.changed_by,
        "changed_at": row.changed_at.isoformat(),
    }


def _whole(row: ImportMapping) -> dict[str, Any]:
    return {**_line(row), "spec": row.spec}
