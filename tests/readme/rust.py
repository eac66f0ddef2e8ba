"""Rust's blocks as one program, so that they are built and linked once."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

from blocks import ROOT, Block

TEST_ONLY = {"default", "fault-points", "fuzzing"}

MAIN = """use std::process::Termination as _;
{modules}
fn main() -> std::process::ExitCode {{
    match std::env::args().nth(1).as_deref() {{
{arms}
        _ => std::process::ExitCode::FAILURE,
    }}
}}
"""


def build(blocks: list[Block]) -> Path:
    """The program; its first argument is the number of the block that is to run."""
    folder = target_folder() / "readme/blocks"
    numbers = range(len(blocks))
    main = MAIN.format(
        modules="\n".join(f"mod block_{n};" for n in numbers),
        arms="\n".join(f'        Some("{n}") => block_{n}::main().report(),' for n in numbers),
    )
    project(folder, dependencies(), main)
    for number, block in enumerate(blocks):
        code = f"// {block.where}\n{block.code}".replace("\nfn main(", "\npub fn main(")
        write(folder / f"src/block_{number}.rs", code)
    cargo(folder, "build", "--quiet", "--target-dir", str(target_folder()))
    return target_folder() / "debug/reader"


@cache
def metadata() -> dict:
    return json.loads(cargo(ROOT, "metadata", "--no-deps", "--format-version", "1"))


def target_folder() -> Path:
    return Path(metadata()["target_directory"])


def dependencies() -> str:
    """The core with all that readers can ask for, and the sandbox for their tests."""
    packages = {package["name"]: package for package in metadata()["packages"]}
    features = json.dumps(sorted(set(packages["ikcrm"]["features"]) - TEST_ONLY))
    return (
        f'[dependencies]\nikcrm = {{ version = "0.1", features = {features} }}\n'
        f'ikcrm-sandbox = {{ path = "{ROOT / "crates/ikcrm-sandbox"}" }}\n'
    )


def project(folder: Path, dependencies: str, main: str) -> None:
    """A reader's project with the core of this checkout, and what was built for its tests."""
    manifest = '[package]\nname = "reader"\nedition = "2024"\n\n' + dependencies
    workspace = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    manifest += "\n" + "".join(
        re.findall(r"^\[profile\.dev.*\n(?:[^\[].*\n)+", workspace, re.MULTILINE)
    )
    manifest += f'\n[patch.crates-io]\nikcrm = {{ path = "{ROOT / "crates/ikcrm"}" }}\n'
    write(folder / "Cargo.toml", manifest + "\n[workspace]\n")
    write(folder / "src/main.rs", main)
    (folder / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())


def write(path: Path, text: str) -> None:
    """Leaves a file alone that is so already: cargo builds what is newer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def cargo(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["cargo", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
