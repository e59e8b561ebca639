"""The admin site's pages of this app; importing them registers them."""

from monitoring.admin import incidents, jobs, people, records, runs, schedule, thresholds

__all__ = ["incidents", "jobs", "people", "records", "runs", "schedule", "thresholds"]
