"""Hooks of MkDocs: the order of the guide's pages and its pictures, the same in both languages."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

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


def on_files(files: Any, config: Any) -> Any:
    """Adds the pictures, which stand beside the folders of the languages."""
    for picture in (Path(config.docs_dir).parent / "images").iterdir():
        uri = f"images/{picture.name}"
        files.append(File.generated(config, uri, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Finds them there; GitHub finds them where they are."""
    return markdown.replace("](../images/", "](images/")
