"""Where real data lies: no part of the product, so whoever has some names its folder."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("REAL_DATA_DIR") or "unnamed")
