"""The product's settings with a sweeper that hurries, for worker processes of these tests."""

from datetime import timedelta

from config.settings import *  # noqa: F403

SWEEP_EVERY = timedelta(seconds=0.5)
PUBLISH_AGAIN_AFTER = timedelta(seconds=2)
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3
CELERY_IMPORTS = ["tests.faults.hurry", "tests.faults.probe_tasks"]
