"""Structured logs on standard error, with request and run ids."""

import structlog

from config.environment import read as read_environment

_ENVIRONMENT = read_environment()
_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Plain tracebacks: the console's own would print every local variable, secrets included.
_FOR_PEOPLE: list[structlog.typing.Processor] = [
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
]
_FOR_COLLECTORS: list[structlog.typing.Processor] = [
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_FOR_COLLECTORS if _ENVIRONMENT.log_format == "json" else _FOR_PEOPLE),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": _ENVIRONMENT.log_level},
    "loggers": {
        "django.server": {"level": "WARNING"},
        # "received" and "succeeded" for every task: the runs in the database say it better.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        # Every request: for a collector, not for whoever looks at `make up`.
        "django_structlog": {
            "level": _ENVIRONMENT.log_level if _ENVIRONMENT.log_format == "json" else "WARNING"
        },
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
