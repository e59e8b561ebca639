"""The programs that a strategy's row may name, each with its own parameters."""
