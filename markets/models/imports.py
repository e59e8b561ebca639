"""How files of any layout are read: which column means what."""

from django.db import models

from monitoring.models import APPEND_ONLY


class ImportMapping(models.Model):
    """What the columns of files with such a name mean; a change is a new revision."""

    name = models.SlugField(max_length=50, unique=True)
    title = models.CharField(max_length=120)
    is_enabled = models.BooleanField(default=True)
    file_pattern = models.CharField(max_length=120)  # "games_*.csv"
    spec = models.JSONField()
    revision = models.PositiveIntegerField(default=1)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.title


class ImportMappingRevision(models.Model):
    """What a mapping said from one change to the next."""

    mapping = models.ForeignKey(ImportMapping, on_delete=models.PROTECT, related_name="revisions")
    revision = models.PositiveIntegerField()
    spec = models.JSONField()
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()
    reason = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mapping", "revision"], name="mapping_revision_once")
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.mapping} r{self.revision}"
