"""Measurements beside peers and floors in one run; no test depends on their figures."""

from monitoring import memory

memory.keep_what_is_freed()  # as the trainer and the commands that learn do
