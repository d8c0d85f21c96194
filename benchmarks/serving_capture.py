# SPDX-License-Identifier: MIT-0
"""Loads the model server with and without capture: ``python -m benchmarks.serving_capture [--seconds 5] [--soak 30]``.

For each number of clients: requests answered a second, p50 and p99 of an answer in ms, requests that were refused (429
or 503; the client waits as long as the answer says), memory of the server and of the capturing proxy after it, wrong
answers, and answered requests that were not captured. All processes share two cores, so that rates are lower than those
of `benchmarks.server_throughput`, in which the clients have a core of their own.

``--soak`` asks with 8 clients for as many minutes and watches the memory.
Exits with 1 for a wrong answer, a lost request, a p99 at 256 clients above three times that at 64, or growing memory.
"""

import argparse
import http.client
import json
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import measure
from benchmarks.server_throughput import ROOT, bare_rate, prepare, read_images, resident_bytes, serving
from pipeline_src import contract

CLIENTS: Final = (1, 8, 64, 256)
_SOAK_CLIENTS: Final = 8
_FAIR_RATIO: Final = 3.0  # p99 at 256 clients over that at 64
_GROWTH: Final = 1.05  # memory at the end of a soak over that after its first minute
_REPOSITORY: Final = Path(__file__).parents[1]
_APPLICATION: Final = _REPOSITORY / ".venv/app/bin/python"
_CAPTURED: Final = ROOT / "captured"
_INFERENCE_ID: Final = re.compile(rb'"inferenceId":"([^"]+)"')
_HEAD: Final = "capture clients answered/s  p50 ms  p99 ms refused  broken   wrong    lost  server MB  proxy MB"
# The jobs' environment has no aiohttp: the proxy runs in that of the application.
_PROXY: Final = """
import sys, threading
from pathlib import Path
from local.aws.data_capture import CaptureRecorder
from local.aws.s3_store import S3Store
from local.console.command_frame import stop_on_signals
from local.endpoint.capture_proxy import run_capture_proxy
stop = threading.Event()
with (
    stop_on_signals(stop.set),
    CaptureRecorder("bench", S3Store(Path(sys.argv[2])), print) as recorder,
    run_capture_proxy(int(sys.argv[1]), 0, recorder) as port,
):
    print(port, flush=True)
    while not stop.wait(0.2):
        pass
"""


@dataclass
class Load:
    """What clients were answered.

    Attributes:
        latencies: Seconds of each answer.
        answered: Inference ids of the answered requests.
        counts: Requests that were refused, broken (no answer) and wrong (another answer than the bare loop's).
    """

    latencies: list[float] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def percentile(self, number: int) -> float:
        """Return a percentile of the latencies in milliseconds."""
        if len(self.latencies) < 2:  # as `quantiles` needs
            return 1e3 * sum(self.latencies)
        return 1e3 * statistics.quantiles(self.latencies, n=100)[number - 1]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving_capture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of a measurement (default: %(default)s)")
    parser.add_argument("--soak", type=int, metavar="MINUTES", help="ask for as long instead, and watch the memory")
    given = parser.parse_args()
    prepare()
    bare_rate(1, 1)  # writes the answers
    print(_HEAD)
    return _soak(given.soak) if given.soak else _compare(given.seconds)


def _compare(seconds: float) -> int:
    failed = False
    for captures in (False, True):
        slowest = {}
        for clients in CLIENTS:
            # Servers of its own for each, so that their memory is that of these clients.
            with _servers(captures=captures) as servers:
                load, lost = _measure(servers, clients, seconds)
            slowest[clients] = load.percentile(99)
            failed |= bool(lost or load.counts["wrong"])
        ratio = slowest[256] / slowest[64]
        failed |= ratio > _FAIR_RATIO
        print(f"p99 at 256 clients is {ratio:.1f} times that at 64 (target: at most {_FAIR_RATIO:g})", flush=True)
    return int(failed)


def _soak(minutes: int) -> int:
    failed, memory = False, []
    with _servers(captures=True) as servers:
        for _ in range(minutes):
            load, lost = _measure(servers, _SOAK_CLIENTS, 60)
            memory.append(resident_bytes(servers[1]) + resident_bytes(servers[2] or servers[1]))
            failed |= bool(lost or load.counts["wrong"] or load.counts["broken"])
    return int(failed or memory[-1] > _GROWTH * memory[0])


Servers = tuple[int, int, int | None]  # the port to ask, the process of the server and that of the proxy


@contextmanager
def _servers(*, captures: bool) -> Iterator[Servers]:
    with serving(set(measure.cores(2))) as (port, server):
        if not captures:
            yield port, server, None
            return
        shutil.rmtree(_CAPTURED, ignore_errors=True)
        command = [str(_APPLICATION), "-c", _PROXY, str(port), str(_CAPTURED)]
        with subprocess.Popen(command, cwd=_REPOSITORY, stdout=subprocess.PIPE, text=True) as proxy:
            try:
                line = proxy.stdout.readline() if proxy.stdout else ""
                if not line.strip().isdigit():
                    raise SystemExit("benchmarks.serving_capture: the proxy did not start")
                yield int(line), server, proxy.pid
            finally:
                proxy.terminate()
                proxy.wait()
                shutil.rmtree(_CAPTURED, ignore_errors=True)


def _measure(servers: Servers, clients: int, seconds: float) -> tuple[Load, int]:
    """Ask from as many threads, print a row, and return it with the number of lost requests."""
    port, server, proxy = servers
    started = time.perf_counter()
    load = _ask(port, clients, started + seconds)
    spent = time.perf_counter() - started
    lost = 0
    if proxy is not None:
        lost = len(set(load.answered) - _captured_ids())
        shutil.rmtree(_CAPTURED, ignore_errors=True)
    print(
        f"{'yes' if proxy else 'no':>7} {clients:7d} {len(load.answered) / spent:10.1f} {load.percentile(50):7.1f}"
        f" {load.percentile(99):7.1f} {load.counts['refused']:7d} {load.counts['broken']:7d} {load.counts['wrong']:7d}"
        f" {lost if proxy else '-':>7} {resident_bytes(server) / 1e6:10.0f}"
        f" {f'{resident_bytes(proxy) / 1e6:.0f}' if proxy else '-':>9}",
        flush=True,
    )
    return load, lost


def _captured_ids() -> set[str]:
    return {found.decode() for path in _CAPTURED.rglob("*.jsonl") for found in _INFERENCE_ID.findall(path.read_bytes())}


def _ask(port: int, clients: int, end: float) -> Load:
    images = read_images()
    answers = json.loads((ROOT / "answers.json").read_text(encoding="utf-8"))
    load = Load()

    def ask(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        number = 0
        while time.perf_counter() < end:
            picture = (7 * client + number) % len(images)
            name = f"{time.time_ns()}-{client}-{number}"
            headers = {"Content-Type": contract.IMAGE_CONTENT_TYPE, "X-Amzn-SageMaker-Inference-Id": name}
            number += 1
            begun = time.perf_counter()
            try:
                connection.request("POST", "/invocations", images[picture], headers)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException):
                load.counts["broken"] += 1
                connection.close()
                continue
            if response.status in {http.client.TOO_MANY_REQUESTS, http.client.SERVICE_UNAVAILABLE}:
                load.counts["refused"] += 1
                time.sleep(float(response.headers["Retry-After"]))
                continue
            load.latencies.append(time.perf_counter() - begun)
            load.answered.append(name)
            if response.status != http.client.OK or json.loads(text) != answers[picture]:
                load.counts["wrong"] += 1
        connection.close()

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return load


if __name__ == "__main__":
    sys.exit(main())
