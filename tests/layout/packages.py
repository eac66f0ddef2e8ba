"""Reads from the text of Python and Node packages which of their files import from which."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# --- Python -----------------------------------------------------------------------------------


def python_imports(package: Path) -> Iterator[tuple[Path, int, Path]]:
    """Each import of a package's file from another; those for type checkers do not count."""
    for file in sorted(package.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        parts = file.relative_to(package.parent).parent.parts
        for line, name in imported_names(tree, parts):
            target = python_file(package, name)
            if target and target != file:
                yield file, line, target


def imported_names(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """The line and the full name of each thing that is imported when the code runs."""
    if isinstance(node, ast.If) and is_type_checking(node.test):
        for statement in node.orelse:
            yield from imported_names(statement, package)
        return
    if isinstance(node, ast.Import):
        for name in node.names:
            yield node.lineno, name.name
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join((*base, *([node.module] if node.module else [])))
        for name in node.names:
            yield node.lineno, f"{module}.{name.name}"
    for child in ast.iter_child_nodes(node):
        yield from imported_names(child, package)


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def python_file(package: Path, name: str) -> Path | None:
    """The file that defines a name of the package; none for other packages and native modules."""
    parts = name.split(".")
    if parts[0] != package.name:
        return None
    stem = package
    for part in parts[1:]:
        if (stem / f"{part}.py").is_file():
            return stem / f"{part}.py"
        if (stem / f"{part}.pyi").is_file():
            return None
        if not (stem / part).is_dir():
            break
        stem = stem / part
    return stem / "__init__.py"


# --- Node -------------------------------------------------------------------------------------

NODE_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)
      | (?P<word>[A-Za-z_$][\w$]*)
      | (?P<mark>[^\s\w])""",
    re.DOTALL | re.VERBOSE,
)


def node_files(folder: Path) -> list[Path]:
    files = [*folder.glob("*.js"), *(folder / "src").rglob("*.ts")]
    return sorted(file for file in files if not file.name.endswith(".d.ts"))


def node_imports(files: list[Path]) -> Iterator[tuple[Path, int, Path]]:
    """Each import of a file from another; those of types alone do not count."""
    for file in files:
        for line, specifier in specifiers(file.read_text(encoding="utf-8")):
            target = node_file(file, specifier)
            if target in files and target != file:
                yield file, line, target


def specifiers(text: str) -> Iterator[tuple[int, str]]:
    """The line and the text of each module that is loaded when the code runs."""
    code = [
        (token[0], text.count("\n", 0, token.start()) + 1)
        for token in NODE_TOKEN.finditer(text)
        if token.lastgroup != "comment"
    ]
    for at, (token_text, line) in enumerate(code):
        if token_text[0] in "'\"`" and is_loaded(code, at):
            yield line, token_text[1:-1]


def is_loaded(code: list[tuple[str, int]], at: int) -> bool:
    """Whether the literal at this place names a module that is loaded when the code runs."""
    words = [word for word, _ in code[max(at - 2, 0) : at]]
    if words[-1:] == ["from"]:
        return not is_type_only(clause(code, at))
    return words[-1:] == ["import"] or words in (["require", "("], ["import", "("])


def clause(code: list[tuple[str, int]], at: int) -> list[str]:
    """The words between `import` or `export` and `from`."""
    words: list[str] = []
    for word, _ in reversed(code[: at - 1]):
        if word in ("import", "export"):
            break
        words.insert(0, word)
    return words


def is_type_only(words: list[str]) -> bool:
    """`type A`, `type { A }`, or `{ type A, type B }`; `type` alone is a name."""
    if words[:1] == ["type"] and len(words) > 1 and words[1] != ",":
        return True
    if words[:1] != ["{"]:
        return False
    names = " ".join(words[1:-1]).split(",")
    return all(re.match(r"type (?!as )", name.strip()) for name in names if name.strip())


def node_file(file: Path, specifier: str) -> Path | None:
    if not specifier.startswith("."):
        return None
    target = Path(file.parent, specifier).resolve()
    stem = target.with_suffix("") if target.suffix in (".js", ".ts") else target
    for known in (stem.with_suffix(".ts"), stem.with_suffix(".js"), stem / "index.ts"):
        if known.is_file():
            return known
    return None
