"""Versions side by side: one page and its CSV, opened from versions that are ticked in the list."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from models_ml.admin import scorecards
from models_ml.domain import calibrations
from models_ml.models import ModelVersion
from models_ml.services import comparing
from monitoring.desk import chips, sections
from monitoring.errors import OutsideFailed, Refused

NAME = "models_ml_compare"
TITLE = "Compare side by side"


def ticked(page: Any, request: HttpRequest, rows: QuerySet[ModelVersion]) -> HttpResponse:
    """Lead from ticked versions to their comparison."""
    ids = rows.order_by("pk").values_list("pk", flat=True)[: comparing.MOST + 1]
    return HttpResponseRedirect(address(ids=",".join(map(str, ids))))


def address(**query: object) -> str:
    return f"{reverse(f'admin:{NAME}')}?{urlencode(query)}"


def page(request: HttpRequest) -> HttpResponse:
    """Answer the comparison of ``?ids=3,5``, as a page or, with ``&csv=1``, as a file."""
    if not request.user.has_perm("models_ml.view_modelversion"):
        raise PermissionDenied
    text = request.GET.get("ids", "")
    try:
        versions = comparing.chosen(ids=comparing.ids_of(text=text))
        compared = comparing.compare(versions=versions, now=timezone.now())
    except (Refused, OutsideFailed) as no:
        messages.warning(request, f"Refused: {no}")
        return HttpResponseRedirect(reverse("admin:models_ml_modelversion_changelist"))
    if "csv" in request.GET:
        name = f"compare-{'-'.join(str(version.pk) for version in versions)}"
        return scorecards.download(rows=comparing.table(compared=compared), name=name)
    button = {
        "title": "Download CSV",
        "icon": "download",
        "url": address(ids=text, csv=1),
        "is_dangerous": False,
    }
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": ModelVersion._meta,
        "title": " beside ".join(map(str, versions)),
        "desk_sections": _parts(compared),
        "desk_chips": [chips.origin(is_simulated=versions[0].pipeline.is_simulated)],
        "desk_buttons": [button],
    }
    return TemplateResponse(request, "desk/facts.html", context)


def _parts(compared: dict[str, Any]) -> list[sections.Section]:
    told = compared["versions"]
    shown = [(one["name"], one["card"]) for one in told] + list(compared["others"].items())
    gaps = [(f"{gap['first']} - {gap['second']}", gap) for gap in compared["differences"]]
    return [
        sections.Facts(
            f"{' beside '.join(one['name'] for one in told)}, on the same events",
            [
                ("Events", compared["n"]),
                ("Counted by", compared["unit"]),
                ("From", compared["since"][:10]),
                ("Until", compared["until"][:10]),
                ("Why these", compared["why"]),
                ("Left out, where one was silent", compared["n_left_out"]),
            ],
            wide=True,
        ),
        scorecards.forecasters(shown),
        scorecards.differences(gaps),
        *scorecards.reliability({one["name"]: one["reliability"] for one in told}),
        _versions(told),
        _parameters(compared["parameters"], [one["name"] for one in told]),
    ]


def _versions(told: list[dict[str, Any]]) -> sections.Table:
    keys = {
        "stage": "Stage", "kind": "Kind", "trained_from": "Learned from",
        "trained_until": "Learned until", "n_rows": "Rows", "seed": "Seed", "code_version": "Code",
        "calibration": "Calibration",
    }  # fmt: skip
    return sections.Table(
        "The versions",
        ("", *(one["name"] for one in told)),
        [(title, *(_shown(key, one[key]) for one in told)) for key, title in keys.items()],
    )


def _shown(key: str, value: Any) -> Any:
    """Return a fact of a version as people read it: a moment, a method's name."""
    if key in ("trained_from", "trained_until"):
        return datetime.fromisoformat(value)
    if key == "calibration":
        return calibrations.method(value)
    if key in ("code_version", "seed"):
        return str(value)[:12]
    if key in ("stage", "kind"):
        return dict((ModelVersion.Stage if key == "stage" else ModelVersion.Kind).choices)[value]
    return value


def _parameters(rows: list[dict[str, Any]], names: list[str]) -> sections.Table:
    return sections.Table(
        "Parameters that differ",
        ("Parameter", *names),
        [(row["name"].replace("_", " "), *(row["values"][name] for name in names)) for row in rows],
        empty="They were trained with the same parameters.",
        wide=False,
    )
