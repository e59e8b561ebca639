"""What every admin page of this product shares: chips, links, sections, confirmed actions.

Part of monitoring's face, as ``monitoring.commands`` is: each app's ``admin.py`` builds on it.
"""
