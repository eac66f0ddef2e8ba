"""Reads from a crate's text which of its files import from which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rust_tokens import DEFINED, NAME, TEST_MOD, Token, read, texts


class Mention(NamedTuple):
    """A path in a file, as it is written."""

    path: tuple[str, ...]
    line: int


@dataclass(eq=False)
class Module:
    """A file, or an inline module within one."""

    file: Path
    name: str
    parent: Module | None = None
    is_test: bool = False
    children: dict[str, Module] = field(default_factory=dict)
    """In the order of their `mod` lines."""
    uses: dict[str, Mention] = field(default_factory=dict)
    """The names that `use` brings in."""
    reexports: list[tuple[str, Mention]] = field(default_factory=list)
    globs: list[Mention] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)
    """Every name outside `use`, and the line where it is first read."""
    defined: set[str] = field(default_factory=set)

    @property
    def line_up(self) -> list[Module]:
        """The modules from the crate's root down to this one."""
        return [*(self.parent.line_up if self.parent else ()), self]

    def within(self, other: Module) -> bool:
        return other in self.line_up

    def all(self) -> Iterator[Module]:
        yield self
        for child in self.children.values():
            yield from child.all()


class Import(NamedTuple):
    """That one module reads a name of another file."""

    module: Module
    line: int
    path: str
    target: Module | None
    """The module that defines the name; none if that is not in the crate."""
    through: list[Module]
    """The modules whose `use` led there."""
    counts: bool
    """Not for a re-export of one's own child, unless the file reads that name itself."""


# --- from tokens to modules -------------------------------------------------------------------


def read_crate(root: Path) -> Module:
    return read_file(Module(root, root.stem))


def read_file(module: Module) -> Module:
    """Reads a file and those that its `mod` lines name."""
    code = read(module.file)
    scopes = [module]
    at = 0
    while at < len(code):
        at = read_token(code, at, scopes)
    return module


def read_token(code: list[Token], at: int, scopes: list[Module]) -> int:
    """Reads what begins here, and answers where the next thing begins."""
    text = code[at].text
    scope = scopes[-1]
    follows = texts(code, at + 1, 2)
    if text in ("mod", TEST_MOD) and len(follows) == 2 and follows[1] in (";", "{"):
        child = Module(scope.file, follows[0], scope, scope.is_test or text == TEST_MOD)
        scope.children[follows[0]] = child
        if follows[1] == ";":
            child.file = file_of(child)
            read_file(child)
        else:
            scopes.append(child)
        return at + 3
    if text == "use" and follows[:1] != ["<"]:
        return read_use(code, at, scope)
    if text == "{":
        scopes.append(scope)
    elif text == "}" and len(scopes) > 1:
        scopes.pop()
    elif NAME.fullmatch(text):
        return read_path(code, at, scope)
    if text == "macro_rules":
        scope.defined.update(follows[1:2])
    return at + 1


def file_of(module: Module) -> Path:
    """The file of `mod name;`."""
    parent = module.parent
    assert parent is not None
    inline: list[str] = []
    while parent.parent and parent.parent.file == parent.file:
        inline.insert(0, parent.name)
        parent = parent.parent
    stem = parent.file.parent
    if parent.parent and parent.file.name != "mod.rs":
        stem = stem / parent.file.stem
    stem = stem.joinpath(*inline, module.name)
    alone = stem.with_name(f"{stem.name}.rs")
    return alone if alone.is_file() else stem / "mod.rs"


def read_path(code: list[Token], at: int, scope: Module) -> int:
    text, line = code[at]
    previous = texts(code, max(at - 1, 0), 1) if at else []
    if previous and previous[0] in DEFINED:
        scope.defined.add(text)
    if previous != ["."]:
        scope.words.setdefault(text, line)
    path = [text]
    end = at + 1
    while texts(code, end, 1) == ["::"] and end + 1 < len(code):
        if not NAME.fullmatch(code[end + 1].text):
            break
        path.append(code[end + 1].text)
        end += 2
    is_rest = previous in (["::"], ["."])
    is_visibility = texts(code, at - 3, 3) == ["pub", "(", "in"]
    if len(path) > 1 and not is_rest and not is_visibility:
        scope.mentions.append(Mention(tuple(path), line))
    return end


def read_use(code: list[Token], at: int, scope: Module) -> int:
    is_public = at > 0 and (code[at - 1].text == "pub" or is_after_visibility(code, at))
    for bound, mention in use_tree(code, [at + 1], ()):
        if bound == "*":
            scope.globs.append(Mention(mention.path[:-1], mention.line))
        elif bound != "_":
            scope.uses[bound] = mention
        if is_public:
            scope.reexports.append((bound, mention))
        else:
            scope.mentions.append(mention)
    while at < len(code) and code[at].text != ";":
        at += 1
    return at + 1


def is_after_visibility(code: list[Token], at: int) -> bool:
    """Whether `pub(…)` stands before this place."""
    before = texts(code, max(at - 8, 0), min(at, 8))
    if before[-1:] != [")"] or "(" not in before:
        return False
    opened = len(before) - 1 - before[::-1].index("(")
    return opened > 0 and before[opened - 1] == "pub"


def use_tree(
    code: list[Token], at: list[int], prefix: tuple[str, ...]
) -> Iterator[tuple[str, Mention]]:
    """The names that a tree of `use` binds, with their paths. Moves `at[0]` on."""
    path = prefix
    line = code[at[0]].line
    while True:
        text, line = code[at[0]]
        if text == "{":
            at[0] += 1
            while code[at[0]].text != "}":
                yield from use_tree(code, at, path)
                if code[at[0]].text == ",":
                    at[0] += 1
            at[0] += 1
            return
        if text == "::":
            path = path or ("::",)
        elif not (text == "self" and path):
            path = (*path, text)
        at[0] += 1
        if text == "*" or (text != "::" and code[at[0]].text != "::"):
            break
    bound = path[-1]
    if code[at[0]].text == "as":
        bound = code[at[0] + 1].text
        at[0] += 2
    yield bound, Mention(path, line)


# --- from modules to imports ------------------------------------------------------------------


def imports(root: Module) -> Iterator[Import]:
    """What each file reads of other files of its crate."""
    for module in root.all():
        if module.is_test or "tests" in module.file.parts[len(root.file.parent.parts) :]:
            continue
        for mention in module.mentions:
            yield from resolved(module, mention)
        for name, mention in module.reexports:
            yield from reexported(module, name, mention)


def reexported(module: Module, name: str, mention: Mention) -> Iterator[Import]:
    for found in resolved(module, mention):
        is_own = found.target is not None and found.target.within(module)
        line = module.words.get(name, 0)
        yield found._replace(line=line or found.line, counts=not is_own or line > 0)


def resolved(module: Module, mention: Mention) -> Iterator[Import]:
    """The import that a path is, if it leads out of its file."""
    start = begin(module, mention.path, "")
    if start is None:
        return
    via: list[tuple[Module, str]] = []
    target = follow(*start, via)
    known = passed_by_alias(module, mention.path[0])
    through = [at for at, _ in via if at.file != module.file and at not in known]
    if through or (target is not None and target.file != module.file):
        path = "::".join(mention.path)
        yield Import(module, mention.line, path, target, through, counts=True)


def passed_by_alias(module: Module, name: str) -> list[Module]:
    """The modules that the file's own `use` of this name goes through: told once, at the `use`."""
    via: list[tuple[Module, str]] = []
    if name in module.uses and name not in module.children:
        start = begin(module, module.uses[name].path, name)
        if start:
            follow(*start, via)
    return [at for at, _ in via]


def begin(module: Module, path: tuple[str, ...], bound: str) -> tuple[Module, list[str]] | None:
    """The module where a path starts and what is left of it; none if it leads out of the crate."""
    at: Module | None = module
    rest = list(path)
    if rest[0] == "crate":
        return module.line_up[0], rest[1:]
    if rest[0] in ("self", "super"):
        while at and rest and rest[0] in ("self", "super"):
            at = at.parent if rest[0] == "super" else at
            rest = rest[1:]
        return (at, rest) if at else None
    is_known = rest[0] in module.children or (rest[0] in module.uses and rest[0] != bound)
    return (module, rest) if is_known else None


def follow(at: Module, rest: list[str], via: list[tuple[Module, str]]) -> Module | None:
    """The module that defines what a path names; `via` collects the `use`s that led there."""
    while rest:
        name = rest[0]
        if name in at.children:
            at, rest = at.children[name], rest[1:]
        elif name in at.uses and (at, name) not in via and name not in at.defined:
            via.append((at, name))
            start = begin(at, at.uses[name].path, name)
            if start is None:
                return None
            at, rest = start[0], start[1] + rest[1:]
        else:
            return by_glob(at, name, via) or at
    return at


def by_glob(at: Module, name: str, via: list[tuple[Module, str]]) -> Module | None:
    """The module that a name comes from by `use module::*`."""
    if name in at.defined:
        return None
    for glob in at.globs:
        start = begin(at, glob.path, "")
        source = follow(*start, []) if start else None
        if source and name in source.defined:
            via.append((at, name))
            return source
    return None
