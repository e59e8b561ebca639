"""The base of pages that show what services wrote: its columns, and its figures laid out."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from monitoring.desk import chips, sections
from monitoring.desk.pages import Fixed


class Shown(Fixed):
    """Rows with figures in JSON; ``figures`` names those columns and their titles."""

    figures: Sequence[tuple[str, str]] = ()

    def parts(self, request: HttpRequest, row: Any) -> list[sections.Section]:
        laid_out = [
            sections.Html(title, chips.pretty(getattr(row, name))) for name, title in self.figures
        ]
        return [self.all_facts(row), *laid_out]
