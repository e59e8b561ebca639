"""Django's settings, made from ``config.environment``; nothing here reads the environment."""

import gc
from urllib.parse import unquote, urlsplit

from config import engines
from config.environment import BASE_DIR
from config.environment import read as read_environment

# Until all is imported (config.apps): looking for garbage in it takes a sixth of a start.
gc.disable()

ENVIRONMENT = read_environment()
CLOSINGLINE_HOME = ENVIRONMENT.home
ENVIRONMENT_NAME = ENVIRONMENT.closingline_environment
IS_PRODUCTION = ENVIRONMENT_NAME in ("staging", "production")

SECRET_KEY = ENVIRONMENT.secret_key.get_secret_value() or engines.local_secret(CLOSINGLINE_HOME)
DEBUG = False
ALLOWED_HOSTS = [host.strip() for host in ENVIRONMENT.allowed_hosts.split(",") if host.strip()]
CSRF_TRUSTED_ORIGINS = [
    origin.strip() for origin in ENVIRONMENT.csrf_trusted_origins.split(",") if origin.strip()
]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.desk.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "pgtrigger",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_structlog",
    "monitoring",
    "markets",
    "models_ml",
    "betting",
    "settlements",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.request_log.RequestLog",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_USER_MODEL = "monitoring.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
KNOX_TOKEN_MODEL = "monitoring.ApiToken"
MIGRATION_MODULES = {"knox": None}  # its own token table is replaced by ours
LOGIN_URL = "admin:login"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _database(url: str) -> dict[str, object]:
    """Read ``postgresql://user:password@host:port/name?host=/socket/folder``."""
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", parts.hostname or "")),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "closingline",
            "prepare_threshold": 5,  # the ORM's cursors never prepare: monitoring.prepared does
            "options": (
                "-c statement_timeout=30s -c lock_timeout=5s"
                " -c idle_in_transaction_session_timeout=60s"
            ),
        },
    }


DATABASES = {
    "default": _database(ENVIRONMENT.database_url or engines.database_url(CLOSINGLINE_HOME))
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

STATIC_URL = "/static/"
STATIC_ROOT = CLOSINGLINE_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# In the session and nowhere else: looking for a signed cookie costs every request a tenth.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
WHITENOISE_USE_FINDERS = True
# Looks for a file when it is asked for: each client of a test would otherwise read the whole tree.
WHITENOISE_AUTOREFRESH = ENVIRONMENT_NAME == "test"

ARCHIVE_DIR = CLOSINGLINE_HOME / "archive"
ARTEFACT_DIR = CLOSINGLINE_HOME / "artefacts"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PRODUCTION
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PRODUCTION
if ENVIRONMENT.secure_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REDIS_URL = ENVIRONMENT.redis_url or engines.redis_url(CLOSINGLINE_HOME)

from config.settings_parts import sentry as _sentry  # noqa: E402, F401
from config.settings_parts.api import *  # noqa: E402, F403
from config.settings_parts.logs import *  # noqa: E402, F403
from config.settings_parts.queue import *  # noqa: E402, F403
from config.settings_parts.site import *  # noqa: E402, F403
