"""Measurements beside peers and floors in one run; no test depends on their figures."""

import config  # noqa: F401  # memory is handed out as in the product's processes
