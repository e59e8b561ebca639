"""Everything that may differ from one installation to the next, read once and typed.

Each field is a variable of the same name (upper case) in the environment or in ``.env``.
``.env.example`` documents them; a test holds the two equal.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent


class Environment(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=BASE_DIR / ".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    closingline_home: Path = Path(".local")
    closingline_environment: Literal["local", "staging", "production", "test"] = "local"
    database_url: str = ""
    redis_url: str = ""
    secret_key: SecretStr = SecretStr("")
    allowed_hosts: str = "localhost,127.0.0.1,[::1]"
    csrf_trusted_origins: str = ""
    secure_proxy: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    sentry_dsn: SecretStr = SecretStr("")
    sentry_traces_sample_rate: float = Field(default=0.0, ge=0.0, le=1.0)
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8000, ge=1, le=65535)
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    football_data_url: str = ""
    odds_api_key: SecretStr = SecretStr("")
    betfair_username: SecretStr = SecretStr("")
    betfair_password: SecretStr = SecretStr("")
    betfair_app_key: SecretStr = SecretStr("")
    betfair_certs: SecretStr = SecretStr("")
    betfair_locale: Literal["", "spain", "italy", "romania", "sweden", "new_zealand"] = ""
    betfair_url: str = ""
    betfair_betting: bool = False
    pinnacle_key: SecretStr = SecretStr("")
    simulator_enabled: bool = True
    simulator_speed: float = Field(default=360.0, gt=0, le=3600)
    metrics_token: SecretStr = SecretStr("")

    @property
    def home(self) -> Path:
        """Return the absolute folder of engines, data, artefacts and archives."""
        home = self.closingline_home.expanduser()
        return home if home.is_absolute() else BASE_DIR / home


@cache
def read() -> Environment:
    """Return this process's environment.

    Raises:
        pydantic.ValidationError: a variable is malformed; it names the variable.
    """
    return Environment()


def explain(error: ValidationError) -> str:
    """Say in one line which variables are malformed and why, without their values.

    >>> try:
    ...     Environment(web_port=0, log_level="LOUD")
    ... except ValidationError as error:
    ...     print(explain(error))
    LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'; WEB_PORT: Input should be \
greater than or equal to 1
    """
    return "; ".join(
        f"{'.'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    )
