"""The parts a detail page is made of: facts, tables, text, charts.  Each names its template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from monitoring.desk import chips


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of label and value."""

    template: ClassVar[str] = "desk/section_facts.html"
    title: str
    items: Sequence[tuple[str, object]]
    wide: bool = False

    @property
    def shown(self) -> list[tuple[str, SafeString | str]]:
        return [(label.replace("_", " "), chips.show(value)) for label, value in self.items]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers; ``empty`` says what to do, or that all is well, where there are none."""

    template: ClassVar[str] = "desk/section_table.html"
    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = "Nothing yet."
    note: str = ""
    more: tuple[str, str] | None = None  # text, address
    wide: bool = True

    @property
    def shown(self) -> list[list[SafeString | str]]:
        return [[chips.show(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Text:
    """Preformatted text: an error, a traceback, arguments."""

    template: ClassVar[str] = "desk/section_text.html"
    title: str
    text: str
    tone: str = ""
    wide: bool = True


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that was made safe by whoever made it."""

    template: ClassVar[str] = "desk/section_html.html"
    title: str
    html: SafeString
    wide: bool = True


def drawn(title: str, picture: SafeString, table: Table, *, wide: bool = False) -> Html:
    """Return a picture with its figures as a table that opens under it."""
    shown = render_to_string(table.template, {"section": table})
    folded = '{}<details class="cl-details"><summary>Figures as a table</summary>{}</details>'
    return Html(title, format_html(folded, picture, mark_safe(shown)), wide=wide)


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart with its figures as a table underneath.  ``series``: name -> [(x, y), …]."""

    template: ClassVar[str] = "desk/section_chart.html"
    title: str
    name: str
    series: Mapping[str, Sequence[tuple[str, float]]]
    unit: str = ""
    stepped: bool = False
    empty: str = "Nothing to draw yet."
    wide: bool = True
    columns: tuple[str, str] = ("Time", "Value")
    note: str = ""
    names: Sequence[str] = ()  # the places on the axis in their order, where x is no time

    @property
    def data(self) -> dict[str, object]:
        return {
            "unit": self.unit,
            "stepped": self.stepped,
            "names": list(self.names),
            "series": [
                {"name": name, "points": [{"x": x, "y": y} for x, y in points]}
                for name, points in self.series.items()
            ],
        }

    @property
    def rows(self) -> list[tuple[str, str, float]]:
        return [(name, x, y) for name, points in self.series.items() for x, y in points][-500:]


Section = Facts | Table | Text | Html | Chart


@dataclass(frozen=True, slots=True)
class Offered:
    """Parts that another room puts onto a table's page, for those who may see its rows."""

    permission: str
    make: Callable[[Any], Sequence[Section]]


_OFFERED: dict[type[Model], tuple[Offered, ...]] = {}


def offer(model: type[Model], *, permission: str, make: Callable[[Any], Sequence[Section]]) -> None:
    """Put parts onto the page of a table of a room below, which knows nothing of them."""
    _OFFERED[model] = (*_OFFERED.get(model, ()), Offered(permission, make))


def offered_on(row: Model, *, may: Callable[[str], bool]) -> list[Section]:
    """Return what other rooms put onto a row's page, where ``may`` says yes to its permission."""
    found = (one for one in _OFFERED.get(type(row), ()) if may(one.permission))
    return [part for one in found for part in one.make(row)]


def beside(own: Sequence[Section], others: Sequence[Section]) -> list[Section]:
    """Return a page's own parts with others before the first wide one: facts stand above them."""
    place = next((i for i, part in enumerate(own) if part.wide), len(own))
    return [*own[:place], *others, *own[place:]]


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that filters the list it stands above."""

    label: str
    value: object
    url: str = ""
    tone: str = ""
    note: str = ""
    is_active: bool = False
    chips: Sequence[SafeString] = field(default_factory=tuple)
