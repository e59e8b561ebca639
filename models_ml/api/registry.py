"""Who may serve: proposals and what is said of them, who served when, and what is asked for."""

from collections.abc import Callable
from typing import Any

from django.http import Http404
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_ml import models, queries
from models_ml.domain import proposals
from models_ml.services import approving, promoting, proposing
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import (
    ACTING,
    ERRORS,
    ReadOnlyResource,
    refuse_unknown,
    resource,
)

HIGHEST_ID = 2**62
PLAIN: dict[str, Any] = {"detail": True, "pagination_class": None, "filterset_class": None}


class ModelsReason(serializers.Serializer):
    """Why; it is audited."""

    reason = serializers.CharField(max_length=250)


class NewProposal(ModelsReason):
    version = serializers.IntegerField(min_value=1, max_value=HIGHEST_ID, help_text="Its id.")


class Verdict(serializers.Serializer):
    """What the token's holder says, in which role, of exactly which evidence."""

    role = serializers.ChoiceField(choices=models.Approval.Role.choices)
    evidence_sha256 = serializers.RegexField(
        "^[0-9a-f]{64}$", help_text="Of the evidence that was looked at, as the proposal tells."
    )


class Approving(Verdict):
    comment = serializers.CharField(max_length=250, default="", allow_blank=True)


class Rejecting(Verdict):
    comment = serializers.CharField(max_length=250)


class Promoting(ModelsReason):
    override = serializers.CharField(
        max_length=250,
        default="",
        allow_blank=True,
        help_text="Why outside the change window; audited.",
    )


class Standing(serializers.Serializer):
    """What still stands between a proposal and its promotion."""

    proposal = serializers.IntegerField(source="pk")
    state = serializers.CharField()
    shut = serializers.ListField(
        child=serializers.CharField(), help_text="Gates that are shut, with why."
    )
    awaited = serializers.ListField(
        child=serializers.CharField(), help_text="Roles that have not approved this evidence."
    )
    expires_at = serializers.DateTimeField()


class ProposalBase(ReadOnlyResource):
    """Proposals that a version may serve, with their evidence and the answer of every gate."""

    permissions = {
        "create": "models_ml.add_proposal",
        "approve": "models_ml.add_approval",
        "reject": "models_ml.add_approval",
        "sign": "models_ml.change_proposal",
        "weigh": "models_ml.change_proposal",
        "withdraw": "models_ml.change_proposal",
        "promote": "models_ml.change_proposal",
    }


_Proposals: Any = resource(
    models.Proposal,
    fields=[
        "id",
        "version",
        "state",
        "gates",
        "evidence",
        "evidence_sha256",
        "proposed_by",
        "proposed_at",
        "reason",
        "too_good_signed_by",
        "too_good_signed_at",
        "too_good_reason",
        "window_override_by",
        "window_override_reason",
        "closed_at",
        "closed_by",
        "outcome_note",
    ],
    texts={"pipeline": "version.pipeline.code", "number": "version.number"},
    filters={"state": ["exact"], "version": ["exact"], "version__pipeline__code": ["exact"]},
    base=ProposalBase,
)
_PROPOSAL = {200: _Proposals.serializer_class, **ACTING}


class Proposals(_Proposals):
    @extend_schema(request=NewProposal, responses={201: _Proposals.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Weigh a candidate's evidence and ask two people; the token's holder proposes it."""
        data = checked(NewProposal, request)
        made = proposing.propose(
            version_id=data["version"],
            actor=actor_of(request),
            reason=data["reason"],
            now=timezone.now(),
            user_id=user_of(request).pk,
        )
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: Standing, **ERRORS})
    @action(**PLAIN)
    def standing(self, request: Request, pk: str) -> Response:
        """Return what still stands between a proposal and its promotion."""
        refuse_unknown(request, ())
        row = self.get_object()
        asked = approving.asked(proposal=row)
        row.shut = proposals.blocking(row.gates, is_signed=bool(row.too_good_signed_by))
        row.awaited, row.expires_at = proposals.missing(asked), asked.expires_at
        return Response(Standing(row).data)

    @extend_schema(request=Approving, responses=_PROPOSAL)
    @action(**PLAIN, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Approve in one role; the person is the holder of the token, nobody that is named."""
        return self._said(request, Approving, approving.approve)

    @extend_schema(request=Rejecting, responses=_PROPOSAL)
    @action(**PLAIN, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Reject in one role, with a comment; that closes the proposal."""
        return self._said(request, Rejecting, approving.reject)

    @extend_schema(request=ModelsReason, responses=_PROPOSAL)
    @action(**PLAIN, methods=["post"])
    def sign(self, request: Request, pk: str) -> Response:
        """Sign why figures that beat the close by far are true all the same."""
        return self._done(
            request, ModelsReason, approving.sign_too_good, user_id=user_of(request).pk
        )

    @extend_schema(request=None, responses=_PROPOSAL)
    @action(**PLAIN, methods=["post"])
    def weigh(self, request: Request, pk: str) -> Response:
        """Weigh the evidence anew; what was said of the old counts no more."""
        return self._done(request, None, proposing.weigh_again)

    @extend_schema(request=ModelsReason, responses=_PROPOSAL)
    @action(**PLAIN, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Close a proposal undecided."""
        return self._done(request, ModelsReason, proposing.withdraw)

    @extend_schema(request=Promoting, responses=_PROPOSAL)
    @action(**PLAIN, methods=["post"])
    def promote(self, request: Request, pk: str) -> Response:
        """Let the version serve that two people approved."""
        data = checked(Promoting, request)
        row = self.get_object()
        if row.state != models.Proposal.State.OPEN:
            raise promoting.PromotionRefused(f"{row}: it is {row.get_state_display().lower()}")
        promoting.promote(
            version_id=row.version_id, actor=actor_of(request), now=timezone.now(), **data
        )
        return self._as_it_stands(row.pk)

    def _said(
        self, request: Request, body: type[serializers.Serializer], say: Callable[..., Any]
    ) -> Response:
        return self._done(request, body, say, user_id=user_of(request).pk)

    def _done(
        self,
        request: Request,
        body: type[serializers.Serializer] | None,
        act: Callable[..., Any],
        **known: Any,
    ) -> Response:
        data = checked(body, request) if body else {}
        key = self.get_object().pk
        act(proposal_id=key, actor=actor_of(request), now=timezone.now(), **data, **known)
        return self._as_it_stands(key)

    def _as_it_stands(self, key: int) -> Response:
        row = self.get_queryset().select_related("version__pipeline").get(pk=key)
        return Response(self.get_serializer(row).data)


def checked(body: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """Return what was sent, as this serializer reads it."""
    data = body(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _pipeline(pk: int) -> models.Pipeline:
    found = models.Pipeline.objects.filter(pk=pk).first() if pk <= HIGHEST_ID else None
    if found is None:
        raise Http404
    return found


_Periods: Any = resource(
    models.ServingPeriod,
    fields=["id", "pipeline", "version", "since", "until", "how", "proposal", "actor", "reason"],
    texts={"pipeline_code": "pipeline.code", "number": "version.number"},
    filters={
        "pipeline": ["exact"],
        "pipeline__code": ["exact"],
        "version": ["exact"],
        "how": ["exact"],
        "until": ["isnull"],
        "since": ["gte", "lt"],
    },
    orderings=["-since", "since", "-id", "id"],
)


class Served(APIView):
    """Which version served a pipeline at a moment."""

    permission = "models_ml.view_servingperiod"

    class ServedQuery(serializers.Serializer):
        at = MomentField(required=False, help_text="Now, unless told.")

    @extend_schema(parameters=[ServedQuery], responses={200: _Periods.serializer_class, **ERRORS})
    def get(self, request: Request, pk: int) -> Response:
        """Return the period in which a version served at that moment; 404 where none did."""
        refuse_unknown(request, self.ServedQuery().fields)
        asked = self.ServedQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        at = asked.validated_data.get("at") or timezone.now()
        period = queries.served_at(pipeline=_pipeline(pk), at=at)
        if period is None:
            raise Http404
        return Response(_Periods.serializer_class(period).data)


class Rollback(APIView):
    """Let the previous version serve again."""

    permission = "models_ml.change_modelversion"

    @extend_schema(request=ModelsReason, responses={200: _Periods.serializer_class, **ACTING})
    def post(self, request: Request, pk: int) -> Response:
        """Put the previous version back; what serves now is archived.  No window holds it up."""
        data = checked(ModelsReason, request)
        pipeline, now = _pipeline(pk), timezone.now()
        promoting.rollback(pipeline_id=pipeline.pk, actor=actor_of(request), now=now, **data)
        period = queries.served_at(pipeline=pipeline, at=now)
        return Response(_Periods.serializer_class(period).data)


RESOURCES: dict[str, Any] = {
    "proposals": Proposals,
    "approvals": resource(
        models.Approval,
        fields=["id", "proposal", "role", "at", "verdict", "comment", "evidence_sha256"],
        texts={"user": "user.username", "version": "proposal.version_id"},
        filters={"proposal": ["exact"], "role": ["exact"], "verdict": ["exact"]},
    ),
    "serving-periods": _Periods,
}
PATHS = [
    path("pipelines/<int:pk>/served", Served.as_view(), name="pipeline-served"),
    path("pipelines/<int:pk>/rollback", Rollback.as_view(), name="pipeline-rollback"),
]
