# SPDX-License-Identifier: MIT-0
"""`labels`: a table arrives under its hash, and what is no table of labels is refused by line before it is sent."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from operations.commands import label_upload
from operations.functions.errors import UsageError
from pipeline_src import label_table
from pipeline_src.label_table import LabelTableError
from tests.operations.commands.store import RAW, Store
from tests.operations.service import Services
from tests.operations.shell import has_stack, run

TABLE = b"id,label,date\nISIC_1,mel,2026-11-20\nISIC_2,NV,\n"


@pytest.fixture
def store() -> Iterator[Store]:
    with mock_aws():
        yield Store()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(content)
    return path


def test_a_table_arrives_whole_under_its_hash(store: Store, tmp_path: Path) -> None:
    key = f"labels/{hashlib.sha256(TABLE).hexdigest()}.csv"
    path = written(tmp_path, TABLE)
    done = label_upload.upload_labels(store.client, RAW, path, again=False)
    assert done == label_upload.LabelUpload(sent=True, message=f"s3://{RAW}/{key}: 2 labels uploaded.")
    assert store.body(key) == TABLE


def test_a_table_that_is_there_is_sent_again_only_where_that_is_wanted(store: Store, tmp_path: Path) -> None:
    """Its arrival starts a run of the monitor; one that failed is repeated so."""
    path = written(tmp_path, TABLE)
    versions = []
    for again in (False, False, True):
        done = label_upload.upload_labels(store.client, RAW, path, again=again)
        versions.append((done.sent, len(store.client.list_object_versions(Bucket=RAW)["Versions"])))
    assert versions == [(True, 1), (False, 1), (True, 2)]
    refused = label_upload.upload_labels(store.client, RAW, path, again=False).message
    assert refused.endswith(
        "already uploaded; 2 labels; nothing was sent. "
        f"To start another monitoring run: make labels FILE={path} ARGS=--again"
    )


@pytest.mark.parametrize(("options", "next_"), [((), 1), (("--again",), 2)])
def test_what_comes_next_is_said_only_where_something_does(
    aws: Services, tmp_path: Path, options: tuple[str, ...], next_: int
) -> None:
    path = written(tmp_path, TABLE)
    key = f"labels/{hashlib.sha256(TABLE).hexdigest()}.csv"
    has_stack(aws, "storage")
    if options:
        aws.answers("s3", "put_object", {})
    else:
        aws.answers("s3", "head_object", {}, Bucket="raw", Key=key)
    result = run(aws, "labels", str(path), *options)
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == next_
    assert ("Next: a notification" in result.output) is bool(options)


@pytest.mark.parametrize("column", label_table.LABEL_ID_COLUMNS)
def test_the_id_may_be_called_what_it_is(column: str) -> None:
    assert label_table.check_label_table(f"\ufeff{column},label\r\nISIC_1,bcc\r\nISIC_1,bcc\r\n".encode(), "x") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"expected a column named id or image_id .* \(found: none\)"),
        (b"picture,label\na,mel\n", r"found: picture, label"),
        (b"id,diagnosis\na,mel\n", r"found: id, diagnosis"),
        (b"id,label\n", "has no rows"),
        (b"id,label\na,mel\n,nv\n", "line 3: id: is empty"),
        (
            b"id,label\na,melanoma\nb,nv\nc,nvv\nd,scar\n",
            r"2: label 'melanoma', did you mean 'mel'\?; line 4: label 'nvv', did.*; line 5: label 'scar'\. Each",
        ),
        (b"id,label\na,mel\nb,nv\na,nv\n", "line 4: id 'a': nv, but mel in an earlier row"),
        (b"id,label,date\na,mel,20.11.2026\n", "line 2: date '20.11.2026': is not a date such as 2026-11-25"),
        (b"id,label\na,mel,excised, confirmed\n", "line 2: has more fields than columns"),
        (b"id,label\na\n", "line 2: label ''"),
        (b"id,label\n\xff,mel\n", "is not CSV in UTF-8"),
        (b'id,label\n"a,mel\n', "is not CSV in UTF-8"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_by_line(content: bytes, said: str) -> None:
    with pytest.raises(LabelTableError, match=said):
        label_table.check_label_table(content, "labels.csv")


def test_a_file_that_is_not_there_or_too_large_is_refused_unsent(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        label_upload.upload_labels(store.client, RAW, tmp_path / "none.csv", again=False)
    with pytest.raises(UsageError, match=r"at most\. Upload it in parts"):
        label_upload.upload_labels(store.client, RAW, written(tmp_path, TABLE.ljust((10 << 20) + 1)), again=False)
    assert store.client.list_objects_v2(Bucket=RAW)["KeyCount"] == 0
