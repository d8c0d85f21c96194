# SPDX-License-Identifier: MIT-0
"""Checks an archive, and uploads it to the raw bucket by a multipart upload that resumes after an interruption.

The archive is checked first, so that Preprocess does not refuse it an hour later.

No state is kept on this machine: S3 lists the parts with the SHA-256 that it has computed, and a part counts as sent if
number, size and SHA-256 are those of the file. ETags are not compared: with a customer-managed key they are not hashes
of the content. A push and the schedule train on the newest object below ``archives/``, so an upload makes the archive
the newest one, even if its bytes were there already.

Source: Amazon S3 User Guide, "Uploading and copying objects using multipart upload" and "Checking object integrity".
"""

import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from botocore.exceptions import ClientError
from rich.console import Console

from operations.account import aws_errors
from operations.account.terminal_output import print_line, show_byte_progress
from operations.commands import archive_check
from operations.functions import job_inputs
from operations.functions.aws_clients import Client
from operations.functions.errors import StoppedError, UsageError
from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

_MIB: Final = 1 << 20
_MIN_PART_BYTES: Final = 8 * _MIB  # S3 allows 5 MiB or more; a lost part is sent again in seconds
_MAX_PARTS: Final = 10_000  # S3's limit

ByteCallback: TypeAlias = Callable[[int], None]


@dataclass(frozen=True)
class ArchivePart:
    """One part of a multipart upload.

    Attributes:
        number: Number, from 1.
        offset: Offset in the file, in bytes.
        size: Size in bytes.
        checksum: SHA-256 in base64, as S3 expects it.
    """

    number: int
    offset: int
    size: int
    checksum: str


@dataclass(frozen=True)
class HashedArchive:
    """A checked and hashed archive.

    Attributes:
        path: Path of the file.
        size: Size in bytes.
        sha256: SHA-256 of the file, in hexadecimal.
        parts: Parts of the upload.
    """

    path: Path
    size: int
    sha256: str
    parts: tuple[ArchivePart, ...]

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return f"{contract.ARCHIVES_PREFIX}{self.sha256}.zip"


def check_archive(path: Path) -> None:
    """Check that a file is an archive of the dataset, as Preprocess does before it reads the images.

    Raises:
        UsageError: It does not exist or cannot be read, or Preprocess would refuse its layout or its tables.
    """
    place = f"archive {str(path)!r}"
    if not path.exists():
        raise UsageError(f"{place}: no such file. Check the path.")
    if path.is_dir():
        raise UsageError(f"{place}: is a directory. Name the ZIP file.")
    if not path.is_file():
        raise UsageError(f"{place}: is neither a file nor a directory. Name the ZIP file.")
    try:
        archive_check.check_archive_file(path)
    except BadInputError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}. Make it readable.") from error


def hash_archive(path: Path, progress: ByteCallback = lambda _bytes: None) -> HashedArchive:
    """Return the archive with the hashes of the file and of its parts.

    Args:
        path: A checked archive.
        progress: Called with the number of bytes after each part.

    Raises:
        UsageError: The file became shorter during reading.
    """
    size = path.stat().st_size
    step = choose_part_bytes(size)
    whole, parts = hashlib.sha256(), []
    with path.open("rb") as file:
        for number, offset in enumerate(range(0, size, step), 1):
            data = file.read(min(step, size - offset))
            whole.update(data)
            parts.append(
                ArchivePart(number, offset, len(data), base64.b64encode(hashlib.sha256(data).digest()).decode())
            )
            progress(len(data))
    if sum(part.size for part in parts) != size:
        raise UsageError(f"archive {str(path)!r}: the file changed during reading. Wait until it is complete.")
    return HashedArchive(path, size, whole.hexdigest(), tuple(parts))


def choose_part_bytes(size: int) -> int:
    """Return the size of the parts for an archive of `size` bytes: 8 MiB, or more if that would be too many parts."""
    fewest = -(-size // _MAX_PARTS)
    return max(_MIN_PART_BYTES, -(-fewest // _MIB) * _MIB)


def read_archive_part(archive: HashedArchive, part: ArchivePart) -> bytes:
    """Return the bytes of a part; S3 compares them with its checksum."""
    with archive.path.open("rb") as file:
        file.seek(part.offset)
        return file.read(part.size)


CHECKSUM_ALGORITHM: Final = "SHA256"
ZIP_CONTENT_TYPE: Final = "application/zip"
_RESULT_TEXTS: Final = {
    (True, False): "uploaded.",
    (True, True): "uploaded, and made the newest archive: another upload had begun later.",
    (False, True): "already uploaded; it is the newest archive again.",
    (False, False): "already uploaded, and the newest archive: nothing to do.",
}
_MAX_COPY_BYTES: Final = 5 * 1024**3  # bytes: what S3 copies in one request


@dataclass
class MultipartUpload:
    """An upload in progress.

    Attributes:
        client: An S3 client.
        bucket: Name of the bucket.
        archive: The archive.
        upload: S3's id of the upload.
        there: ETags of the uploaded parts by part number.
    """

    client: Client
    bucket: str
    archive: HashedArchive
    upload: str
    there: dict[int, str]

    @property
    def missing(self) -> list[ArchivePart]:
        """The parts that are still to be sent."""
        return [part for part in self.archive.parts if part.number not in self.there]

    @property
    def place(self) -> dict[str, str]:
        """The parameters that every request of this upload has."""
        return {"Bucket": self.bucket, "Key": self.archive.key, "UploadId": self.upload}


def resume_or_begin_upload(client: Client, bucket: str, what: HashedArchive) -> MultipartUpload:
    """Return the newest unfinished upload of `what`, or a new one."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=what.key)
    found = [upload for page in pages for upload in page.get("Uploads", []) if upload["Key"] == what.key]
    checked = [upload for upload in found if upload.get("ChecksumAlgorithm") == CHECKSUM_ALGORITHM]
    if checked:
        newest = max(checked, key=lambda upload: upload["Initiated"])
        sending = MultipartUpload(client, bucket, what, newest["UploadId"], {})
        sending.there = _list_sent_parts(sending)
        return sending
    upload = client.create_multipart_upload(
        Bucket=bucket, Key=what.key, ChecksumAlgorithm=CHECKSUM_ALGORITHM, ContentType=ZIP_CONTENT_TYPE
    )
    return MultipartUpload(client, bucket, what, upload["UploadId"], {})


def send_missing_parts(sending: MultipartUpload, progress: Callable[[int], None], threads: int = 4) -> None:
    """Send the missing parts and complete the upload.

    Args:
        sending: The upload.
        progress: Called with the number of bytes after each part.
        threads: Number of parts to send at the same time.

    Raises:
        StoppedError: Ctrl-C; the sent parts are kept.
        OperationError: S3 refused or could not be reached; the sent parts are kept.
    """
    try:
        _send_parts(sending, progress, threads)
        _complete_upload(sending)
    except KeyboardInterrupt:
        raise StoppedError(f"upload stopped: {_kept_parts_text(sending)}") from None
    except aws_errors.AWS_ERRORS as error:
        told = aws_errors.explain_aws_error(error)
        raise type(told)(f"{told} Of the upload, {_kept_parts_text(sending)}") from error


def _send_parts(sending: MultipartUpload, progress: Callable[[int], None], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(_send_part, sending, part): part for part in sending.missing}
        try:
            for future in as_completed(futures):
                part = futures[future]
                sending.there[part.number] = future.result()
                progress(part.size)
        except BaseException:
            # The running requests finish; their parts are kept.
            pool.shutdown(cancel_futures=True)
            raise


def _send_part(sending: MultipartUpload, part: ArchivePart) -> str:
    """Send one part; S3 refuses it if its hash differs."""
    sent = sending.client.upload_part(
        **sending.place,
        PartNumber=part.number,
        Body=read_archive_part(sending.archive, part),
        ChecksumSHA256=part.checksum,
    )
    return str(sent["ETag"])


def _complete_upload(sending: MultipartUpload) -> None:
    parts = [
        {"PartNumber": part.number, "ETag": sending.there[part.number], "ChecksumSHA256": part.checksum}
        for part in sending.archive.parts
    ]
    try:
        sending.client.complete_multipart_upload(**sending.place, MultipartUpload={"Parts": parts})
    except ClientError as error:
        # Another process may have completed it, or the response of an earlier request was lost.
        if not (aws_errors.has_error_code(error, "NoSuchUpload") and _is_object_whole(sending)):
            raise


def _is_object_whole(sending: MultipartUpload) -> bool:
    return object_size(sending.client, sending.bucket, sending.archive.key) == sending.archive.size


def object_size(client: Client, bucket: str, key: str) -> int | None:
    """Return the size of the object in bytes, or None if it does not exist."""
    try:
        return int(client.head_object(Bucket=bucket, Key=key)["ContentLength"])
    except ClientError as error:
        if aws_errors.has_error_code(error, "404", "NoSuchKey"):
            return None
        raise


def _list_sent_parts(sending: MultipartUpload) -> dict[int, str]:
    listed = sending.client.get_paginator("list_parts").paginate(**sending.place)
    found = {part["PartNumber"]: part for page in listed for part in page.get("Parts", [])}
    return {
        part.number: found[part.number]["ETag"]
        for part in sending.archive.parts
        if part.number in found
        and (found[part.number]["Size"], found[part.number].get("ChecksumSHA256")) == (part.size, part.checksum)
    }


def _kept_parts_text(sending: MultipartUpload) -> str:
    """Return a message about the kept parts."""
    return (
        f"{len(sending.there)} of {len(sending.archive.parts)} parts are kept in the bucket. "
        "The same command sends the rest."
    )


def upload_archive(client: Client, bucket: str, path: Path, console: Console) -> str:
    """Check, hash and send the archive, and return a message.

    Args:
        client: An S3 client.
        bucket: The raw bucket.
        path: The archive.
        console: Where to show progress.

    Raises:
        UsageError: It is not such an archive, or was uploaded before and cannot be made the newest.
        StoppedError: Ctrl-C.
    """
    check_archive(path)
    with show_byte_progress(console, "Hashing", path.stat().st_size) as advance:
        what = hash_archive(path, advance)
    sent = object_size(client, bucket, what.key) != what.size
    if sent:
        _send_archive(client, bucket, what, console)
    # S3 dates an object by the beginning of its upload, so a resumed one may be older than another archive.
    renewed = job_inputs.find_archive_key(client, bucket, "") != what.key
    if renewed:
        _make_newest(client, bucket, what)
    return f"s3://{bucket}/{what.key}: {_RESULT_TEXTS[sent, renewed]}"


def _send_archive(client: Client, bucket: str, what: HashedArchive, console: Console) -> None:
    sending = resume_or_begin_upload(client, bucket, what)
    if sending.there:
        print_line(console, f"Resuming: {len(sending.there)} of {len(what.parts)} parts are in the bucket.")
    with show_byte_progress(console, "Uploading", sum(part.size for part in sending.missing)) as advance:
        send_missing_parts(sending, advance)


def _make_newest(client: Client, bucket: str, what: HashedArchive) -> None:
    """Copy the object onto itself, which S3 allows if the metadata is replaced."""
    if what.size > _MAX_COPY_BYTES:
        raise UsageError(
            f"s3://{bucket}/{what.key}: already uploaded, but not the newest archive, and S3 cannot copy more than "
            f"5 GiB in one request. Train on it by name: make retrain ARGS='--archive {what.key}'"
        )
    client.copy_object(
        Bucket=bucket,
        Key=what.key,
        CopySource={"Bucket": bucket, "Key": what.key},
        MetadataDirective="REPLACE",
        ContentType=ZIP_CONTENT_TYPE,
        ChecksumAlgorithm=CHECKSUM_ALGORITHM,
    )
