"""REST framework, tokens and the OpenAPI document."""

from datetime import timedelta

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "monitoring.rest.access.ScopedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["monitoring.rest.access.Allowed"],
    "DEFAULT_RENDERER_CLASSES": ["monitoring.rest.rendering.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["monitoring.rest.parsing.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
}
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Closing Line",
    "DESCRIPTION": "Prices, models, bets, settlements, runs and incidents of one installation.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "MarketKind": "markets.models.Market.Kind",
        "BookKind": "markets.models.Book.Kind",
        "BankrollKind": "betting.models.Bankroll.Kind",
        "AccountKind": "settlements.models.LedgerAccount.Kind",
        "TransferKind": "settlements.models.LedgerTransfer.Kind",
        "EventStatus": "markets.models.Event.Status",
        "ResultStatus": "markets.models.Result.Status",
        "BetStatus": "betting.models.Bet.Status",
        "OutsideOrderSide": "betting.models.OutsideOrder.Side",
        "LimitDimension": "betting.models.Limit.Dimension",
        "GroupKind": "betting.models.ParticipantGroup.Kind",
        "BetOrderState": "betting.models.Bet.OrderState",
        "Phase": "betting.models.Strategy.Phase",
        "PhaseChangeState": "betting.models.PhaseChange.State",
        "FetchState": "markets.models.Fetch.State",
        "RunState": "monitoring.models.TaskRun.State",
        "IncidentState": "monitoring.models.Incident.State",
        "SelectionRole": "markets.models.Selection.Role",
        "ApprovalRole": "models_ml.models.Approval.Role",
        "ProposalState": "models_ml.models.Proposal.State",
        "LookState": "models_ml.models.StageLook.State",
        "SearchState": "models_ml.models.Search.State",
        "TrialState": "models_ml.models.SearchTrial.State",
        "ExperimentState": "models_ml.models.Experiment.State",
        "StoreFileState": "models_ml.models.StoreFile.State",
    },
}
