"""The quota kept for real by many processes, while their store is attacked.

No window of the CRM holds more than the quota, or the calls end with an error that tells why.

Each scenario mostly waits, so all of them run side by side.
"""

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hosts
import parts
import pytest
from parts import (
    end_well,
    environment,
    free_port,
    long_up,
    redis_cli,
    redis_server,
    sandbox,
    start,
)

import ikcrm

SCENARIOS = {}


def scenario(needs=None):
    """A function that makes processes call a CRM, and returns what that counted."""

    def add(run):
        missing = needs and not shutil.which(needs)
        skip = pytest.mark.skipif(bool(missing), reason=f"{needs} is not installed")
        SCENARIOS[run.__name__] = (run, bool(missing), skip)
        return run

    return add


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    """Those that are asked for, on their way."""
    asked = [
        item.callspec.params["name"]
        for item in request.session.items
        if "running" in item.fixturenames
    ]
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {
            name: pool.submit(run, tmp_path_factory.mktemp(name))
            for name, (run, missing, _) in SCENARIOS.items()
            if name in asked and not missing
        }


# --- a file -----------------------------------------------------------------------------------


def attack_file(folder, attack, worker="python"):
    """Three processes, whose file meets something after 25 calls."""
    path = folder / "quota"
    with sandbox() as crm:
        workers = [start(worker, 2, 8, environment(crm, path.as_uri())) for _ in range(3)]
        crm.stats(calls=12)
        copy = shutil.copy(path, folder / "copy")
        crm.stats(calls=25)
        attack(path, Path(copy))
        end_well(workers)
        return crm.stats()


@scenario()
def a_file_is_deleted(folder):
    return attack_file(folder, lambda path, _: path.unlink())


@scenario()
def a_file_is_deleted_beside_clients_made_per_call(folder):
    return attack_file(folder, lambda path, _: path.unlink(), "per call")


@scenario()
def a_file_is_emptied(folder):
    return attack_file(folder, lambda path, _: os.truncate(path, 0))


@scenario()
def a_file_is_damaged(folder):
    return attack_file(folder, lambda path, _: path.write_bytes(b"garbage" * 1000))


@scenario()
def a_file_is_replaced_by_an_older_copy(folder):
    return attack_file(folder, lambda path, copy: copy.replace(path))


@scenario()
def a_file_gets_a_second_name(folder):
    path, link = folder / "quota", folder / "link"
    with sandbox() as crm:
        variables = environment(crm, path.as_uri())
        workers = [start("python", 2, 8, variables, stderr=subprocess.PIPE) for _ in range(2)]
        crm.stats(calls=12)
        link.hardlink_to(path)
        workers.append(
            start("python", 2, 8, environment(crm, link.as_uri()), stderr=subprocess.PIPE)
        )
        for worker in workers:
            assert b"hard links" in worker.communicate()[1]
        return crm.stats()


@scenario()
def a_file_is_used_by_two_clocks(folder):
    # As containers do that have a kernel of their own.
    elsewhere = ["unshare", "--fork", "--time", "--boottime", "5000"]
    if subprocess.run([*elsewhere, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine makes no time namespaces")
    with sandbox() as crm:
        variables = environment(crm, (folder / "quota").as_uri())
        here = start("python", 2, 100, variables, stderr=subprocess.PIPE)
        crm.stats(calls=5)
        there = start("python", 2, 6, variables, before=elsewhere)
        assert b"a clock of their own" in here.communicate()[1]
        end_well([there])
        return crm.stats()


@scenario()
def eight_processes_share_a_file_and_three_are_killed(folder):
    with sandbox() as crm:
        variables = environment(crm, (folder / "quota").as_uri())
        languages = list(parts.COMMANDS)
        workers = [start(languages[i % 3], 4, 5, variables) for i in range(8)]
        crm.stats(calls=40)
        for worker in workers[:3]:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        end_well(workers[3:])
        return crm.stats()


def after(worker, store, *arguments):
    """A process that does things with forks, and ends when all of them have."""
    with sandbox() as crm:
        process = start(worker, *arguments, environment(crm, store), stdout=subprocess.PIPE)
        # A daemon holds its parents' end of the pipe.
        told = process.communicate(timeout=120)[0].split()
        assert (process.returncode, told) == (0, [b"done"])
        return crm.stats()


@scenario()
def a_pool_of_forks_shares_a_file(folder):
    return after("forks", (folder / "quota").as_uri(), 4, 32)


@scenario()
def a_daemon_and_clients_made_per_call_share_a_file(folder):
    return after("daemon", (folder / "quota").as_uri(), 2, 8)


def two_limits(store):
    with sandbox() as crm:
        loose = environment(crm, store, IKCRM_QUOTA_CALLS="20")
        longer = environment(crm, store, IKCRM_QUOTA_CALLS="15", IKCRM_QUOTA_PER="1.5")
        workers = [start("python", 4, 10, environment(crm, store))]
        crm.stats(calls=1)
        workers += [start("python", 4, 10, loose), start("node", 4, 10, longer)]
        end_well(workers)
        return crm.stats()


@scenario()
def three_limits_meet_in_a_file(folder):
    return two_limits((folder / "quota").as_uri())


# --- a Redis server ---------------------------------------------------------------------------


@contextmanager
def long_running_redis(*options):
    port = free_port()
    with redis_server("127.0.0.1", port, *options) as server:
        long_up(port)
        yield port, server


def attack_redis(attack, *options, worker="python", **variables):
    """Three processes, whose server meets something after 25 calls."""
    with sandbox() as crm, long_running_redis(*options) as (port, server):
        variables = environment(crm, f"redis://127.0.0.1:{port}", **variables)
        workers = [start(worker, 2, 8, variables) for _ in range(3)]
        crm.stats(calls=25)
        attack(port, server, crm)
        end_well(workers)
        return crm.stats()


@scenario("redis-server")
def redis_forgets_everything(_):
    return attack_redis(lambda port, *_: redis_cli(port, "FLUSHALL"))


@scenario("redis-server")
def redis_forgets_everything_beside_clients_made_per_call(_):
    return attack_redis(lambda port, *_: redis_cli(port, "FLUSHALL"), worker="per call")


@scenario("redis-server")
def a_pool_of_forks_shares_a_redis(_):
    with long_running_redis() as (port, _):
        return after("forks", f"redis://127.0.0.1:{port}", 4, 32)


@scenario("redis-server")
def redis_forgets_the_window(_):
    return attack_redis(lambda port, *_: redis_cli(port, "DEL", f"ikcrm:quota:{parts.KEY}"))


@scenario("redis-server")
def redis_drops_the_window_for_lack_of_memory(_):
    def fill(port, *_):
        born = ["HGET", f"ikcrm:quota:{parts.KEY}", "born"]
        before = redis_cli(port, *born)
        sets = "".join(f"SET filler{number} {'x' * 1000}\n" for number in range(4000))
        while redis_cli(port, *born) == before:
            redis_cli(port, input=sets)

    return attack_redis(fill, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-random")


@scenario("redis-server")
def redis_stalls(_):
    def stall(port, server, crm):
        server.send_signal(signal.SIGSTOP)
        store = f"redis://127.0.0.1:{port}"
        quota = {"store": store, "key": parts.KEY}
        client = ikcrm.Client(token="sandbox-token", base_url=crm.url, quota=quota)
        with client, pytest.raises(ikcrm.QuotaStoreError) as raised:
            client.update_opportunity(568587, title="ccc", customer_id=1)
        assert raised.value.retryable
        server.send_signal(signal.SIGCONT)

    return attack_redis(stall)


@scenario("redis-server")
def redis_is_away_and_two_processes_go_on_with_half_the_quota_each(_):
    with sandbox() as crm, long_running_redis() as (port, server):
        variables = environment(crm, f"redis://127.0.0.1:{port}", IKCRM_QUOTA_FALLBACK="0.5")
        workers = [start("python", 4, 9, variables) for _ in range(2)]
        crm.stats(calls=15)
        server.send_signal(signal.SIGSTOP)
        crm.stats(calls=45)
        server.send_signal(signal.SIGCONT)
        end_well(workers)
        return crm.stats()


@scenario("redis-server")
def three_limits_meet_on_redis(_):
    with long_running_redis() as (port, _):
        return two_limits(f"redis://127.0.0.1:{port}")


@scenario("redis-server")
def redis_speaks_tls_and_wants_a_password(folder):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]
    command += ["-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True)
    plain, port = free_port(), free_port()
    options = ["--tls-port", str(port), "--tls-cert-file", str(certificate)]
    options += [
        "--tls-key-file",
        str(key),
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "se cret",
    ]
    options += ["--tls-ca-cert-file", str(certificate)]
    with sandbox() as crm, redis_server("127.0.0.1", plain, *options):
        long_up(plain, "--no-auth-warning", "-a", "se cret")
        store = f"rediss://:se%20cret@localhost:{port}/0"
        trusting = environment(crm, store, SSL_CERT_FILE=str(certificate))
        end_well([start(language, 2, 6, trusting) for language in parts.COMMANDS])
        stranger = start("python", 1, 1, environment(crm, store), stderr=subprocess.PIPE)
        assert b"certificate" in stranger.communicate()[1]
        return crm.stats()


@scenario("redis-server")
def three_processes_on_each_of_three_hosts_share_a_redis_that_restarts(_):
    with ExitStack() as stack:
        crm = stack.enter_context(sandbox())
        if hosts.can_make_hosts():
            address, machines = (
                f"{hosts.SUBNET}.1",
                stack.enter_context(hosts.network(3)),
            )
            crm_address = crm.url.removeprefix("http://")
            port = crm_address.rpartition(":")[2]
            outside = f"{address}:{port}"
            stack.enter_context(hosts.forwarded(hosts.Host(None), outside, crm_address))
            for machine in machines:
                stack.enter_context(hosts.forwarded(machine, crm_address, outside))
        else:
            print("NO NETWORK NAMESPACES HERE: 9 processes of one host instead")
            address, machines = "127.0.0.1", [hosts.Host(None)] * 3
        port = free_port(address)
        variables = environment(crm, f"redis://{address}:{port}")
        with redis_server(address, port) as redis:
            long_up(port, "-h", address)
            workers = [
                start(language, 2, 6, variables, machine)
                for machine in machines
                for language in parts.COMMANDS
            ]
            crm.stats(calls=40)
            redis.kill()
        with redis_server(address, port):
            end_well(workers)
        return crm.stats()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=skip) for name, (_, _, skip) in SCENARIOS.items()]
)
def test_no_window_holds_more_than_the_quota(running, capsys, name):
    parts.check(running[name].result(), capsys, name.replace("_", " "))
