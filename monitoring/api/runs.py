"""Ask for a job, follow its run, call it off, ask again."""

import hashlib
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring import registry
from monitoring.desk import arguments as argument_kinds
from monitoring.models import TaskRun
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.problems import UnprocessableContent, problems
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, resource
from monitoring.services import running

KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
    location=OpenApiParameter.HEADER,
    description="The same key and body again return the run that the first request made.",
)
ASKING = {**ACTING, **problems(422)}


class RunBase(ReadOnlyResource):
    """Runs of tasks: what was asked for, by whom, how far it is, what came of it."""

    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    permissions = {"cancel": "monitoring.change_taskrun", "retry": "monitoring.add_taskrun"}


_Runs: Any = resource(
    TaskRun,
    fields=[
        "id", "task", "queue", "trigger", "actor", "arguments", "state", "attempt",
        "max_attempts", "progress_done", "progress_total", "progress_message", "created_at",
        "not_before", "started_at", "finished_at", "result", "error", "worker", "parent",
        "is_dry_run", "cancel_requested_at",
    ],
    filters={
        "task": ["exact"],
        "state": ["exact", "in"],
        "trigger": ["exact"],
        "queue": ["exact"],
        "parent": ["exact"],
        "created_at": ["gte", "lt"],
    },
    orderings=["-created_at", "created_at"],
    base=RunBase,
)  # fmt: skip
RunSerializer = _Runs.serializer_class


class Runs(_Runs):
    @extend_schema(request=None, responses={200: RunSerializer, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Call the run off: at once while it waits, at its next safe point while it works."""
        run = running.cancel_run(
            run_id=self.get_object().pk, actor=actor_of(request), now=timezone.now()
        )
        return Response(self.get_serializer(run).data)

    @extend_schema(parameters=[KEY], request=None, responses={202: RunSerializer, **ASKING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def retry(self, request: Request, pk: str) -> Response:
        """Ask again for what an ended run was asked for."""
        old = self.get_object()
        _require(request, registry.jobs.get(old.task))
        key = _run_key(request)
        run = TaskRun.objects.filter(run_key=key).first() if key else None
        run = run or running.retry_run(
            run_id=old.pk,
            actor=actor_of(request),
            now=timezone.now(),
            user=user_of(request),
            run_key=key,
        )
        if run.parent_id != old.pk:
            raise UnprocessableContent("This Idempotency-Key was used for another request.")
        return _accepted(run, request)


class Jobs(APIView):
    """The jobs that may be asked for, with what each takes."""

    permission = "monitoring.view_taskrun"

    class JobSerializer(serializers.Serializer):
        task = serializers.CharField()
        title = serializers.CharField()
        permission = serializers.CharField()
        arguments = serializers.DictField(child=serializers.CharField())
        singleton = serializers.BooleanField()

    @extend_schema(responses={200: JobSerializer(many=True), **ERRORS})
    def get(self, request: Request) -> Response:
        """List the jobs."""
        return Response(self.JobSerializer(list(registry.jobs.values()), many=True).data)


class JobRuns(APIView):
    """Ask for one run of a job."""

    permission = "monitoring.add_taskrun"

    class RunRequest(serializers.Serializer):
        arguments = serializers.DictField(child=serializers.JSONField(), default=dict)
        is_dry_run = serializers.BooleanField(default=False)

        def to_internal_value(self, data: Any) -> dict[str, Any]:
            unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
            if unknown:
                raise ValidationError(dict.fromkeys(unknown, "there is no such field"))
            return dict(super().to_internal_value(data))

    @extend_schema(
        parameters=[KEY],
        request=RunRequest,
        responses={202: RunSerializer, **ASKING},
    )
    def post(self, request: Request, task: str) -> Response:
        """Queue the job and say where its run can be followed."""
        job = registry.jobs.get(task)
        if job is None:
            raise NotFound("There is no such job.")
        _require(request, job)
        data = self.RunRequest(data=request.data)
        data.is_valid(raise_exception=True)
        asked = _checked(job, **data.validated_data)
        run = running.request_run(
            task=task,
            arguments=asked,
            is_dry_run=data.validated_data["is_dry_run"],
            trigger=TaskRun.Trigger.API,
            actor=actor_of(request),
            user=user_of(request),
            now=timezone.now(),
            run_key=_run_key(request),
        )
        if (run.task, run.arguments, run.parent_id) != (task, asked, None):
            raise UnprocessableContent("This Idempotency-Key was used for another request.")
        return _accepted(run, request)


def _checked(job: registry.Job, *, arguments: dict[str, Any], is_dry_run: bool) -> dict[str, Any]:
    """Return the arguments as the run keeps them; null means that one is left out.

    Raises:
        ValidationError: the job does not take them so; it names each one.
    """
    kinds = argument_kinds.kinds_of(job)
    given = {name: value for name, value in arguments.items() if value is not None}
    if is_dry_run:
        given["dry_run"] = True
    wrong: dict[str, str] = dict.fromkeys(given.keys() - kinds.keys(), "there is no such argument")
    wrong |= dict.fromkeys(job.required - given.keys(), "this argument is required")
    for name in given.keys() & kinds.keys():
        try:
            _check_value(given[name], kinds[name])
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise ValidationError({"arguments": wrong})
    return given


def _check_value(value: Any, kind: type) -> None:
    """Raise ValueError, saying what is expected, where JSON's value is none of that kind."""
    if kind is bool or isinstance(value, bool):
        if kind is not bool or not isinstance(value, bool):
            raise ValueError("true or false is expected" if kind is bool else "no true or false")
    elif kind is int:
        if not isinstance(value, int) or abs(value) >= 2**63:
            raise ValueError("a whole number is expected")
    elif kind is float:
        if not isinstance(value, int | float):
            raise ValueError("a number is expected")
    elif kind in (list, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
            raise ValueError("a list is expected")
    elif not isinstance(value, str) or len(value) > 1_000:
        raise ValueError("a text of at most 1000 characters is expected")
    else:
        argument_kinds.read(value, kind)


def _require(request: Request, job: registry.Job | None) -> None:
    if job is None or not request.user.has_perm(job.permission):
        raise PermissionDenied("You may not ask for this job.")


def _run_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 200 or not all("!" <= letter <= "~" for letter in key):
        raise ValidationError({"Idempotency-Key": "1 to 200 visible ASCII characters are expected"})
    digest = hashlib.sha256(f"{request.user.pk}:{key}".encode()).hexdigest()
    return f"api:{digest}"


def _accepted(run: TaskRun, request: Request) -> Response:
    url = request.build_absolute_uri(reverse("api:run-detail", args=[run.pk]))
    data = RunSerializer(run, context={"request": request}).data
    return Response(data, status=status.HTTP_202_ACCEPTED, headers={"Location": url})
