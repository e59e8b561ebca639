"""PostgreSQL and Valkey out of wheels; ``config.engines`` is the face of this package."""
