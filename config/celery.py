"""The Celery application, and what every worker does beside running tasks."""

import os

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("closingline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

from config.worker import Sweeper, begin_child  # noqa: E402

app.steps["worker"].add(Sweeper)
worker_process_init.connect(begin_child, dispatch_uid="config.worker.begin_child")
