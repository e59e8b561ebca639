"""Imported by worker and beat processes of these tests: what no setting makes quicker."""

from monitoring.services import beating

beating.LEASE = "6 seconds"
