"""Reads the imports of the whole repository: they point down, and there is no cycle.

`python3 test_layout.py --report` counts instead.
"""

from __future__ import annotations

import re
import sys
import unittest
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import packages
import rust
import rust_tokens

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "crates/ikcrm/src/lib.rs"
CRATES = [
    ROOT / "crates/ikcrm-sandbox/src/lib.rs",
    ROOT / "crates/ikcrm-sandbox/src/main.rs",
    ROOT / "bindings/node/src/lib.rs",
    ROOT / "bindings/python/src/lib.rs",
]
INSIDE = re.compile(r"""["'`][^"'`\n]*crates/ikcrm/src[^"'`\n]*["'`]""")

Edges = dict[tuple[Path, Path], int]
"""Which file imports from which, and the line where it first does."""


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name


# --- what is wrong ----------------------------------------------------------------------------


def edges_of(found: Iterable[tuple[Path, int, Path]]) -> Edges:
    edges: Edges = {}
    for source, line, target in found:
        edges[source, target] = min(line, edges.get((source, target), line))
    return edges


def crate_edges(root: rust.Module) -> Edges:
    return edges_of(
        (found.module.file, found.line, found.target.file)
        for found in rust.imports(root)
        if found.counts and found.target and found.target.file != found.module.file
    )


def cycles(edges: Edges) -> list[list[Path]]:
    """The groups of files of which each reaches each other."""
    targets = defaultdict(set)
    for source, target in edges:
        targets[source].add(target)
    reached = {file: reach(file, targets) for file in targets}
    groups: list[list[Path]] = []
    for file in sorted(reached):
        group = sorted(other for other in reached[file] if file in reached.get(other, ()))
        if group and group not in groups:
            groups.append(group)
    return groups


def reach(file: Path, targets: dict[Path, set[Path]]) -> set[Path]:
    found: set[Path] = set()
    left = [file]
    while left:
        new = targets.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


def told_cycles(edges: Edges) -> list[str]:
    """Every import that belongs to a cycle."""
    return [
        f"{shown(source)}:{line} imports {shown(target)}, in a cycle of {len(group)} files"
        for group in cycles(edges)
        for (source, target), line in sorted(edges.items())
        if source in group and target in group
    ]


def upward(root: rust.Module) -> list[str]:
    """Imports of a module whose `mod` line stands above, on any level."""
    told: dict[tuple[str, str], str] = {}
    for found in rust.imports(root):
        pair = siblings(found.module, found.target) if found.target else None
        if pair is None or found.target is None:
            continue
        upper, lower, order = pair
        if order.index(upper.name) > order.index(lower.name):
            source, target = shown(found.module.file), shown(found.target.file)
            order_told = f"`mod {lower.name}` stands above `mod {upper.name}`"
            line = f"{source}:{found.line} imports {target}, but {order_told}"
            told.setdefault((source, target), line)
    return sorted(told.values())


def siblings(
    source: rust.Module, target: rust.Module
) -> tuple[rust.Module, rust.Module, list[str]] | None:
    """The files on the way to both that differ but have one parent, and its order."""
    for ours, theirs in zip(source.line_up, target.line_up, strict=False):
        if ours is not theirs and ours.parent:
            is_inline = ours.parent.file in (ours.file, theirs.file)
            return None if is_inline else (ours, theirs, list(ours.parent.children))
    return None


def roundabout(root: rust.Module) -> list[str]:
    """Imports from `lib.rs`, from one's own folder's face, or by another's re-export."""
    told = set()
    for found in rust.imports(root):
        place = f"{shown(found.module.file)}:{found.line}: `{found.path}`"
        where = shown(found.target.file) if found.target else "its own crate"
        if found.module is not root and is_of_root(found, root):
            told.add(f"{place} stands in {shown(root.file)}; move it to a module")
            continue
        for face in found.through:
            is_foreign = found.target is not None and not found.target.within(face)
            if found.module is not root and (found.module.within(face) or is_foreign):
                told.add(f"{place} goes through {shown(face.file)}; import from {where}")
    return sorted(told)


def is_of_root(found: rust.Import, root: rust.Module) -> bool:
    """Whether a path names something that `lib.rs` itself defines."""
    at_root = found.target is not None and found.target.file == root.file
    return at_root and found.path.split("::")[0] in ("crate", "self", "super")


def unread(roots: list[rust.Module]) -> list[str]:
    """Files that no `mod` line names, of which the imports would go unread."""
    known = {module.file for root in roots for module in root.all()}
    folder = roots[0].file.parent
    return [shown(file) for file in sorted(folder.rglob("*.rs")) if file not in known]


def intruders() -> list[str]:
    """Texts in the packages and the bindings that name a source file of the core."""
    told = []
    for file in [
        *(ROOT / "python/src").rglob("*.py"),
        *packages.node_files(ROOT / "node"),
        *(ROOT / "bindings").glob("*/src/**/*.rs"),
        *(ROOT / "bindings").glob("*/build.rs"),
        *(ROOT / "bindings").glob("*/Cargo.toml"),
    ]:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if INSIDE.search(line):
                told.append(f"{shown(file)}:{number} names a file of the core; use `ikcrm::`")
    return told


# --- the repository ---------------------------------------------------------------------------


@cache
def read_crate(root: Path) -> rust.Module:
    return rust.read_crate(root)


class Layout(unittest.TestCase):
    def check(self, told: list[str]) -> None:
        assert not told, "\n" + "\n".join(told)

    def check_edges(self, edges: Edges) -> None:
        assert edges, "no import was found"
        self.check(told_cycles(edges))

    def test_the_core_imports_downward(self) -> None:
        self.check(upward(read_crate(CORE)))

    def test_the_core_imports_from_the_defining_module(self) -> None:
        self.check(roundabout(read_crate(CORE)))

    def test_the_core_has_no_cycle(self) -> None:
        self.check_edges(crate_edges(read_crate(CORE)))

    def test_the_other_crates_have_no_cycle(self) -> None:
        for root in CRATES:
            with self.subTest(crate=shown(root)):
                edges = crate_edges(read_crate(root))
                assert edges or root.name == "main.rs", "no import was found"
                self.check(told_cycles(edges))

    def test_every_file_of_a_crate_is_read(self) -> None:
        for folder in {root.parent for root in [CORE, *CRATES]}:
            roots = [read_crate(root) for root in [CORE, *CRATES] if root.parent == folder]
            self.check(unread(roots))

    def test_the_python_package_has_no_cycle(self) -> None:
        self.check_edges(edges_of(packages.python_imports(ROOT / "python/src/ikcrm")))

    def test_the_node_package_has_no_cycle(self) -> None:
        files = packages.node_files(ROOT / "node")
        self.check_edges(edges_of(packages.node_imports(files)))

    def test_nothing_outside_names_the_files_of_the_core(self) -> None:
        self.check(intruders())


# --- the report -------------------------------------------------------------------------------


def report() -> None:
    """The core in numbers."""
    root = read_crate(CORE)
    files = sorted(CORE.parent.rglob("*.rs"))
    lines, longest = max((len(file.read_text("utf-8").splitlines()), file) for file in files)
    length, place, name = max(
        (length, f"{shown(file)}:{line}", name)
        for file in files
        for name, line, length in rust_tokens.functions(file)
    )
    groups = cycles(crate_edges(root))
    sizes = ", ".join(str(len(group)) for group in groups)
    print("| core | |\n|---|---|")
    print(f"| files | {len(files)} |")
    print(f"| largest file | {lines} lines: `{shown(longest)}` |")
    print(f"| largest function | {length} lines: `{name}` in `{place}` |")
    print(f"| cycles | {len(groups)}{f', of {sizes} files' if groups else ''} |")
    print(f"| upward imports | {len(upward(root))} |")
    print(f"| imports from `lib.rs` or by a re-export | {len(roundabout(root))} |")
    for group in groups:
        print("\nA cycle: " + ", ".join(str(file.relative_to(CORE.parent)) for file in group))


if __name__ == "__main__":
    if "--report" in sys.argv:
        report()
    else:
        unittest.main()
