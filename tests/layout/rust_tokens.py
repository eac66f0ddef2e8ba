"""Splits Rust's text into tokens, without comments, literals and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

IGNORED = re.compile(
    r"""//[^\n]*
      | (?:r|br|cr)(?P<hashes>\#*)".*?"(?P=hashes)
      | [bc]?"(?:\\.|[^"\\])*"
      | b?'(?:\\(?:u\{[^}]*\}|.)[^'\n]{0,2}|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
"""Line comments and literals; block comments nest, so they are found by hand."""
TOKEN = re.compile(r"\$?[A-Za-z_]\w*|::|[^\w\s]")
NAME = re.compile(r"\$?[A-Za-z_]\w*")
DEFINED = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
ITEMS = DEFINED | {"pub", "impl", "use", "mod", "extern", "unsafe", "async", "let"}
PAIRS = {"(": ")", "[": "]", "{": "}"}
TEST_MOD = "test mod"
"""Stands for the `mod` of a file of tests: no text has such a token."""


class Token(NamedTuple):
    text: str
    line: int


def read(file: Path) -> list[Token]:
    return without_tests(tokens(file.read_text(encoding="utf-8")))


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at, line = 0, 1
    while at < len(text):
        end = end_of_ignored(text, at)
        if end == at:
            token = TOKEN.match(text, at)
            if token:
                found.append(Token("crate" if token[0] == "$crate" else token[0], line))
                end = token.end()
            else:
                end = at + 1
        line += text.count("\n", at, end)
        at = end
    return found


def end_of_ignored(text: str, at: int) -> int:
    """Where the comment or the literal ends that begins here; `at` if none does."""
    if text.startswith("/*", at):
        return end_of_block(text, at)
    match = IGNORED.match(text, at)
    return match.end() if match else at


def end_of_block(text: str, at: int) -> int:
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def end_of_pair(code: list[Token], at: int) -> int:
    """The place after the bracket that closes the one at this place."""
    depth = 0
    for place in range(at, len(code)):
        if code[place].text in PAIRS:
            depth += 1
        elif code[place].text in PAIRS.values():
            depth -= 1
            if depth == 0:
                return place + 1
    return len(code)


def texts(code: list[Token], at: int, count: int) -> list[str]:
    return [token.text for token in code[at : at + count]]


def without_tests(code: list[Token]) -> list[Token]:
    """Takes away what is compiled for tests alone; files of tests stay known."""
    left: list[Token] = []
    at = 0
    while at < len(code):
        if texts(code, at, 2) != ["#", "["]:
            left.append(code[at])
            at += 1
            continue
        end = end_of_pair(code, at + 1)
        if not is_for_tests([token.text for token in code[at + 2 : end - 1]]):
            left.extend(code[at:end])
            at = end
            continue
        at = after_attributes(code, end)
        end = end_of_item(code, at)
        words = [token.text for token in code[at:end]]
        if "mod" in words and words[-1] == ";":
            name = code[end - 2]
            left += [Token(TEST_MOD, name.line), name, code[end - 1]]
        at = end
    return left


def is_for_tests(attribute: list[str]) -> bool:
    if attribute[:3] == ["cfg", "(", "test"]:
        return True
    inner = attribute[4:] if attribute[:4] == ["cfg", "(", "all", "("] else []
    return "test" in inner and not {"not", "any"} & set(inner)


def after_attributes(code: list[Token], at: int) -> int:
    while texts(code, at, 2) == ["#", "["]:
        at = end_of_pair(code, at + 1)
    return at


def end_of_item(code: list[Token], at: int) -> int:
    ends = {";"} if code[at].text in ITEMS else {";", ","}
    keyword = next((word for word in texts(code, at, 8) if word in ITEMS - {"pub"}), "")
    while at < len(code):
        text = code[at].text
        if text in ends:
            return at + 1
        if text in PAIRS.values():
            return at
        if text in PAIRS:
            at = end_of_pair(code, at)
            if text == "{" and keyword != "use":
                return at
        else:
            at += 1
    return at


def functions(file: Path) -> Iterator[tuple[str, int, int]]:
    """The name, the first line and the number of lines of each function that is no test."""
    code = read(file)
    for at, token in enumerate(code[:-1]):
        if token.text == "fn" and NAME.fullmatch(code[at + 1].text):
            end = end_of_item(code, at)
            lines = code[end - 1].line - token.line + 1
            yield code[at + 1].text, token.line, lines
