# SPDX-License-Identifier: MIT-0
"""Compares an epoch of `fine_tuning` with a bare training loop over images that are in memory already.

``python -m benchmarks.fine_tuning_epoch [--images N]`` runs in the environment of fine_tuning, on one core. The job
reads, decodes and augments its images, computes groups of 16, averages weights and statistics, and checks the loss. The
bare loop does a forward pass, a backward pass and a step of AdamW with the same network, and nothing else. It is timed
with groups of 16 images whose gradients are added, as the job computes them, and with whole batches. They are timed in
turn, three times each, in seconds of processor time of all threads, which on one core is the time of an epoch.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  PyTorch's own name for it

from benchmarks import drawn, measure
from pipeline_src import contract
from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.fine_tuning import batch_loader, fine_tuning_hyperparameters
from pipeline_src.algorithms.fine_tuning.batch_loader import BatchLoader, ImageGroup
from pipeline_src.algorithms.fine_tuning.fine_tuning_hyperparameters import GROUP_IMAGES
from pipeline_src.algorithms.fine_tuning.process_group import ProcessGroup
from pipeline_src.algorithms.fine_tuning.torch_network import EfficientNetLite
from pipeline_src.algorithms.fine_tuning.training_loop import Training, TrainingData
from pipeline_src.dataset import image_codec, recordio_format

SIDE: Final = 224
BATCH: Final = 64
ROUNDS: Final = 3
TARGET: Final = 0.9
_CLASSES: Final = len(contract.CLASS_LABELS)


def main() -> int:
    """Print the times and the ratios; return 1 where the ratio is below `TARGET`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=192, help="of an epoch [default: 192]")
    images = parser.parse_args().images // BATCH * BATCH
    os.sched_setaffinity(0, measure.cores(1))
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ML_ROOT"] = folder
        path = Path(folder) / "input/data/train/train.rec"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(_records(images)))
        channel = training_channel.scan_channel(contract.TRAIN, SIDE)
        return _compare(TrainingData(channel, channel))


def _records(count: int) -> Iterator[bytes]:
    """Yield records as Preprocess writes them: drawn images, resized."""
    for number, (name, data) in enumerate(drawn.images(count)):
        image = image_codec.encode_jpeg(image_codec.decode_square(data, name, SIDE))
        lesion = recordio_format.lesion_number(name)
        yield recordio_format.encode_image_record(number % _CLASSES, number, image, lesion)


def _compare(data: TrainingData) -> int:
    job, bare, batches = [], [], []
    order = batch_loader.epoch_order(data.train.labels, GROUP_IMAGES, BATCH // GROUP_IMAGES, 0, 0)
    loaded = list(BatchLoader(data.train, SIDE, 1).load([group for step in order for group in step], None))
    joined = [_join(loaded[at : at + len(order[0])]) for at in range(0, len(loaded), len(order[0]))]
    for _ in range(ROUNDS):
        job.append(_seconds(_job_epoch(data)))
        bare.append(_seconds(_bare_epoch(loaded, len(order[0]))))
        batches.append(_seconds(_bare_epoch(joined, 1)))
    images = order.size
    for name, times in (("job", job), ("bare loop, groups of 16", bare), (f"bare loop, batches of {BATCH}", batches)):
        middle = statistics.median(times)
        sys.stdout.write(f"{name:26} {middle:6.1f} s  {images / middle:5.1f} images a second\n")
    ratio = statistics.median(own / other for own, other in zip(bare, job, strict=True))
    sys.stdout.write(f"the job runs at {ratio:.1%} of the speed of the bare loop with groups; target {TARGET:.0%}\n")
    return int(ratio < TARGET)


def _join(groups: Sequence[ImageGroup]) -> ImageGroup:
    return ImageGroup(*(np.concatenate(each) for each in zip(*groups, strict=True)))


def _seconds(epoch: Callable[[], None]) -> float:
    began = time.process_time()
    epoch()
    return time.process_time() - began


def _network() -> EfficientNetLite:
    torch.manual_seed(0)
    return EfficientNetLite("efficientnet_lite0", _CLASSES).to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def _job_epoch(data: TrainingData) -> Callable[[], None]:
    """Return the training part of an epoch of the job."""
    given = {
        "num_classes": str(_CLASSES),
        "num_training_samples": str(len(data.train.images)),
        "image_shape": f"3,{SIDE},{SIDE}",
        "seed": "0",
        "batch_size": str(BATCH),
    }
    parameters = fine_tuning_hyperparameters.parse_fine_tuning_hyperparameters(given, "the benchmark")
    training = Training(_network(), data, parameters, ProcessGroup(), lambda _line: None)

    def epoch() -> None:
        training.train_epoch(0)

    return epoch


def _bare_epoch(groups: Sequence[ImageGroup], added: int) -> Callable[[], None]:
    """Return an epoch that makes a step of the weights after `added` of `groups`."""
    network = _network().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.0001)

    def epoch() -> None:
        for number, each in enumerate(groups):
            logits = network(torch.from_numpy(each.pixels))
            (F.cross_entropy(logits, torch.from_numpy(each.labels)) / added).backward()
            if number % added == added - 1:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

    return epoch


if __name__ == "__main__":
    sys.exit(main())
