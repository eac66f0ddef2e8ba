"""Every block of both READMEs runs, as a reader would run it, against the sandbox."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    for name in READMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], match[2], id=f"{name}:{line}:{match[1]}")


@pytest.fixture(scope="module")
def sandbox():
    """The environment of a reader whose CRM is the sandbox."""
    command = ["cargo", "run", "--quiet", "-p", "ikcrm-sandbox", "--", "--until-stdin-closes"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--no-quota"], cwd=ROOT, **pipes) as process:
        url = process.stdout.readline().strip()
        yield os.environ | {"IKCRM_TOKEN": "sandbox-token", "IKCRM_BASE_URL": url}
        process.stdin.close()


@pytest.mark.parametrize(("language", "code"), list(blocks()))
def test_the_block_runs(language, code, sandbox, tmp_path):
    RUN[language](code, sandbox, tmp_path)


def run(command, environment, folder):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(code, environment, folder):
    if "def test_" in code:
        (folder / "test_block.py").write_text(code, encoding="utf-8")
        assert "1 passed" in run([sys.executable, "-m", "pytest", "-q"], environment, folder)
    else:
        run([sys.executable, "-c", code], environment, folder)


def node_project(folder):
    """A project that has the package, as npm installs it."""
    (folder / "node_modules/.bin").mkdir(parents=True)
    (folder / "node_modules/ikcrm").symlink_to(ROOT / "node")
    program = folder / "node_modules/.bin/ikcrm-sandbox"
    program.write_text(f'exec node "{ROOT / "node/dist/sandbox.js"}" "$@"', encoding="utf-8")
    program.chmod(0o755)


def node(suffix):
    def run_node(code, environment, folder):
        node_project(folder)
        (folder / f"block.{suffix}").write_text(code, encoding="utf-8")
        run(["node", f"block.{suffix}"], environment, folder)

    return run_node


def cargo_project(folder, dependencies, main):
    (folder / "src").mkdir()
    (folder / "src/main.rs").write_text(main, encoding="utf-8")
    manifest = '[package]\nname = "reader"\nedition = "2024"\n\n' + dependencies
    manifest += f'\n[patch.crates-io]\nikcrm = {{ path = "{ROOT / "crates/ikcrm"}" }}\n'
    (folder / "Cargo.toml").write_text(manifest, encoding="utf-8")
    (folder / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())


def rust(code, environment, folder):
    cargo_project(folder, '[dependencies]\nikcrm = "0.1"\n', code)
    shared = {"CARGO_TARGET_DIR": str(ROOT / "target/readme")}
    run(["cargo", "run", "--quiet"], environment | shared, folder)


def toml(code, environment, folder):
    cargo_project(folder, code, "fn main() { let _ = ikcrm::Client::builder(); }")
    shared = {"CARGO_TARGET_DIR": str(ROOT / "target/readme")}
    run(["cargo", "run", "--quiet"], environment | shared, folder)


def sh(code, environment, folder):
    """Installs are proven with the packed files by `.ci/packages`; the rest runs here."""
    if "pip install ikcrm" in code or "npm install ikcrm" in code:
        package = re.search(r"install (\w+)", code)[1]
        assert f'name = "{package}"' in (ROOT / "python/pyproject.toml").read_text()
        assert f'"name": "{package}"' in (ROOT / "node/package.json").read_text()
        return
    if "npx" in code:
        node_project(folder)
    where = folder if "npx" in code else ROOT
    assert run(["sh", "-ec", code], os.environ, where)


RUN = {
    "python": python,
    "js": node("mjs"),
    "cjs": node("cjs"),
    "rust": rust,
    "toml": toml,
    "sh": sh,
}
