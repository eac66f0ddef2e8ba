"""`ikcrm.testing`: a stand-in CRM for the tests of users' own programs."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import urllib.request
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec, patch

import pytest
from support import FIELDS, LONG, TESTS, in_thread
from test_vectors import server_path

import ikcrm
from ikcrm.testing import Sandbox, SentRequest

ID = 568587
UPDATE = "PUT /api/v2/opportunities/:id"
FIELD_MAP = "GET /api/v2/field_maps/:entity"


def client(sandbox: Sandbox, **options: Any) -> ikcrm.Client:
    settings = {
        "token": sandbox.token,
        "base_url": sandbox.url,
        "timeout": LONG,
        "quota": None,
    }
    return ikcrm.Client(**{**settings, **options})


def arrived(sandbox: Sandbox, calls: int) -> None:
    """Waits until so many calls have come."""
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/stats?calls={calls}", timeout=LONG) as it:
        it.read()


def tasks() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def sockets() -> set[str]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the folder's own
        if target.startswith("socket:"):
            found.add(target)
    return found


# --- the sandbox ------------------------------------------------------------------------------


def test_a_client_uses_it_as_it_uses_the_crm() -> None:
    with Sandbox() as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
        opportunity = client(sandbox).update_opportunity(ID, stage="赢单", fill=True)
        assert opportunity.stage_mapped == "赢单"
        held = sandbox.opportunity(ID)
        assert held is not None
        assert held.stage_mapped == "赢单"
        assert sandbox.opportunity(1) is None
        assert repr(sandbox) == f"<Sandbox {sandbox.url}>"


def test_what_is_seeded_is_what_a_client_reads() -> None:
    with Sandbox() as sandbox:
        sandbox.seed(
            users=[{"id": 9, "name": "某人"}],
            customers=({"id": number, "name": f"客户{number}"} for number in (7, 8)),
            stages=[
                "洽谈",
                {"id": 5, "label": "成交"},
                {"id": 6, "label": "搁置", "enabled": False},
            ],
        )
        sandbox.seed(
            opportunities=[
                {
                    "id": 1,
                    "title": "一",
                    "customer_id": 8,
                    "user_id": 9,
                    "stage": "成交",
                    "expect_amount": Decimal("12.50"),
                    "get_time": date(2024, 2, 29),
                    "text_asset_8b1eeedd": "x",
                },
                ikcrm.Opportunity.from_dict({"id": 2, "title": "二", "stage": 6}),
                {},
            ]
        )
        crm = client(sandbox)
        one = crm.get_opportunity(1)
        assert (one.title, one.stage, one.stage_mapped) == ("一", "5", "成交")
        assert (one.expect_amount, one.get_time) == (
            Decimal("12.50"),
            date(2024, 2, 29),
        )
        assert one.customer is not None
        assert one.customer.name == "客户8"
        assert one["text_asset_8b1eeedd"] == "x"
        rows = list(crm.list_opportunities(sort="id", order="asc"))
        assert [row.title for row in rows] == ["一", "二", "示例商机"]
        assert [row.customer_id for row in rows] == [8, 7, 7]
        stages = crm.field_map()["stage"]
        assert [(it.label, it.enabled) for it in stages] == [
            ("洽谈", True),
            ("成交", True),
            ("搁置", False),
        ]
        crm.update_opportunity(2, stage="洽谈", fill=True)


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (
            {"opportunities": [{"id": 1}, {"stage": "赢丹"}]},
            r"opportunities\[1\].stage",
        ),
        ({"opportunities": [{"id": 0}]}, r"opportunities\[0\].id must be"),
        ({"customers": ["x"]}, r"customers\[0\] must be an object"),
        ({"opportunities": [{"expect_amount": float("nan")}]}, "Out of range"),
    ],
)
def test_a_wrong_seed_is_refused_and_changes_nothing(seed: Any, told: str) -> None:
    with Sandbox() as sandbox:
        with pytest.raises(ValueError, match=told):
            sandbox.seed(**seed)
        with pytest.raises(TypeError, match="has no form in JSON"):
            sandbox.seed(opportunities=[{"title": object()}])
        assert sandbox.opportunity(ID) is not None
        assert sandbox.opportunity(1) is None


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"status": 503}, ikcrm.ServerError),
        ({"status": 429}, ikcrm.RateLimitedError),
        ({"status": 404}, ikcrm.NotFoundError),
        ({"code": 100401}, ikcrm.AuthError),
        ({"code": 100100}, ikcrm.NotFoundError),
        ({"code": 7}, ikcrm.ApiError),
        ({"fault": "reset"}, ikcrm.TransportError),
        ({"fault": "garbage"}, (ikcrm.InvalidAnswerError, ikcrm.TransportError)),
    ],
    ids=str,
)
def test_the_next_call_fails_as_planned(failure: Any, error: Any) -> None:
    with Sandbox() as sandbox:
        sandbox.fail_next(**failure)
        crm = client(sandbox, max_retries=0)
        with pytest.raises(error):
            crm.update_opportunity(ID, **FIELDS)
        held = sandbox.opportunity(ID)
        assert held is not None
        assert held.title != FIELDS["title"]
        assert crm.update_opportunity(ID, **FIELDS).title == FIELDS["title"]


@pytest.mark.parametrize("failure", [{"status": 503}, {"fault": "reset"}], ids=str)
def test_what_passes_is_tried_again(failure: Any) -> None:
    with Sandbox() as sandbox:
        sandbox.fail_next(**failure, times=2)
        assert client(sandbox, max_retries=2).update_opportunity(ID, **FIELDS).id == ID
        assert [request.route for request in sandbox.requests] == [UPDATE] * 3


def test_a_call_that_hangs_ends_by_the_clients_timeout() -> None:
    with Sandbox() as sandbox:
        sandbox.fail_next(fault="hang")
        with pytest.raises(ikcrm.RequestTimeoutError) as raised:
            client(sandbox, timeout=0.2).update_opportunity(ID, **FIELDS)
        assert raised.value.may_have_been_applied
        assert len(sandbox.requests) == 1


def test_only_the_calls_of_a_route_fail() -> None:
    with Sandbox() as sandbox:
        sandbox.fail_next(status=500, route=FIELD_MAP)
        sandbox.fail_next(code=100100, route="GET /api/v2/opportunities/600002")
        crm = client(sandbox)
        assert crm.get_opportunity(ID).id == ID
        with pytest.raises(ikcrm.NotFoundError):
            crm.get_opportunity(600002)
        assert crm.get_opportunity(600002).id == 600002
        with pytest.raises(ikcrm.ServerError):
            crm.field_map()


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ({}, "give one of status, code and fault"),
        ({"status": 500, "code": 1}, "give one of status, code and fault"),
        ({"status": 200}, "status is 200; write 400 to 599"),
        ({"code": 0}, "code 0 is success"),
        ({"code": 1, "times": 0}, "times is 0"),
        ({"fault": "crash"}, 'no fault "crash"; write reset, hang or garbage'),
        (
            {"code": 1, "route": "PUT /opportunities"},
            "there is no route .* write one of",
        ),
    ],
    ids=str,
)
def test_a_failure_that_cannot_be_is_refused(failure: Any, told: str) -> None:
    with Sandbox() as sandbox:
        with pytest.raises(ValueError, match=told):
            sandbox.fail_next(**failure)
        assert client(sandbox).get_opportunity(ID).id == ID


def test_answers_take_as_long_as_they_are_told_to() -> None:
    with Sandbox(latency=LONG) as sandbox:
        assert sandbox.latency == LONG
        with pytest.raises(ikcrm.RequestTimeoutError):
            client(sandbox, timeout=0.1).get_opportunity(ID)
        sandbox.latency = 0
        assert sandbox.latency == 0
        assert client(sandbox).get_opportunity(ID).id == ID
        with pytest.raises(ValueError, match="latency is -1"):
            sandbox.latency = -1


def test_calls_over_its_quota_are_refused() -> None:
    with Sandbox(quota=ikcrm.Quota(calls=1, per=LONG)) as sandbox:
        assert sandbox.quota == ikcrm.Quota(calls=1, per=LONG)
        crm = client(sandbox, max_retries=0)
        crm.get_opportunity(ID)
        with pytest.raises(ikcrm.RateLimitedError):
            crm.get_opportunity(ID)
        sandbox.quota = None
        assert sandbox.quota is None
        crm.get_opportunity(ID)


def test_the_requests_show_what_was_sent_without_its_secrets() -> None:
    token, password = "a-token-of-ours", "a-password-of-ours"
    with Sandbox(token=token, accounts=[("me", password, ["7"])]) as sandbox:
        client(sandbox).update_opportunity(ID, title="ccc", customer_id=1, note=None)
        signed_in = client(sandbox, token=None, login="me", password=password)
        next(
            iter(signed_in.list_opportunities(stage="3514", created_between=("2024-01-01",) * 2)),
            0,
        )
        update, sign_in, listed = sandbox.requests
        assert isinstance(update, SentRequest)
        assert (update.method, update.path) == ("PUT", f"/api/v2/opportunities/{ID}")
        assert (update.route, update.query) == (UPDATE, {})
        assert update.body == {"opportunity": {"title": "ccc", "customer_id": 1, "note": None}}
        masked = "Token token=•••, device=open_api, version_code=9.9.9"
        assert update.headers["authorization"] == masked
        assert sign_in.body["login"] == "me"
        assert sign_in.body["password"] == "•••"
        assert (listed.body, listed.query["stage"]) == (None, ["3514"])
        assert listed.query["created_at[]"] == ["2024-01-01"] * 2
        assert token not in str(sandbox.requests)
        assert password not in str(sandbox.requests)


def test_reset_makes_all_as_it_was() -> None:
    with Sandbox(accounts=[("me", "secret", ["7"])], latency=0.001) as sandbox:
        crm = client(sandbox, token=None, login="me", password="secret")
        crm.update_opportunity(ID, **FIELDS)
        sandbox.seed(opportunities=[])
        sandbox.fail_next(status=500, times=9)
        sandbox.latency, sandbox.quota = LONG, ikcrm.Quota(calls=1)
        sandbox.reset()
        assert sandbox.latency == 0.001
        assert str(sandbox.quota) == "None"
        assert sandbox.requests == []
        assert client(sandbox, max_retries=0).get_opportunity(ID).title != FIELDS["title"]


def test_closing_ends_what_is_under_way_and_leaves_no_thread_and_no_socket() -> None:
    before = tasks(), sockets()
    sandbox = Sandbox()
    sandbox.fail_next(fault="hang")
    port = int(sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as hanging:
        hanging.sendall(b"GET / HTTP/1.1\r\n\r\n")
        arrived(sandbox, 1)
        with socket.create_connection(("127.0.0.1", port)) as idle:
            idle.sendall(b"GET /sandbox/stats HTTP/1.1\r\n\r\n")
            assert b"calls" in idle.recv(4096)  # so that it was accepted
            assert tasks() > before[0]
            sandbox.close()
            assert hanging.recv(1) == b""
            assert idle.recv(1) == b""
    assert (tasks(), sockets()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    sandbox.close()
    for use in (
        lambda: sandbox.requests,
        sandbox.reset,
        lambda: sandbox.seed(users=[]),
    ):
        with pytest.raises(RuntimeError, match="the sandbox is closed"):
            use()


def test_a_hundred_connections_leave_no_thread() -> None:
    before = tasks(), sockets()
    with Sandbox() as sandbox:
        for _ in range(100):
            arrived(sandbox, 0)
    assert (tasks(), sockets()) == before


def test_several_run_at_once() -> None:
    with Sandbox(token="one") as one, Sandbox(token="two") as two:
        client(one).update_opportunity(ID, **FIELDS)
        client(two).get_opportunity(ID)
        assert [len(sandbox.requests) for sandbox in (one, two)] == [1, 1]
        held = two.opportunity(ID)
        assert held is not None
        assert held.title != FIELDS["title"]
        with pytest.raises(ikcrm.AuthError):
            client(one, token="two").get_opportunity(ID)


def test_a_port_that_is_taken_is_told() -> None:
    with Sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port)


def test_other_threads_run_while_it_closes() -> None:
    sandbox = Sandbox(latency=LONG)

    def work() -> None:
        with pytest.raises(ikcrm.TransportError):
            client(sandbox, max_retries=0).get_opportunity(ID)

    with in_thread(work):
        arrived(sandbox, 1)
        sandbox.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_can_call_it_and_leaves_it_alone() -> None:
    code = """
import os, sys
import ikcrm
from ikcrm.testing import Sandbox

def calls(sandbox):
    options = {"token": sandbox.token, "base_url": sandbox.url, "quota": None}
    return ikcrm.Client(**options).get_opportunity(568587).id

with Sandbox() as sandbox:
    assert calls(sandbox) == 568587
    if os.fork() == 0:
        try:
            assert calls(sandbox) == 568587
            try:
                sandbox.requests
            except RuntimeError as error:
                assert "belongs to the process that started it" in str(error)
            else:
                os._exit(2)
            sandbox.close()
            del sandbox
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    assert calls(sandbox) == 568587
    assert len(sandbox.requests) == 3

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # holds what it inherited until the parent has closed the sandbox
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
try:
    calls(sandbox)
except ikcrm.TransportError:
    pass
os.close(writing)
os.waitpid(child, 0)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=LONG)


# --- pytest -----------------------------------------------------------------------------------

PROGRAM = """
import ikcrm

def win(id):
    return ikcrm.update_opportunity(id, stage="赢单", fill=True).stage_mapped
"""
PROJECT = """
import os, pytest, ikcrm, program

@pytest.mark.parametrize("number", range(12))
def test_win(ikcrm_sandbox, number):
    assert os.environ["IKCRM_TOKEN"] == ikcrm_sandbox.token
    assert ikcrm_sandbox.requests == []
    assert program.win(568587) == "赢单"
    assert program.win(600001 + number) == "赢单"
    assert len(ikcrm_sandbox.requests) == 5

def test_own_client(ikcrm_sandbox):
    ikcrm_sandbox.fail_next(code=100100)
    with ikcrm.Client(token=ikcrm_sandbox.token, base_url=ikcrm_sandbox.url) as client:
        with pytest.raises(ikcrm.NotFoundError):
            client.get_opportunity(568587)

def test_without():
    assert os.environ["IKCRM_TOKEN"] == "mine"
    assert "IKCRM_BASE_URL" not in os.environ
"""


@pytest.mark.parametrize("workers", [(), ("-n", "4"), ("-p", "no:ikcrm", "-k", "without")], ids=str)
def test_a_fresh_pytest_project_has_the_fixture(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "test_program.py").write_text(PROJECT, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        *workers,
        str(tmp_path),
    ]
    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    environment = os.environ | proxies | {"IKCRM_TOKEN": "mine", "IKCRM_EDITION": "wecom"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert ("1 passed" if "-k" in workers else "14 passed") in done.stdout


# --- mocks and records ------------------------------------------------------------------------


def test_clients_can_be_mocked() -> None:
    crm = ikcrm.Client(token="t")
    answer = ikcrm.Opportunity.from_dict({"id": 1, "title": "x"})
    with patch.object(crm, "update_opportunity", return_value=answer) as update:
        assert crm.update_opportunity(1, title="x", customer_id=1) is answer
        update.assert_called_once_with(1, title="x", customer_id=1)
    assert "update_opportunity" not in vars(crm)
    with patch.object(ikcrm.Client, "get_opportunity", autospec=True, return_value=answer) as get:
        assert crm.get_opportunity(1) is answer
        get.assert_called_once_with(crm, 1)


@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
def test_autospecs_know_the_methods(kind: Any) -> None:
    for mock in (
        create_autospec(kind, instance=True),
        create_autospec(kind(token="t")),
    ):
        assert isinstance(mock, kind)
        mock.get_opportunity.return_value = 1
        with pytest.raises(AttributeError):
            mock.no_such_method  # noqa: B018
    mock = create_autospec(ikcrm.Client, instance=True)
    with pytest.raises(TypeError):
        mock.get_opportunity()


def test_a_record_is_made_of_a_dict() -> None:
    customer = ikcrm.Customer.from_dict({"id": 7, "name": "某客户"})
    opportunity = ikcrm.Opportunity.from_dict(
        {
            "id": 1,
            "title": "一",
            "customer": customer,
            "expect_amount": Decimal("0.10"),
            "get_time": date(2024, 2, 29),
            "text_asset_1": ["x"],
            "note": None,
        }
    )
    assert isinstance(opportunity, ikcrm.Opportunity)
    assert opportunity.customer == customer
    assert (opportunity.expect_amount, opportunity.note) == (Decimal("0.10"), None)
    assert (opportunity.get_time, opportunity["text_asset_1"]) == (
        date(2024, 2, 29),
        ["x"],
    )
    assert ikcrm.Opportunity.from_dict(opportunity.to_dict()) == opportunity
    with pytest.raises(TypeError, match="has no form in JSON"):
        ikcrm.Opportunity.from_dict({"id": {1}})
    with pytest.raises(ValueError, match="Out of range"):
        ikcrm.Opportunity.from_dict({"id": float("inf")})


def test_the_client_of_the_process_can_be_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(2):
        with Sandbox() as sandbox:
            for name, value in sandbox.env.items():
                monkeypatch.setenv(name, value)
            ikcrm.reset_client()
            assert ikcrm.update_opportunity(ID, **FIELDS).id == ID
            assert len(sandbox.requests) == 1
    ikcrm.reset_client()
    monkeypatch.delenv("IKCRM_TOKEN")
    with pytest.raises(ikcrm.ConfigError):
        ikcrm.update_opportunity(ID, **FIELDS)


# --- the program ------------------------------------------------------------------------------

COMMAND = [sys.executable, "-m", "ikcrm.sandbox"]


def test_the_program_prints_its_url_and_the_settings_for_a_shell() -> None:
    command = [
        *COMMAND,
        "--until-stdin-closes",
        "--token",
        "it's mine",
        "--account",
        "me:se:cret:7",
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url, settings = (
            process.stdout.readline().strip(),
            process.stdout.readline().strip(),
        )
        assert shlex.split(settings) == [
            "export",
            f"IKCRM_BASE_URL={url}",
            "IKCRM_TOKEN=it's mine",
        ]
        signed_in = ikcrm.Client(login="me", password="se:cret", base_url=url)
        assert signed_in.get_opportunity(ID).id == ID
        process.stdin.close()
        assert process.wait(LONG) == 0


def test_the_program_runs_a_command_and_ends_as_it_does() -> None:
    code = """
import sys, ikcrm
print(ikcrm.update_opportunity(568587, note="x", partial=True).note, sys.argv[1:])
sys.exit(3)
"""
    command = [*COMMAND, "--no-quota", sys.executable, "-c", code, "--port", "x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG)
    assert (done.stdout, done.returncode) == ("x ['--port', 'x']\n", 3), done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--account", "me"], "invalid account value"),
        (["--latency-ms", "-5"], "latency is -0.005"),
        (["no-such-program"], "no-such-program"),
    ],
)
def test_the_program_tells_what_is_wrong_in_a_line(arguments: list[str], told: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


OF_THE_CRATE = {"--no-sort-by-update", "--whole-list-rows"}
"""What only tests of ikcrm itself need: forms that the CRM's lists may have."""


def test_the_options_are_those_of_the_crates_program() -> None:
    def options(command: list[str]) -> set[str]:
        shown = subprocess.check_output([*command, "--help"], text=True)
        return {word.strip("[],") for word in shown.split() if word.strip("[").startswith("--")}

    crate = [str(Path(server_path()).with_name("ikcrm-sandbox"))]
    ours = options(COMMAND)
    assert "--until-stdin-closes" in ours
    assert ours | OF_THE_CRATE == options(crate)


# --- types ------------------------------------------------------------------------------------


def test_the_types_admit_what_is_right_and_refuse_what_is_wrong() -> None:
    from mypy import api

    arguments = ["--strict", "--python-version", "3.10", "--no-incremental"]
    output, errors, status = api.run([*arguments, str(TESTS / "python/types/testing.py")])
    assert status == 0, output + errors


@pytest.mark.parametrize("module", ["ikcrm.testing", "ikcrm.testing.plugin", "ikcrm.sandbox"])
def test_the_package_is_loaded_only_when_it_is_asked_for(module: str) -> None:
    code = f"import sys, ikcrm; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
