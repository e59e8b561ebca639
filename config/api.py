"""The REST API put together: every app's resources under ``/api/v1/``."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from betting.api import fills, halts, why
from betting.api import resources as betting
from markets import api as markets
from models_ml import api as models_ml
from monitoring.api import health, incidents, runs, thresholds
from monitoring.api import resources as monitoring
from monitoring.rest import problems
from settlements.api import (
    backtest_grids,
    backtests,
    bulk,
    clv,
    daily,
    performance,
    reconciliation,
    reports,
    rule_sets,
)
from settlements.api import resources as settlements


def exception_handler(exc: Exception, context: dict) -> Response | None:
    """Answer every expected error as a problem; see ``monitoring.rest.problems``."""
    return problems.answer(exc, context)


not_found = problems.not_found
server_error = problems.server_error


def _rooms(package: ModuleType) -> Iterator[ModuleType]:
    """Return the modules of a package; each may offer RESOURCES by name, and PATHS."""
    for module in iter_modules(package.__path__):
        yield import_module(f"{package.__name__}.{module.name}")


PACKAGES = [*_rooms(markets), *_rooms(models_ml)]
router = SimpleRouter(trailing_slash=False)
for room in (
    *PACKAGES,
    betting,
    settlements,
    daily,
    reports,
    rule_sets,
    reconciliation,
    backtests,
    backtest_grids,
    monitoring,
    thresholds,
):
    for name, view in getattr(room, "RESOURCES", {}).items():
        router.register(name, view, basename=name)
router.register("halts", halts.Halts, basename="halt")
router.register("incidents", incidents.Incidents, basename="incident")
router.register("runs", runs.Runs, basename="run")

V1 = [
    path("jobs", runs.Jobs.as_view(), name="jobs"),
    path("jobs/<str:task>/runs", runs.JobRuns.as_view(), name="job-runs"),
    path("fills", fills.Fills.as_view(), name="fills"),
    path("fills/twins", fills.Twins.as_view(), name="twins"),
    path("performance", performance.Performance.as_view(), name="performance"),
    *why.PATHS,
    *clv.PATHS,
    *bulk.PATHS,
    *daily.PATHS,
    *(route for room in PACKAGES for route in getattr(room, "PATHS", ())),
    *router.urls,
]
API = [
    path("api/v1/", include((V1, "api"))),
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/redoc", SpectacularRedocView.as_view(url_name="api-schema"), name="api-redoc"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", health.numbers, name="metrics"),
]
