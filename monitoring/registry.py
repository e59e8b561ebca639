"""Where the other apps hang what they know.  This module imports no other app.

check      finds what is wrong: yields findings; its kind is the incident's and the runbook's name
panel      a part of the dashboard: a template and the function that makes its context
gauge      a number for the metrics page, with its labels
table      rows that `manage.py status` shows beside the engines and queues
response   what an incident's page may do: pause, re-run, disable
job        a task that the schedule, the admin, the API and the commands may start
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from monitoring.domain.findings import Finding

CheckFunction = Callable[[datetime], Iterable[Finding]]
ContextFunction = Callable[[datetime], Mapping[str, object]]
Sample = tuple[Mapping[str, str], float]
SampleFunction = Callable[[], Iterable[Sample]]
TableFunction = Callable[[datetime], Iterable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Check:
    kind: str
    run: CheckFunction
    every: timedelta


@dataclass(frozen=True, slots=True)
class Panel:
    name: str
    title: str
    template: str
    context: ContextFunction
    order: int
    width: int  # of twelve columns


@dataclass(frozen=True, slots=True)
class Gauge:
    name: str
    help: str
    samples: SampleFunction
    kind: str = "gauge"  # or "counter", whose name ends in _total; or "histogram"


@dataclass(frozen=True, slots=True)
class Response:
    name: str
    title: str
    kinds: frozenset[str]  # incident kinds that offer it
    act: Callable[..., str]  # (*, subject, actor, reason, now) -> what was done
    permission: str


@dataclass(frozen=True, slots=True)
class Job:
    """A task that may be asked for: what it takes, and who may ask."""

    task: str
    title: str
    permission: str
    arguments: Mapping[str, str] = field(default_factory=dict)  # name -> help text
    singleton: bool = False  # at most one queued or running at a time
    required: frozenset[str] = frozenset()  # arguments without a default
    max_attempts: int = 4  # 1: never tried again by itself
    body: Callable[..., Mapping[str, object] | None] | None = None  # (run, **arguments)


checks: dict[str, Check] = {}
panels: dict[str, Panel] = {}
gauges: dict[str, Gauge] = {}
tables: dict[str, TableFunction] = {}
responses: dict[str, Response] = {}
jobs: dict[str, Job] = {}
followers: dict[str, tuple[str, ...]] = {}


def _once(shelf: dict[str, Any], name: str, thing: object) -> None:
    if name in shelf:
        raise ValueError(f"{name!r} is registered twice")
    shelf[name] = thing


def check(kind: str, *, every: timedelta) -> Callable[[CheckFunction], CheckFunction]:
    def register(function: CheckFunction) -> CheckFunction:
        _once(checks, kind, Check(kind, function, every))
        return function

    return register


def panel(
    name: str, *, title: str, template: str, order: int, width: int = 12
) -> Callable[[ContextFunction], ContextFunction]:
    def register(function: ContextFunction) -> ContextFunction:
        _once(panels, name, Panel(name, title, template, function, order, width))
        return function

    return register


def gauge(
    name: str, *, help: str, kind: str = "gauge"
) -> Callable[[SampleFunction], SampleFunction]:
    """Offer a figure; a histogram's samples are cumulative, with a label "le" each.

    Its bounds are texts that end with "+Inf"; a sample with "le" "sum" is the sum of all.
    """

    def register(function: SampleFunction) -> SampleFunction:
        _once(gauges, name, Gauge(name, help, function, kind))
        return function

    return register


def table(name: str) -> Callable[[TableFunction], TableFunction]:
    """Offer a table for the status command: rows of the same columns, ready for JSON."""

    def register(function: TableFunction) -> TableFunction:
        _once(tables, name, function)
        return function

    return register


def response(
    name: str, *, title: str, kinds: Iterable[str], permission: str
) -> Callable[[Callable[..., str]], Callable[..., str]]:
    def register(function: Callable[..., str]) -> Callable[..., str]:
        _once(responses, name, Response(name, title, frozenset(kinds), function, permission))
        return function

    return register


def job(
    task: str,
    *,
    title: str,
    permission: str,
    arguments: Mapping[str, str] | None = None,
    singleton: bool = False,
    required: Iterable[str] = (),
    max_attempts: int = 4,
    body: Callable[..., Mapping[str, object] | None] | None = None,
) -> None:
    """Offer a task by its dotted name to schedule, admin, API and commands."""
    offered = Job(
        task=task,
        title=title,
        permission=permission,
        arguments=arguments or {},
        singleton=singleton,
        required=frozenset(required),
        max_attempts=max_attempts,
        body=body,
    )
    _once(jobs, task, offered)


def follow(task: str, *, with_tasks: Iterable[str]) -> None:
    """Ask for ``with_tasks`` as soon as a run of ``task`` succeeded and found something to do."""
    followers[task] = tuple(with_tasks)
