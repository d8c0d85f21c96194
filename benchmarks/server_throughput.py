# SPDX-License-Identifier: MIT-0
"""Compares the model server with a bare loop: ``python -m benchmarks.server_throughput [--rounds 3] [--seconds 10]``.

The bare loop decodes the same images with the same function and computes the same model with ONNX Runtime, one after
the other, in a process without a server. It and the server have one core; the clients have another one, so that their
own work is not counted. The server is measured a second time with both cores and the clients on them: there, the CPU
time that the clients took is left out of what the server could have used.

The bare loop and the server run in turn, so that other load on the machine affects both. Where there is such load, the
server gets more of it than one loop because it has more threads: only the CPU time an image can be compared then. The
network of the model is EfficientNet-Lite0 with a random head; the images are synthetic. Every answer is compared with
the bare loop's.
Exits with 1 if a target is missed.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import drawn, measure
from pipeline_src import contract
from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.serving import onnx_artifact

CLIENTS: Final = (1, 8, 64)
SIDE: Final = 224
_IMAGES: Final = 100
ROOT: Final = drawn.OUT / "server"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_HEAD: Final = " cores clients requests/s  bare/s  share  CPU ms   bare  share  p50 ms  p99 ms    MB"

Figures = dict[str, float]


def main() -> int:
    """Measure and print; or be one of the processes that this needs."""
    parser = argparse.ArgumentParser(prog="benchmarks.server_throughput", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="length of a measurement (default: %(default)s)")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--clients", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--soak", type=int, metavar="MINUTES", help="ask for as long instead, and watch the memory")
    given = parser.parse_args()
    if given.bare:
        print(json.dumps(_bare_loop(given.seconds)))
        return 0
    if given.load:
        print(json.dumps(_load(given.load, given.clients, given.seconds)))
        return 0
    prepare()
    if given.soak:
        return _soak(given.soak)
    cores = sorted(measure.cores(2))
    apart = [_round(given.seconds, server={cores[0]}, clients={cores[1]}) for _ in range(given.rounds)]
    together = [_round(given.seconds, server=set(cores), clients=set(cores)) for _ in range(given.rounds)]
    print(_HEAD)
    shares = [_print_rows(number, rounds) for number, rounds in ((1, apart), (2, together))]
    met = shares[0] >= 0.8
    print(
        f"\n{'met   ' if met else 'MISSED'} throughput at 8 clients: {shares[0]:.1%} of the bare loop (target: >= 80 %)"
    )
    return 0 if met else 1


def _print_rows(cores: int, rounds: list[list[Figures]]) -> float:
    """Print the medians for each number of clients; return the share of the bare loop at 8."""
    found = 0.0
    for index, clients in enumerate(CLIENTS):
        row = {name: statistics.median(each[index][name] for each in rounds) for name in rounds[0][index]}
        print(
            f"{cores:6d} {clients:7d} {row['rate']:10.1f} {row['bare']:7.1f} {row['share']:6.1%} {row['cpu']:7.2f}"
            f" {row['bare_cpu']:6.2f} {row['bare_cpu'] / row['cpu']:6.1%} {row['p50']:7.1f} {row['p99']:7.1f}"
            f" {row['memory'] / 1e6:5.0f}"
        )
        found = row["share"] if clients == 8 else found
    return found


def _round(seconds: float, *, server: set[int], clients: set[int]) -> list[Figures]:
    """Return the figures of one round, for each number of clients."""
    figures = []
    with serving(server) as (port, pid):
        bare_rate(1, 1)
        _child(clients, "--load", str(port), "--clients", "8", seconds=2)  # warms it up
        for number in CLIENTS:
            before, (first, first_cpu) = _cpu_seconds(pid), bare_rate(len(server), seconds / 2)
            load = _child(clients, "--load", str(port), "--clients", str(number), seconds=seconds)
            used, (second, second_cpu) = _cpu_seconds(pid) - before, bare_rate(len(server), seconds / 2)
            rate, bare = load["requests"] / load["seconds"], (first + second) / 2
            usable = 1 if server != clients else 1 - load["cpu"] / load["seconds"] / len(server)
            figures.append(
                {
                    "rate": rate,
                    "bare": bare,
                    "share": rate / bare / usable,
                    "cpu": used / load["requests"] * 1e3,
                    "bare_cpu": (first_cpu + second_cpu) / 2 * 1e3,
                    "p50": load["p50"],
                    "p99": load["p99"],
                    "memory": resident_bytes(pid),
                }
            )
    return figures


def _soak(minutes: int) -> int:
    """Ask with 8 clients for `minutes`; return 1 if the memory of the last minute is above that of the first by 5 %."""
    cores, memory = set(measure.cores(2)), []
    bare_rate(1, 1)
    with serving(cores) as (port, pid):
        for minute in range(1, minutes + 1):
            load = _child(cores, "--load", str(port), "--clients", "8", seconds=60)
            memory.append(resident_bytes(pid))
            print(f"minute {minute}: {load['requests']} answers, all right; {memory[-1] / 1e6:.0f} MB", flush=True)
    return int(memory[-1] > 1.05 * memory[0])


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, from fields 14 and 15 of its stat file (man proc)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def bare_rate(processes: int, seconds: float) -> tuple[float, float]:
    """Run a bare loop on each of as many cores at once; return images a second of all, and CPU seconds an image."""
    cores = sorted(measure.cores(2))[:processes]
    done = [_result(each) for each in [_start({core}, "--bare", "--seconds", str(seconds)) for core in cores]]
    return (
        sum(each["images"] / each["seconds"] for each in done),
        sum(each["cpu"] for each in done) / sum(each["images"] for each in done),
    )


def _child(cores: set[int], *arguments: str, seconds: float) -> dict[str, Any]:
    return _result(_start(cores, *arguments, "--seconds", str(seconds)))


def _start(cores: set[int], *arguments: str) -> "subprocess.Popen[str]":
    command = ["taskset", "--cpu-list", ",".join(map(str, sorted(cores)))]
    module = [sys.executable, "-m", "benchmarks.server_throughput"]
    return subprocess.Popen([*command, *module, *arguments], stdout=subprocess.PIPE, text=True)


def _result(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"benchmarks.server_throughput: a process ended with {process.returncode}")
    return dict(json.loads(output))


@contextmanager
def serving(cores: set[int]) -> Iterator[tuple[int, int]]:
    """Run the server on `cores`; give its port and its process."""
    command = ["taskset", "--cpu-list", ",".join(map(str, sorted(cores)))]
    server = [sys.executable, "-m", "pipeline_src.algorithms.serving.onnx_server", "--port", "0"]
    environment = {**os.environ, "ML_ROOT": str(ROOT)}
    with subprocess.Popen([*command, *server], env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r":(\d+);", process.stdout.readline() if process.stdout else "")
            if not found:
                raise SystemExit("benchmarks.server_throughput: the server did not start")
            yield int(found[1]), process.pid
        finally:
            process.terminate()


def prepare() -> None:
    """Write the model and the images, unless they are there."""
    if not (ROOT / "model" / onnx_artifact.MODEL_FILE).exists():
        _write_model(ROOT / "model")
    images = ROOT / "images"
    if not images.exists():
        images.mkdir()
        for name, data in drawn.images(_IMAGES):
            (images / Path(name).name).write_bytes(data)


def _write_model(folder: Path) -> None:
    import numpy as np  # noqa: PLC0415  the clients need none of this

    from pipeline_src.algorithms.linear_probe import backbone_network  # noqa: PLC0415

    classes = len(contract.CLASS_LABELS)
    generator = np.random.default_rng(0)
    head = generator.normal(size=(backbone_network.FEATURES, classes)).astype(np.float32) / 8
    model = onnx_network.attach_head(backbone_network.build_backbone(), head, np.zeros(classes, np.float32))
    manifest = onnx_artifact.ModelManifest(
        algorithm="linear_probe",
        labels=contract.CLASS_LABELS,
        image_size=SIDE,
        decoding=onnx_artifact.DECODING,
        versions={},
        weights={},
    )
    onnx_artifact.write_model(folder, model.SerializeToString(deterministic=True), manifest)


def read_images() -> list[bytes]:
    """Return the images that are sent."""
    return [path.read_bytes() for path in sorted((ROOT / "images").iterdir())]


def _bare_loop(seconds: float) -> dict[str, float]:
    """Score the images one after the other for as long; write the answers for `_load`."""
    import onnxruntime  # noqa: PLC0415  after pipeline_src.algorithms, which switches its telemetry off

    from pipeline_src.dataset.image_codec import decode_square  # noqa: PLC0415  the clients need none of this

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(ROOT / "model" / onnx_artifact.MODEL_FILE, options)

    def score(data: bytes) -> list[float]:
        pixels = decode_square(data, "image", SIDE)[None]
        return [float(each) for each in session.run(None, {onnx_artifact.INPUT_NAME: pixels})[0][0]]

    images = read_images()
    answers = ROOT / "answers.json"
    if not answers.exists():
        answers.write_text(json.dumps([score(data) for data in images]), encoding="utf-8")
    score(images[0])
    done, started, cpu = 0, time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - started) < seconds:
        score(images[done % len(images)])
        done += 1
    return {"images": done, "seconds": spent, "cpu": time.process_time() - cpu}


def _load(port: int, clients: int, seconds: float) -> dict[str, float]:
    """Ask the server from as many threads, each with a connection of its own, and compare every answer."""
    images = read_images()
    answers = json.loads((ROOT / "answers.json").read_text(encoding="utf-8"))
    latencies: list[float] = []
    wrong: list[int] = []
    started, cpu = time.perf_counter(), time.process_time()

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        number = first
        while time.perf_counter() - started < seconds:
            begun = time.perf_counter()
            connection.request("POST", "/invocations", images[number], {"Content-Type": contract.IMAGE_CONTENT_TYPE})
            answer = connection.getresponse().read()
            latencies.append(time.perf_counter() - begun)
            if json.loads(answer) != answers[number]:
                wrong.append(number)
            number = (number + 1) % len(images)
        connection.close()

    threads = [threading.Thread(target=ask, args=(7 * number % len(images),)) for number in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    spent = time.perf_counter() - started
    if wrong or not latencies:
        raise SystemExit(f"benchmarks.server_throughput: {len(wrong)} wrong answers")
    cuts = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return {
        "requests": len(latencies),
        "seconds": spent,
        "cpu": time.process_time() - cpu,
        "p50": cuts[49] * 1e3,
        "p99": cuts[98] * 1e3,
    }


if __name__ == "__main__":
    sys.exit(main())
