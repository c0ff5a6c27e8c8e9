"""Whether MLflow's pages stay responsive: the calls that they make, to a real server with a thousand runs.

The runs are those of the present results, again and again, in one experiment: the page that lists them asks for
all parameters, tags and metrics of the first hundred.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnetbk.benchmark.paired import interleaved, spread
from resnetbk.benchmark.record import measured_on
from resnetbk.benchmark.settings import Target
from resnetbk.errors import UserError
from resnetbk.tracking.mlflow_store import TAG_LENGTH, cut, open_client
from resnetbk.tracking.run import TrackedRun

TARGETS: dict[str, Target] = {
    name: Target("at most", 1.0)  # seconds
    for name in ("open_seconds", "next_page_seconds", "filter_seconds", "sort_by_metric_seconds")
}
API = "ajax-api/2.0/mlflow"  # the pages' own
START_SECONDS = 120.0


@dataclass(frozen=True)
class SearchSettings:
    """`runs`: in the experiment; `rounds`: how often each call is made; `page`: runs that a page asks for."""

    runs: int = 1000
    rounds: int = 31
    page: int = 100


def run_search_benchmark(
    pattern: list[TrackedRun], settings: SearchSettings, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Fill a database, serve it, and time the calls of the page that lists its runs; about five minutes.

    **Arguments:** `pattern`: runs to fill it with, over and over; `say`: told what is done next.
    **Returns:** a dict for JSON: the quartiles of each call in seconds, its answer's bytes, settings, environment.
    """
    with tempfile.TemporaryDirectory(prefix="resnetbk-search-") as folder:
        say(f"{settings.runs} runs into a fresh database ...")
        experiment = _fill(Path(folder), pattern, settings.runs)
        say("the calls of the page that lists them ...")
        with _serving(Path(folder)) as url:
            calls = _calls(url, experiment, settings.page)
            answers = {name: len(call()) for name, call in calls.items()}  # also the warm-up
            seconds = interleaved(list(calls.values()), settings.rounds)
    return {
        "seconds": {name: asdict(spread(taken)) for name, taken in zip(calls, seconds, strict=True)},
        "bytes": answers,
        "settings": asdict(settings),
        "environment": measured_on("python", "packages"),
    }


def search_figures(details: dict[str, Any]) -> dict[str, float]:
    """Return the median of each call in seconds."""
    return {f"{name}_seconds": found["median"] for name, found in details["seconds"].items()}


def _fill(folder: Path, pattern: list[TrackedRun], runs: int) -> str:
    """Write runs as `track` does and return their experiment's id.

    What no search reads is left out: artifacts, and all but the last point of each metric.
    """
    from mlflow.entities import Metric, Param, RunTag

    client = open_client(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.create_experiment("many runs", (folder / "artifacts").as_uri())
    begin = int(1000 * time.time())
    for number in range(runs):
        run, start = pattern[number % len(pattern)], begin + 1000 * number
        last = {point.name: point for point in run.points}
        run_id = client.create_run(experiment, start, run_name=f"{run.name} {number}").info.run_id
        client.log_batch(
            run_id,
            [Metric(p.name, p.value, start, p.step) for p in last.values()],
            [Param(name, text) for name, text in run.params.items()],
            [RunTag(name, cut(text, TAG_LENGTH)) for name, text in run.tags.items()],
        )
        client.set_terminated(run_id, "FINISHED", start + 1000)
    return experiment


def _calls(url: str, experiment: str, page: int) -> dict[str, Callable[[], bytes]]:
    """Return what happens when a person opens the list, goes on, filters by a model, and sorts by a metric."""

    def search(**more: Any) -> Callable[[], bytes]:
        body = {"experiment_ids": [experiment], "run_view_type": "ACTIVE_ONLY", "max_results": page}
        body |= {"order_by": ["attributes.start_time DESC"], **more}
        return lambda: _post(f"{url}/{API}/runs/search", body)

    opened = search()
    token = json.loads(opened())["next_page_token"]
    return {
        "open": opened,
        "next_page": search(page_token=token),
        "filter": search(filter="tags.model = 'mamba' AND metrics.`test/loss` < 100"),
        "sort_by_metric": search(order_by=["metrics.`validation/loss` ASC"]),
    }


def _post(url: str, body: dict[str, Any]) -> bytes:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Run `mlflow ui` on the database of a folder; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # processes that nobody needs here
        server = subprocess.Popen(command, cwd=folder, env=quiet, stdout=log, stderr=log)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=5).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    reason = (folder / "server.log").read_text(encoding="utf-8")[-500:]
                    raise UserError(f"mlflow ui did not start: {reason}") from None
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait()
