"""What the engines' tests share with the quota's: servers and their settings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "quota"))
