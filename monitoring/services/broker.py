"""What the broker says of itself.  The queue of record is PostgreSQL; this is its postman."""

from dataclasses import dataclass

import redis
from django.conf import settings

TIMEOUT = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class BrokerState:
    reachable: bool
    error: str = ""
    version: str = ""
    policy: str = ""  # what it does when its memory is full
    append_only: bool = False
    depths: dict[str, int] | None = None  # messages waiting, by queue

    @property
    def problems(self) -> list[str]:
        """Return what makes this broker lose messages, in words."""
        if not self.reachable:
            return [f"the broker does not answer: {self.error}"]
        found = []
        if self.policy != "noeviction":
            found.append(f"maxmemory-policy is {self.policy}: it may drop messages unasked")
        if not self.append_only:
            found.append("appendonly is off: a restart forgets every message")
        return found


def look() -> BrokerState:
    """Ask the broker; an unreachable one is an answer, not an error."""
    client = _client()
    try:
        info = client.info("server")
        return BrokerState(
            reachable=True,
            version=str(info.get("valkey_version") or info.get("redis_version", "")),
            policy=_setting(client, "maxmemory-policy"),
            append_only=_setting(client, "appendonly") == "yes",
            depths=_depths(client),
        )
    except redis.RedisError as error:
        return BrokerState(reachable=False, error=str(error))
    finally:
        client.close()


def depths() -> dict[str, int] | None:
    """Return how many messages wait in each queue, or None where the broker is away."""
    client = _client()
    try:
        return _depths(client)
    except redis.RedisError:
        return None
    finally:
        client.close()


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        decode_responses=True,
    )


def _depths(client: redis.Redis) -> dict[str, int]:
    pipeline = client.pipeline(transaction=False)
    for queue in settings.QUEUES:
        pipeline.llen(queue)
    return dict(zip(settings.QUEUES, map(int, pipeline.execute()), strict=True))


def _setting(client: redis.Redis, name: str) -> str:
    """Return a setting, or "unknown" where the broker does not show its settings."""
    try:
        return str(client.config_get(name).get(name, "unknown"))
    except redis.ResponseError:
        return "unknown"
