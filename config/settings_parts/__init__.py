"""Parts of the settings that tell a story of their own; ``config.settings`` joins them."""
