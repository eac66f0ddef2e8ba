"""Rust's blocks as one program, so that they are built and linked once."""

import json
import subprocess
from pathlib import Path

from blocks import ROOT, Block

TARGET = ROOT / "target/readme"
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
    folder = TARGET / "blocks"
    numbers = range(len(blocks))
    main = MAIN.format(
        modules="\n".join(f"mod block_{n};" for n in numbers),
        arms="\n".join(f'        Some("{n}") => block_{n}::main().report(),' for n in numbers),
    )
    project(folder, dependencies(), main)
    for number, block in enumerate(blocks):
        code = f"// {block.where}\n{block.code}".replace("\nfn main(", "\npub fn main(")
        write(folder / f"src/block_{number}.rs", code)
    cargo(folder, "build", "--quiet")
    return TARGET / "debug/reader"


def dependencies() -> str:
    """The core with all that readers can ask for, and the sandbox for their tests."""
    said = cargo(ROOT, "metadata", "--no-deps", "--format-version", "1")
    packages = {package["name"]: package for package in json.loads(said)["packages"]}
    features = json.dumps(sorted(set(packages["ikcrm"]["features"]) - TEST_ONLY))
    return (
        f'[dependencies]\nikcrm = {{ version = "0.1", features = {features} }}\n'
        f'ikcrm-sandbox = {{ path = "{ROOT / "crates/ikcrm-sandbox"}" }}\n'
    )


def project(folder: Path, dependencies: str, main: str) -> None:
    """A reader's project that takes the core from this checkout."""
    manifest = '[package]\nname = "reader"\nedition = "2024"\n\n' + dependencies
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
        ["cargo", *arguments, *(["--target-dir", TARGET] if arguments[0] == "build" else [])],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
