"""Celery: the message is a hint, the ``TaskRun`` row is the truth (docs/decisions)."""

from datetime import timedelta
from urllib.parse import urlsplit

from kombu import Exchange, Queue

from config import engines
from config.environment import read as read_environment

_ENVIRONMENT = read_environment()
_URL = _ENVIRONMENT.redis_url or engines.redis_url(_ENVIRONMENT.home)

QUEUES = ("ingest", "predict", "execute", "settle", "train", "ops")
CELERY_BROKER_URL = (
    _URL.replace("unix://", "redis+socket://", 1) if urlsplit(_URL).scheme == "unix" else _URL
)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
# Named exchange and key: a bare Queue(name) would bind every queue to the default queue's key,
# and each message would be delivered to all of them.
CELERY_TASK_QUEUES = [Queue(name, Exchange("closingline"), routing_key=name) for name in QUEUES]
CELERY_TASK_DEFAULT_QUEUE = "ops"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TRACK_STARTED = False
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 270, 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False  # it would sleep all 30 seconds for nothing
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "retry_on_timeout": True,
}
CELERY_BEAT_SCHEDULER = "config.beat:RecordedScheduler"
CELERY_RESULT_EXPIRES = None  # no results are kept, so beat needs no row to expire them
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_CRON_STARTING_DEADLINE = 3600
DJANGO_CELERY_BEAT_TZ_AWARE = True

CELERY_TASK_ROUTES = {
    "markets.*": {"queue": "ingest"},
    "models_ml.tasks.train*": {"queue": "train"},
    "models_ml.tasks.run_etl": {"queue": "train"},
    "models_ml.tasks.put_away": {"queue": "train"},
    "models_ml.tasks.verify_store": {"queue": "train"},
    "models_ml.tasks.replay_interval": {"queue": "train"},
    "models_ml.tasks.drift*": {"queue": "train"},
    "models_ml.tasks.evaluate*": {"queue": "train"},
    "settlements.tasks.replay*": {"queue": "train"},
    "settlements.tasks.rebuild*": {"queue": "train"},
    "settlements.tasks.refresh*": {"queue": "ops"},
    "settlements.tasks.backtest*": {"queue": "train"},
    "settlements.tasks.make_report": {"queue": "ops"},
    "models_ml.*": {"queue": "predict"},
    "betting.*": {"queue": "execute"},
    "settlements.*": {"queue": "settle"},
    "monitoring.*": {"queue": "ops"},
}

SWEEP_EVERY = timedelta(seconds=5)
PUBLISH_AGAIN_AFTER = timedelta(seconds=15)
RUN_RETENTION = timedelta(days=30)
IDLE_RUN_RETENTION = timedelta(hours=24)
