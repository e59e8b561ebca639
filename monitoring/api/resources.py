"""The desk's read side: runs, incidents and who did what."""

from monitoring import models
from monitoring.rest.resources import ReadOnlyResource, resource

TIME = ("gte", "lt")

RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "incident-entries": resource(
        models.IncidentEntry,
        fields=["id", "incident", "at", "actor", "what", "text"],
        filters={"incident": ["exact"], "what": ["exact"]},
    ),
    "audit-entries": resource(
        models.AuditEntry,
        fields=["id", "at", "actor", "action", "subject", "detail"],
        filters={"subject": ["exact"], "actor": ["exact"], "action": ["exact"], "at": TIME},
        orderings=["-at", "at", "-id", "id"],
    ),
    "heartbeats": resource(models.Heartbeat, fields=["id", "name", "at", "detail"]),
}
