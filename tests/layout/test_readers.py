"""That the readers of imports see what they must, shown on a few lines each."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import packages
import rust
import rust_tokens
from test_layout import (
    Edges,
    crate_edges,
    cycles,
    edges_of,
    roundabout,
    told_cycles,
    unread,
    upward,
)


def equal(found: object, expected: object) -> None:
    assert found == expected, f"\nfound    {found}\nexpected {expected}"


# --- the readers ------------------------------------------------------------------------------


class InFolder(unittest.TestCase):
    """Files in a folder of the test's own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def named(self, edges: Edges) -> set[str]:
        return {
            f"{source.relative_to(self.folder)}:{line} {target.relative_to(self.folder)}"
            for (source, target), line in edges.items()
        }


class RustReader(InFolder):
    def crate(self, files: dict[str, str]) -> rust.Module:
        self.write(files)
        return rust.read_crate(self.folder / "lib.rs")

    def edges(self, files: dict[str, str]) -> set[str]:
        return self.named(crate_edges(self.crate(files)))

    def test_a_cycle(self) -> None:
        root = self.crate(
            {
                "lib.rs": "mod a; mod b; mod c;",
                "a.rs": "use crate::b::B;",
                "b.rs": "\nuse crate::c::C;",
                "c.rs": "fn f() { crate::a::g() }",
            }
        )
        equal(
            told_cycles(crate_edges(root)),
            [
                "a.rs:1 imports b.rs, in a cycle of 3 files",
                "b.rs:2 imports c.rs, in a cycle of 3 files",
                "c.rs:1 imports a.rs, in a cycle of 3 files",
            ],
        )

    def test_an_upward_import(self) -> None:
        root = self.crate(
            {
                "lib.rs": "mod high; mod low; mod inline { pub use crate::high::H; }",
                "high.rs": "use crate::low::L;",
                "low/mod.rs": "mod x; mod y;",
                "low/x.rs": "use super::y::Y;\nuse crate::high::H;",
                "low/y.rs": "use super::x::X;",
            }
        )
        equal(
            upward(root),
            [
                "x.rs:2 imports high.rs, but `mod high` stands above `mod low`",
                "y.rs:1 imports x.rs, but `mod x` stands above `mod y`",
            ],
        )

    def test_an_import_from_lib(self) -> None:
        root = self.crate(
            {
                "lib.rs": (
                    "mod a; mod b;\npub use b::{B as Public};\npub use std::fs::File;\nfn f() {}"
                ),
                "a.rs": "use crate::{Public, b::B};\nuse super::File;\nuse crate::f;",
                "b.rs": "pub struct B;",
            }
        )
        equal(
            roundabout(root),
            [
                "a.rs:1: `crate::Public` goes through lib.rs; import from b.rs",
                "a.rs:2: `super::File` goes through lib.rs; import from its own crate",
                "a.rs:3: `crate::f` stands in lib.rs; move it to a module",
            ],
        )
        equal(self.named(crate_edges(root)), {"a.rs:1 b.rs", "a.rs:3 lib.rs"})

    def test_an_import_through_a_face(self) -> None:
        root = self.crate(
            {
                "lib.rs": "mod user; mod face; mod other;",
                "user.rs": "use crate::face::{X, O};",
                "face.rs": "mod x;\nmod y;\npub(crate) use x::X;\npub(crate) use crate::other::O;",
                "face/x.rs": "pub struct X;",
                "face/y.rs": "use super::X;",
                "other.rs": "pub struct O;",
            }
        )
        equal(
            roundabout(root),
            [
                "user.rs:1: `crate::face::O` goes through face.rs; import from other.rs",
                "y.rs:1: `super::X` goes through face.rs; import from x.rs",
            ],
        )

    def test_a_face_may_show_its_children(self) -> None:
        files = {
            "lib.rs": "mod face;",
            "face.rs": "mod x;\npub(crate) use x::X;\npub(crate) struct F;",
            "face/x.rs": "use super::F;\npub struct X;",
        }
        equal(self.edges(files), {"face/x.rs:1 face.rs"})
        files["face.rs"] += "\nfn f(_: X) {}"
        equal(self.edges(files), {"face/x.rs:1 face.rs", "face.rs:4 face/x.rs"})

    def test_forms_of_paths(self) -> None:
        found = self.edges(
            {
                "lib.rs": "mod a; mod b; mod c; mod d; mod e; mod f; mod g; mod h; mod i;",
                "a.rs": (
                    "use crate::{\n    b::{self, B},\n    c::{C as Other, x::Y},\n};\n"
                    "mod inline { use super::super::d::D; fn f() { super::super::e::f::<u8>() } }\n"
                    "macro_rules! m { () => { $crate::f::F } }\n"
                    "pub(in crate::h) fn f() -> Result<crate::g::G, ()> { b::f() }\n"
                    "fn g<'a>(x: &'a str) -> char { let i: ::i::I = '\"'; crate::i::m!('\\'') }"
                ),
                **{f"{name}.rs": "pub struct S;" for name in "bdefghi"},
                "c.rs": "pub mod x;",
                "c/x.rs": "pub struct Y;",
            }
        )
        equal(
            found,
            {
                "a.rs:2 b.rs",
                "a.rs:3 c.rs",
                "a.rs:3 c/x.rs",
                "a.rs:5 d.rs",
                "a.rs:5 e.rs",
                "a.rs:6 f.rs",
                "a.rs:7 g.rs",
                "a.rs:8 i.rs",
            },
        )

    def test_names_by_glob_and_alias(self) -> None:
        found = self.edges(
            {
                "lib.rs": "mod a; mod b;",
                "a.rs": "use crate::b as other;\nfn f() { other::X::new() }",
                "b.rs": "mod x; pub use x::*;",
                "b/x.rs": "pub struct X;",
            }
        )
        equal(found, {"a.rs:1 b.rs", "a.rs:2 b/x.rs"})

    def test_comments_and_literals_are_not_read(self) -> None:
        found = self.edges(
            {
                "lib.rs": "mod a; mod b;",
                "a.rs": (
                    "//! crate::b::B\n/// use crate::b::B;\n// crate::b::B\n"
                    "/* /* */ crate::b::B */\n"
                    '#[doc = "crate::b::B"]\n'
                    'const S: &str = "\\" crate::b::B";\n'
                    'const R: &str = r#"" crate::b::B"#;\n'
                    'const C: &[u8] = b"crate::b::B";\n'
                ),
                "b.rs": "",
            }
        )
        equal(found, set())

    def test_tests_may_import_anything(self) -> None:
        files = {
            "lib.rs": "mod b; mod a;",
            "a.rs": (
                "#[cfg(test)]\nuse crate::{b::B};\n"
                "#[cfg(all(test, unix))]\nmod apart;\n"
                "#[cfg(test)]\n#[allow(dead_code)]\nmod tests { use crate::b::B; }\n"
                "struct S {\n#[cfg(test)]\nb: crate::b::B,\n}\n"
            ),
            "a/apart.rs": "use crate::b::B;",
            "b.rs": "",
        }
        equal(self.edges(files), set())
        files["a.rs"] += "#[cfg(not(test))]\nfn f() { crate::b::f() }"
        equal(self.edges(files), {"a.rs:13 b.rs"})

    def test_a_file_without_a_mod_line(self) -> None:
        root = self.crate({"lib.rs": "mod a;", "a.rs": "", "b.rs": ""})
        equal(unread([root]), ["b.rs"])

    def test_the_length_of_functions(self) -> None:
        self.write({"a.rs": "fn a() {\n  use x::{y};\n  // }\n}\nfn b() -> [u8; 1] { [1] }\n"})
        found = list(rust_tokens.functions(self.folder / "a.rs"))
        equal(found, [("a", 1, 4), ("b", 5, 1)])


class PackageReader(InFolder):
    def test_python(self) -> None:
        self.write(
            {
                "p/__init__.py": "from p.a import A\n",
                "p/_native.pyi": "",
                "p/a.py": (
                    '"""import p.b"""\nimport os, p.b\nfrom p import _native\n'
                    "from typing import TYPE_CHECKING\n"
                    "if TYPE_CHECKING:\n    from p.d import D\nelse:\n    from .c import C\n"
                ),
                "p/b.py": "from p import A\n",
                "p/c.py": "def f():\n    from . import b\n",
                "p/d.py": "",
            }
        )
        edges = edges_of(packages.python_imports(self.folder / "p"))
        equal(
            self.named(edges),
            {
                "p/__init__.py:1 p/a.py",
                "p/a.py:2 p/b.py",
                "p/a.py:8 p/c.py",
                "p/b.py:1 p/__init__.py",
                "p/c.py:2 p/b.py",
            },
        )
        equal([len(group) for group in cycles(edges)], [4])

    def test_node(self) -> None:
        self.write(
            {
                "old.js": "const a = require('./older.js') // require('./src/a.js')\n",
                "older.js": (
                    "throw Error(`require('./old.js')`)\nmodule.exports = { ...require('./old') }"
                ),
                "src/a.ts": (
                    "import { B, type C } from './b.js'\n"
                    "import type { D } from './d.js'\nimport { type D as E } from './d.js'\n"
                    "export * from './c.js'\nimport './e.js'\nawait import('./f.js')\n"
                    "import fs from 'node:fs'\nexport type { D } from './d.js'\n"
                ),
                **{f"src/{name}.ts": "" for name in "bcdef"},
                "src/native.d.ts": "import './a.js'",
            }
        )
        edges = edges_of(packages.node_imports(packages.node_files(self.folder)))
        equal(
            self.named(edges),
            {
                "old.js:1 older.js",
                "older.js:2 old.js",
                "src/a.ts:1 src/b.ts",
                "src/a.ts:4 src/c.ts",
                "src/a.ts:5 src/e.ts",
                "src/a.ts:6 src/f.ts",
            },
        )
        equal([len(group) for group in cycles(edges)], [2])
