# SPDX-License-Identifier: MIT-0
import json
from pathlib import Path

from pipeline_src import contract
from tests.image.builder import ROOT, Builder
from tests.image.loop import PREPROCESS, Bench

# What a job can find out of its cell: its user, its network cards, how its root is mounted, where it may write.
PROBE = """
import json, os, pathlib, tempfile
def writable(folder):
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
root = next(line.split()[3] for line in open("/proc/mounts") if line.split()[1] == "/")
print(json.dumps({
    "root": root.split(",")[0], "uid": os.getuid(), "gid": os.getgid(), "cards": os.listdir("/sys/class/net"),
    "writable": [f for f in ("/", "/opt/program", "/usr", "/etc", "/tmp", "/opt/ml/processing/output") if writable(f)],
}))
"""
LIBRARIES = (
    "import cv2, deflate, jinja2, matplotlib, numpy, simplejpeg, scipy, sklearn.metrics, threadpoolctl;"
    "print(len(cv2.img_hash.pHash(numpy.eye(8, dtype=numpy.uint8))[0]))"
)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def program_files() -> set[str]:
    """Return the files of the repository that an image is to hold."""
    names = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pipeline_src").rglob("*") if path.is_file()}
    return {name for name in names if "__pycache__" not in name and not name.startswith("pipeline_src/definition/")}


def test_container_and_process_write_the_same_files_byte_for_byte(outputs: tuple[Path, Path]) -> None:
    container, process = map(_files, outputs)
    assert set(container) == set(process)
    assert [name for name in process if container[name] != process[name]] == []


def test_the_compared_files_are_all_that_both_jobs_promise(outputs: tuple[Path, Path]) -> None:
    names = set(_files(outputs[0]))
    assert {
        f"dataset/{name}"
        for name in (contract.MANIFEST_FILE, contract.DATASET_CARD_FILE, "train.idx", "validation.idx")
    } <= names
    assert {"train/train.rec", "validation/validation.rec"} <= names
    assert {
        f"evaluation/{name}" for name in (contract.EVALUATION_FILE, contract.PREDICTIONS_FILE, contract.REPORT_FILE)
    } <= names
    assert any(name.startswith("holdout/") for name in names)
    assert any(name.startswith("evaluation/") and name.endswith(".png") for name in names)


def test_a_job_has_no_network_no_root_and_no_writable_disk_but_its_own(in_container: Bench) -> None:
    outcome, _, lines = in_container.run("probe", "python", "-c", PROBE)
    assert outcome.exit_code == 0
    found = json.loads(lines[-1])
    assert found["uid"] != 0
    assert found["gid"] != 0
    assert found["cards"] == ["lo"]
    assert found["root"] == "ro"
    assert found["writable"] == ["/tmp", "/opt/ml/processing/output"]


def test_bad_input_ends_with_its_exit_code_and_its_message_in_the_output_folder(
    in_container: Bench, tmp_path: Path
) -> None:
    (tmp_path / "sample.zip").write_text("no zip at all")
    outcome, root, _ = in_container.run("bad", *PREPROCESS, inputs={contract.ARCHIVE_INPUT: tmp_path})
    assert outcome.exit_code == contract.EXIT_BAD_INPUT
    assert "sample.zip" in (root / "output/message").read_text()


def test_the_image_itself_names_a_user_that_is_not_root(builder: Builder, image: str) -> None:
    found = builder("run", "--rm", "--network", "none", image, "id", "-u")
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) > 0


def test_every_library_of_the_jobs_imports_in_the_image(builder: Builder, image: str) -> None:
    cell = ("--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp")
    found = builder("run", *cell, image, "python", "-c", LIBRARIES)
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) == 8


def test_the_image_holds_the_jobs_their_library_and_nothing_else_of_the_repository(
    builder: Builder, image: str
) -> None:
    found = builder("run", "--rm", "--network", "none", image, "find", ".", "-type", "f", "-not", "-name", "*.pyc")
    assert found.returncode == 0, found.stderr
    assert {line.removeprefix("./") for line in found.stdout.split()} == program_files() | {"requirements.txt"}


def test_the_build_context_is_what_the_images_need(builder: Builder, tmp_path: Path) -> None:
    """A Docker asset of the CDK is hashed over its context: a file too many deploys a new image for nothing."""
    recipe = tmp_path / "Dockerfile"
    recipe.write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY . /context\n")
    tag = "localhost/skin-lesion-context:test"
    try:
        builder.build(tag, recipe)
        found = builder("run", "--rm", "--network", "none", tag, "find", "/context", "-type", "f")
    finally:
        builder("rmi", "--force", tag)
    build_files = {
        f"containers/{image}/{name}"
        for image in ("fine_tuning", "model_server", "preprocessing")
        for name in ("Dockerfile", "requirements.txt")
    }
    assert {line.removeprefix("/context/") for line in found.stdout.split()} == program_files() | build_files
