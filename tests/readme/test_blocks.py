"""Every block of the READMEs and the guide runs, as a reader would run it, against the sandbox."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise

import openpyxl
import pytest
import rust
from blocks import FENCE, GUIDE, READMES, ROOT, blocks, of

TSC = ROOT / "node/node_modules/.bin/tsc"


@pytest.fixture(scope="session")
def environment():
    """The environment of a reader whose CRM is the sandbox."""
    command = [rust.target_folder() / "debug/ikcrm-sandbox", "--until-stdin-closes", "--no-quota"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        url = process.stdout.readline().strip()
        yield os.environ | {
            "IKCRM_TOKEN": "sandbox-token",
            "IKCRM_BASE_URL": url,
            "IKCRM_QUOTA": "off",
        }
        process.stdin.close()


@pytest.fixture(scope="session")
def rust_program():
    return rust.build(of("rust"))


@pytest.fixture(scope="session")
def sheet(tmp_path_factory):
    """The sheet that the reader has."""
    book = openpyxl.Workbook()
    for row in [
        ("id", "销售阶段", "预计销售金额"),
        (600001, "赢单", 128000.5),
        (600002, "赢单", None),
    ]:
        book.active.append(row)
    path = tmp_path_factory.mktemp("sheet") / "q3.xlsx"
    book.save(path)
    return path


@pytest.mark.parametrize("block", [pytest.param(b, id=f"{b.where}:{b.language}") for b in blocks()])
def test_the_block_runs(block, environment, sheet, tmp_path, request):
    shutil.copy(sheet, tmp_path)
    if block.title:
        PARSE[block.language](block.code, tmp_path)
    elif block.language == "rust":
        program = request.getfixturevalue("rust_program")
        run([program, str(of("rust").index(block))], environment, tmp_path)
    else:
        RUN[block.language](block.code, environment, tmp_path)


def printed():
    """Programs that print what is wrong, each with what its page says that it prints."""
    for page in READMES + GUIDE:
        fences = FENCE.finditer(page.read_text(encoding="utf-8"))
        for program, shown in pairwise(fences):
            if (program[1], shown[1]) == ("python", "text") and "ValidationError" in program[3]:
                yield pytest.param(program[3], shown[3], id=str(page.relative_to(ROOT)))


@pytest.mark.parametrize(("program", "shown"), printed())
def test_it_prints_what_the_page_shows(program, shown, environment, tmp_path):
    (tmp_path / "block.py").write_text(program, encoding="utf-8")
    assert run([sys.executable, "block.py"], environment, tmp_path) == shown


def test_messages_shown_anywhere_are_those_of_today(environment, tmp_path):
    program = """
import ikcrm
try:
    ikcrm.update_opportunity(568587, stage="赢丹", fill=True)
except ikcrm.ValidationError as error:
    print(error.fields[0].message)
"""
    (tmp_path / "block.py").write_text(program, encoding="utf-8")
    message = run([sys.executable, "block.py"], environment, tmp_path)
    beginning = message[: message.index("初步接洽")].replace("赢丹", "…")
    for page in READMES + GUIDE:
        for line in page.read_text(encoding="utf-8").splitlines():
            if shown := re.search(r"has no option .*did you mean 赢单.*(?=初步接洽)", line):
                assert re.sub('(?<=option ").+?(?=")', "…", shown[0]) == beginning, page


def run(command, environment, folder):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(code, environment, folder):
    if "def test_" in code:
        (folder / "test_block.py").write_text(code, encoding="utf-8")
        assert "1 passed" in run([sys.executable, "-m", "pytest", "-q"], environment, folder)
    else:
        (folder / "block.py").write_text(code, encoding="utf-8")
        run([sys.executable, "block.py"], environment, folder)


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


def typescript(code, environment, folder):
    node_project(folder)
    (folder / "block.mts").write_text(code, encoding="utf-8")
    types = ["--typeRoots", ROOT / "node/node_modules/@types", "--types", "node"]
    options = ["--strict", "--target", "esnext", "--module", "nodenext", *types]
    run([TSC, *options, "block.mts"], environment, folder)
    run(["node", "block.mjs"], environment, folder)


def toml(code, environment, folder):
    """That cargo finds the versions and features; what they bring is built for Rust's blocks."""
    rust.project(folder, code, "fn main() {}")
    rust.cargo(folder, "metadata", "--offline", "--format-version", "1")


def sh(code, environment, folder):
    """Installs are proven with the packed files by `.ci/packages`; the rest runs here."""
    if "pip install" in code or "npm install" in code:
        package = re.search(r"install (\w+)", code)[1]
        assert f'name = "{package}"' in (ROOT / "python/pyproject.toml").read_text()
        assert f'"name": "{package}"' in (ROOT / "node/package.json").read_text()
        return
    if "npx" in code:
        node_project(folder)
    where = folder if "npx" in code else ROOT
    assert run(["sh", "-ec", code], os.environ, where)


def parse_python(code, folder):
    compile(code, "block.py", "exec")


def parse_js(code, folder):
    """ESM and CommonJS are told apart as readers do."""
    file = folder / (
        "block.mjs" if re.search(r"^(import|export) ", code, re.MULTILINE) else "block.cjs"
    )
    file.write_text(code, encoding="utf-8")
    run(["node", "--check", file], os.environ, folder)


def parse_rust(code, folder):
    (folder / "block.rs").write_text(code, encoding="utf-8")
    run(["rustfmt", "--edition", "2024", "block.rs"], os.environ, folder)


RUN = {
    "python": python,
    "js": node("mjs"),
    "cjs": node("cjs"),
    "ts": typescript,
    "toml": toml,
    "sh": sh,
}

PARSE = {
    "python": parse_python,
    "js": parse_js,
    "cjs": parse_js,
    "rust": parse_rust,
    "toml": lambda code, folder: None,
    "sh": lambda code, folder: None,
}
