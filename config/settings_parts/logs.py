"""Structured logs on standard error, with request and run ids."""

import structlog

from config.environment import read as read_environment

_ENVIRONMENT = read_environment()
_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED,
            "processor": (
                structlog.processors.JSONRenderer()
                if _ENVIRONMENT.log_format == "json"
                else structlog.dev.ConsoleRenderer(colors=False)
            ),
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": _ENVIRONMENT.log_level},
    "loggers": {"django.server": {"level": "WARNING"}},
}
structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
