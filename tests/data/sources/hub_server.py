"""A hub of one tiny dataset: the routes that `datasets` asks for, served from memory on the loopback."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

REPOSITORY = "tiny/set"
REVISION = "ab" * 20


@contextmanager
def hub(files: dict[str, bytes]) -> Iterator[str]:
    """Serve `files` (path in the repository to content) as REPOSITORY at REVISION; give the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == f"/api/datasets/{REPOSITORY}/revision/{REVISION}":
                siblings = [{"rfilename": name} for name in files]
                self.answer({"id": REPOSITORY, "sha": REVISION, "siblings": siblings, "tags": []})
            elif path.startswith(f"/api/datasets/{REPOSITORY}/revision/"):
                self.refuse("RevisionNotFound")
            elif match := re.fullmatch(rf"/api/datasets/{REPOSITORY}/tree/{REVISION}(?:/(.*))?", path):
                self.answer(self.tree(match[1] or ""))
            elif path.startswith(f"/datasets/{REPOSITORY}/resolve/{REVISION}/"):
                self.send_file(path.split(f"{REVISION}/", 1)[1])
            else:
                self.refuse("RepoNotFound")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if self.path.startswith(f"/api/datasets/{REPOSITORY}/paths-info/{REVISION}"):
                self.answer([entry for entry in self.tree("") if entry["path"] in body["paths"]])
            else:
                self.refuse("RepoNotFound")

        def tree(self, folder: str) -> list[dict[str, object]]:
            return [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
                if name.startswith(folder)
            ]

        def send_file(self, name: str) -> None:
            if name not in files:
                return self.refuse("EntryNotFound")
            content, status = files[name], 200
            headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": REVISION}
            if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
                first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
                headers["Content-Range"] = f"bytes {first}-{min(last, len(content) - 1)}/{len(content)}"
                content, status = content[first : last + 1], 206
            self.send(status, content, {**headers, "Accept-Ranges": "bytes"})

        def answer(self, value: object) -> None:
            self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def refuse(self, code: str) -> None:
            self.send(404, b"", {"X-Error-Code": code})

        def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
