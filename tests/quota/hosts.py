"""Hosts on a network of their own, in network namespaces, for tests of what crosses machines."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

FORWARD = Path(__file__).with_name("forward.py")
PREFIX = f"ikcrm{os.getpid() % 10_000}"
SUBNET = "10.231.77"


def can_make_hosts():
    """Whether this machine lets the test make network namespaces."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"{PREFIX}probe"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return False
    ip("netns", "delete", name)
    return True


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Host:
    """A machine on the bridge; `run` starts a program there."""

    def __init__(self, namespace):
        self.namespace = namespace

    def popen(self, command, **options):
        inside = ["ip", "netns", "exec", self.namespace, *command] if self.namespace else command
        return subprocess.Popen(inside, **options)


@contextmanager
def network(count):
    """A bridge with an address of its own, `count` hosts on it, and what carries a port to them."""
    bridge = f"{PREFIX}br"
    with ExitStack() as stack:
        ip("link", "add", bridge, "type", "bridge")
        stack.callback(ip, "link", "delete", bridge)
        ip("addr", "add", f"{SUBNET}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        hosts = []
        for number in range(count):
            namespace, outer = f"{PREFIX}h{number}", f"{PREFIX}v{number}"
            ip("netns", "add", namespace)
            stack.callback(ip, "netns", "delete", namespace)
            ip(
                "link",
                "add",
                outer,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                namespace,
            )
            ip("link", "set", outer, "master", bridge, "up")
            for command in (
                ["addr", "add", f"{SUBNET}.{number + 2}/24", "dev", "eth0"],
                ["link", "set", "eth0", "up"],
                ["link", "set", "lo", "up"],
            ):
                ip("-n", namespace, *command)
            hosts.append(Host(namespace))
        yield hosts


@contextmanager
def forwarded(host, listen, target):
    """Carries connections on the host from one address to another."""
    command = [sys.executable, FORWARD, listen, target]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with host.popen([str(part) for part in command], **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.stdin.close()
