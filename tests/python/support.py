"""What the tests share: data of the tests' folder, and a CRM that answers when it is told to."""

import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib import request as http

import ikcrm
from ikcrm.testing import Sandbox

TESTS = Path(__file__).resolve().parents[1]
TOKEN = "test-token-0123456789"
FIELDS: ikcrm.OpportunityFields = {"title": "ccc", "customer_id": 1}
LONG = 60.0
"""Seconds that no test may take: what ends earlier was not ended by its own deadline."""
SAMPLE = (TESTS / "contract/sample_answer.json").read_text(encoding="utf-8")


def load(path: str) -> Any:
    """The JSON of a file in the tests' folder."""
    return json.loads((TESTS / path).read_text(encoding="utf-8"))


def table(name: str) -> Any:
    """A table of the contract."""
    return load(f"../crates/ikcrm/contract/{name}.json")


def wait(event: threading.Event) -> None:
    assert event.wait(LONG), "nothing happened"


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Does the work in another thread meanwhile, and joins it; what it raises fails the test."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(LONG)
    assert not thread.is_alive()
    for failure in failures:
        raise failure


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process that runs this code."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def relay(sandbox: Sandbox, on_request: Callable[[str, str], None]) -> Iterator[str]:
    """The sandbox behind a server that calls something before it passes a request on."""

    class Relay(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.pass_on(None)

        def do_PUT(self) -> None:
            self.pass_on(self.rfile.read(int(self.headers["content-length"])))

        def pass_on(self, body: bytes | None) -> None:
            on_request(self.command, self.path)
            names = ("authorization", "content-type")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            url = sandbox.url + self.path
            with http.urlopen(http.Request(url, body, headers, method=self.command)) as answer:
                text = answer.read()
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Request:
    """A request that came, which waits for `answer`."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.path = handler.path
        self.headers = handler.headers
        self.fields: dict[str, Any] = json.loads(body or "{}").get("opportunity", {})
        self.peer: tuple[str, int] = handler.client_address
        self.hung_up = threading.Event()
        self._answer: tuple[str, int, dict[str, str]] | None = None
        self._told, self._tell = socket.socketpair()

    def answer(self, text: str | None = None, status: int = 200, **headers: str) -> None:
        """Answers with the sample, about the opportunity that was asked for, or with this text."""
        about = self.path.rpartition("/")[2]
        sample = SAMPLE.replace('"id": 568587,', f'"id": {about},', 1)
        self._answer = (sample if text is None else text, status, headers)
        self.end()

    def end(self) -> None:
        """Ends the wait; without an answer, by hanging up."""
        with suppress(OSError):  # it was over
            self._tell.sendall(b".")

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Waits for the answer or for the client to hang up."""
        with self._told, self._tell:
            ready, _, _ = select.select([self._told, handler.connection], [], [])
        if self._told not in ready:
            self.hung_up.set()
        if self._told in ready and self._answer is not None:
            self._send(handler, *self._answer)
        else:
            handler.close_connection = True

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler, text: str, status: int, headers: dict[str, str]
    ) -> None:
        body = text.encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)


class Crm:
    """A CRM on a loopback port. Every request waits until it is answered."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._arrival = threading.Condition()
        self._answer: Callable[[Request], None] | None = None
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                request = Request(self)
                crm._take(request)
                request.serve(self)

            do_GET = do_POST = do_PUT  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that hung up is no error here."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def options(self, **options: Any) -> Any:
        return {
            "token": TOKEN,
            "base_url": self.url,
            "timeout": LONG,
            "quota": None,
            **options,
        }

    def client(self, **options: Any) -> ikcrm.Client:
        return ikcrm.Client(**self.options(**options))

    def async_client(self, **options: Any) -> ikcrm.AsyncClient:
        return ikcrm.AsyncClient(**self.options(**options))

    def arrived(self, count: int) -> Request:
        """Waits until so many requests have come; returns the last of them."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: len(self.requests) >= count, LONG)
            return self.requests[count - 1]

    def answer_all(self, text: str | None = None, status: int = 200, **headers: str) -> None:
        """Answers what has come and will come at once."""
        self.answer_by(lambda request: request.answer(text, status, **headers))

    def answer_by(self, answer: Callable[[Request], None]) -> None:
        """Has what has come and will come answered by this function."""
        with self._arrival:
            self._answer = answer
            for request in self.requests:
                answer(request)

    def _take(self, request: Request) -> None:
        with self._arrival:
            self.requests.append(request)
            if self._answer:
                self._answer(request)
            self._arrival.notify_all()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        for request in self.requests:
            request.end()
        self._server.server_close()
