"""A hook of MkDocs: the order of the guide's pages, the same in both languages."""

from pathlib import Path
from typing import Any

PAGES = (
    "index",
    "update",
    "many-updates",
    "from-a-sheet",
    "more-than-one-machine",
    "labels",
    "sign-in",
    "quota",
    "calls",
    "errors",
    "testing",
    "python",
    "node",
    "rust",
    "api-facts",
    "platforms",
)


def on_config(config: Any) -> Any:
    """Lists the pages that are there; each has its title from its first heading."""
    here = {page.stem for page in Path(config.docs_dir).glob("*.md")}
    if unlisted := here - set(PAGES):
        raise SystemExit(f"pages that nav.py does not list: {', '.join(sorted(unlisted))}")
    config.nav = [f"{page}.md" for page in PAGES if page in here]
    return config
