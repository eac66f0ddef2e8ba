"""The blocks of code in both READMEs and in the guide."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
GUIDE = sorted((ROOT / "crates/ikcrm/docs").glob("*/*.md"))

SHOWN = {"console", "dockerfile", "html", "ini", "json", "sql", "text", "yaml"}
"""Languages that are only shown."""

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|\s+)(?:#|//) .*$", re.MULTILINE)


class Block(NamedTuple):
    """A block, and where it stands. One with a title is a file of a larger program."""

    language: str
    title: str
    code: str
    where: str


def blocks() -> list[Block]:
    """All blocks that are code, each once: the pages of two languages differ in comments only."""
    found: dict[tuple[str, str], Block] = {}
    for page in READMES + GUIDE:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            language, title, code = match.groups()
            line = text.count("\n", 0, match.start()) + 1
            block = Block(language, title.strip(), code, f"{page.relative_to(ROOT)}:{line}")
            if language not in SHOWN:
                found.setdefault((language, COMMENT.sub("", code)), block)
    return list(found.values())


def of(language: str) -> list[Block]:
    """The blocks of a language that are whole programs."""
    return [block for block in blocks() if block.language == language and not block.title]
