"""Servers that refuse, hang, answer rubbish or die: a warning within seconds, and nothing is lost."""

import socketserver
import threading
import time
from contextlib import contextmanager

import pytest
from tests.tracking.test_server import free_port
from tests.tracking.trainings import write_journal

from resnetbk.tracking.track import track

PAGE = b"<h1>Welcome to the captive portal</h1>"
ANSWERS = {
    "a page": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/html\r\n\r\n%s" % (len(PAGE), PAGE),
    "no HTTP": b"\x00\xff\x17 what?\r\n\r\n",
    "an error": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "a refusal": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
    "nothing at all": None,
}


@contextmanager
def serving(answer):
    """A server on this machine that says `answer` to everything; None: it accepts and then is silent."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            if answer is None:
                over.wait()
            else:
                self.request.sendall(answer)

    class Server(socketserver.ThreadingTCPServer):
        block_on_close, daemon_threads = False, True

    over = threading.Event()
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            over.set()
            server.shutdown()


@pytest.fixture
def impatient(monkeypatch):
    """A second for an answer instead of ten, and no second attempt."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


OFTEN = ("a page", "nothing at all")


@pytest.mark.parametrize(
    "answer", [pytest.param(name, marks=() if name in OFTEN else pytest.mark.nightly) for name in ANSWERS]
)
def test_a_server_that_is_no_mlflow_is_a_warning_without_the_password(
    project, params, capsys, monkeypatch, impatient, answer
):
    write_journal(project)
    with serving(ANSWERS[answer]) as port:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:pa55word@127.0.0.1:{port}")
        start = time.monotonic()
        assert not track(params, root=project)
    assert time.monotonic() - start < 30
    printed = capsys.readouterr()
    assert "did not take 3 of 3 runs (resnet_bk-0, mamba-0, comparison)" in printed.err
    assert "Nothing is lost" in printed.err
    assert "pa55word" not in printed.err + printed.out


@pytest.mark.nightly
def test_what_a_server_did_not_take_is_sent_when_it_is_back(
    project, params, database, monkeypatch, impatient, capsys
):
    write_journal(project)
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
        assert not track(params, root=project)
    assert track(params, root=project)
    assert "3 runs sent" in capsys.readouterr().out
