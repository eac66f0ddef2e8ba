"""The stand-in CRM as a program: `python -m ikcrm.sandbox`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from threading import Event
from typing import TYPE_CHECKING

from ikcrm.quota import Quota
from ikcrm.testing import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the sandbox's URL and serves, or runs one command against it; returns the status."""
    options = _parser().parse_args(arguments)
    try:
        with _started(options) as sandbox:
            settings = {"IKCRM_BASE_URL": sandbox.url, "IKCRM_TOKEN": sandbox.token}
            if options.command:
                status = subprocess.run(options.command, env=os.environ | settings).returncode
                return status if status >= 0 else 1
            sys.stdout.write(f"{sandbox.url}\n{_shell(settings)}\n")
            sys.stdout.flush()
            sys.stdin.read() if options.until_stdin_closes else Event().wait()
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        sys.stderr.write(f"ikcrm.sandbox: {error}\n")
        return 2
    return 0


def _started(options: Namespace) -> Sandbox:
    quota = Quota(calls=options.quota_calls, per=options.quota_window_ms / 1000)
    return Sandbox(
        token=options.token,
        accounts=options.accounts or (),
        port=options.port,
        quota=None if options.no_quota else quota,
        latency=options.latency_ms / 1000,
    )


def _shell(settings: dict[str, str]) -> str:
    """The line that makes the settings those of a shell."""
    if os.name == "nt":
        quoted = {name: value.replace("'", "''") for name, value in settings.items()}
        return "; ".join(f"$env:{name} = '{value}'" for name, value in quoted.items())
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())


def account(text: str) -> tuple[str, str, list[str]]:
    """Login, password and enterprises of `LOGIN:PASSWORD:1,2`; the password may hold colons."""
    login, _, rest = text.partition(":")
    password, colon, corp_ids = rest.rpartition(":")
    if not colon:
        raise ValueError
    return login, password, corp_ids.split(",")


def _parser() -> ArgumentParser:
    """The options of the Rust crate's program."""
    parser = ArgumentParser(
        "python -m ikcrm.sandbox",
        description="A stand-in for the CRM 励销云/爱客CRM, in memory, on 127.0.0.1. "
        "Prints its URL, and the settings that let a program call it.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="the port to listen on; 0 takes any free one")
    add("--token", default="sandbox-token", help="the token to accept for ever")
    add(
        "--account",
        dest="accounts",
        action="append",
        type=account,
        metavar="LOGIN:PASSWORD:1,2",
        help="an account that may sign in: login, password, ids of enterprises; may be given again",
    )
    add("--no-quota", action="store_true", help="admit any number of calls")
    add("--quota-calls", type=int, default=10, help="how many calls to admit in any window")
    add("--quota-window-ms", type=int, default=10_000, help="how long a window is")
    add("--latency-ms", type=int, default=0, help="how long each answer takes")
    add("--until-stdin-closes", action="store_true", help="stop when standard input closes")
    add(
        "command",
        nargs=REMAINDER,
        help="run this command with the settings, print nothing else, and end as it ends",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
