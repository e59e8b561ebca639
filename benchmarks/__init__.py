"""Measurements beside peers and floors in one run; no test depends on their figures."""
