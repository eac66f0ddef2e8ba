"""One update from each language, and a job of many, against the sandbox: `make demo`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
METADATA = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
BUILT = Path(json.loads(subprocess.check_output(METADATA, cwd=ROOT))["target_directory"], "debug")
EXAMPLES = {
    "Rust": ([BUILT / "examples/update_one"], ROOT),
    "Python": ([sys.executable, "examples/update_one.py"], ROOT / "python"),
    "Node": (["node", "examples/update-one.mjs"], ROOT / "node"),
    "Python: many updates": ([sys.executable, "examples/update_many.py"], ROOT / "python"),
}
SHEET = ROOT / "tests/sheets/files/openpyxl.xlsx"


def main() -> None:
    command = [BUILT / "ikcrm-sandbox", "--until-stdin-closes"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as sandbox:
        url = sandbox.stdout.readline().strip()
        print(f"A stand-in CRM listens at {url}.\n", flush=True)
        environment = os.environ | {
            "IKCRM_TOKEN": "sandbox-token",
            "IKCRM_BASE_URL": url,
        }
        for language, (example, folder) in EXAMPLES.items():
            print(f"── {language} {'─' * (60 - len(language))}", flush=True)
            subprocess.run(example, cwd=folder, env=environment, check=True)
            print(flush=True)
        from_a_sheet(environment)
        sandbox.stdin.close()
    print("The stand-in CRM has stopped.")


def from_a_sheet(environment: dict[str, str]) -> None:
    print(f"── Python: a sheet {'─' * 45}", flush=True)
    with TemporaryDirectory() as folder:
        result = Path(folder) / "q3-result.xlsx"
        command = [sys.executable, "examples/from_a_sheet.py", str(SHEET), str(result)]
        subprocess.run(command, cwd=ROOT / "python", env=environment, check=True)
        print(f"{SHEET.name} → {result.name}, {result.stat().st_size} bytes\n", flush=True)


if __name__ == "__main__":
    main()
