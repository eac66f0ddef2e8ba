"""Every link of the READMEs and the guide leads somewhere, and the READMEs stay short."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from blocks import FENCE, GUIDE, READMES, ROOT

HERE = "https://github.com/ikcrm-client/ikcrm/blob/main/"
PAGES = [
    *READMES,
    *GUIDE,
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "tests/README.md",
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links() -> list[tuple[Path, str]]:
    return [(page, link) for page in PAGES for link in LINK.findall(prose(page))]


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the guide name them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize(
    ("page", "link"),
    [pytest.param(page, link, id=f"{page.relative_to(ROOT)}:{link}") for page, link in links()],
)
def test_the_link_leads_somewhere(page: Path, link: str) -> None:
    if page in READMES:  # PyPI and npm show them without the repository
        assert link.startswith(("#", "https://")), "a README's links are whole"
    if link.startswith("https://") and not link.startswith(HERE):
        return
    path, _, anchor = link.removeprefix(HERE).partition("#")
    base = ROOT if link.startswith(HERE) else page.parent
    target = (base / path).resolve() if path else page
    assert target.exists(), f"{target} is not there"
    assert not anchor or unquote(anchor) in headings(target), f"{target} has no heading {anchor}"


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_come_with_the_guide(page: Path) -> None:
    """They are seen offline, and in a copy of the repository."""
    pictures = re.findall(r"!\[[^\]]*\]\((.+?)\)", prose(page))
    assert not [picture for picture in pictures if "://" in picture]


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_a_readme_is_short(readme: Path) -> None:
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_block_says_its_language_and_title_alone(page: Path) -> None:
    """The guide's generator takes anything else for text, and what follows for code."""
    opened = FENCE.findall(page.read_text(encoding="utf-8"))
    assert not [more for _, more, _ in opened if more and not re.fullmatch(r' title="[^"]+"', more)]
