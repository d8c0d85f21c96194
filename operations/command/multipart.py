# SPDX-License-Identifier: MIT-0
"""A multipart upload that can be broken off at any moment and goes on where it was.

Nothing about it is kept on this machine: S3 lists the parts that it has, each with the SHA-256 that it computed, and
a part counts as sent where number, size and SHA-256 are those of the file. ETags say nothing here, because with a
customer-managed key they are no hash of the content.

Source: Amazon S3 User Guide, "Uploading and copying objects using multipart upload" and "Checking object integrity".
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.client import Client
from operations.command import archive, refusal
from operations.command.archive import Archive, Part
from operations.error import StoppedError

ALGORITHM: Final = "SHA256"
TYPE: Final = "application/zip"


@dataclass
class Sending:
    """An upload under way.

    Attributes:
        client: An S3 client.
        bucket: Where to.
        archive: What.
        upload: S3's id of the upload.
        there: ETag by part number, of the parts that the bucket has.
    """

    client: Client
    bucket: str
    archive: Archive
    upload: str
    there: dict[int, str]

    @property
    def missing(self) -> list[Part]:
        """The parts that are still to be sent."""
        return [part for part in self.archive.parts if part.number not in self.there]

    @property
    def place(self) -> dict[str, str]:
        """What every request of this upload names."""
        return {"Bucket": self.bucket, "Key": self.archive.key, "UploadId": self.upload}


def begun(client: Client, bucket: str, what: Archive) -> Sending:
    """Return the upload of `what` that was broken off last, or else a new one."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=what.key)
    found = [upload for page in pages for upload in page.get("Uploads", []) if upload["Key"] == what.key]
    checked = [upload for upload in found if upload.get("ChecksumAlgorithm") == ALGORITHM]
    if checked:
        newest = max(checked, key=lambda upload: upload["Initiated"])
        sending = Sending(client, bucket, what, newest["UploadId"], {})
        sending.there = _there(sending)
        return sending
    upload = client.create_multipart_upload(Bucket=bucket, Key=what.key, ChecksumAlgorithm=ALGORITHM, ContentType=TYPE)
    return Sending(client, bucket, what, upload["UploadId"], {})


def send(sending: Sending, progress: Callable[[int], None], threads: int = 4) -> None:
    """Send the missing parts, some at a time, and put them together.

    Args:
        sending: What `begun` returned.
        progress: Called with the number of bytes after each part.
        threads: How many parts are sent at a time.

    Raises:
        StoppedError: Ctrl-C; what was sent stays for the next time.
        OperationError: S3 refused, or could not be reached; likewise.
    """
    try:
        _send_parts(sending, progress, threads)
        _complete(sending)
    except KeyboardInterrupt:
        raise StoppedError(f"upload stopped: {_kept(sending)}") from None
    except refusal.REFUSALS as error:
        told = refusal.explained(error)
        raise type(told)(f"{told} Of the upload, {_kept(sending)}") from error


def _send_parts(sending: Sending, progress: Callable[[int], None], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(_send_part, sending, part): part for part in sending.missing}
        try:
            for future in as_completed(futures):
                part = futures[future]
                sending.there[part.number] = future.result()
                progress(part.size)
        except BaseException:
            # The parts under way are let finish: they count the next time.
            pool.shutdown(cancel_futures=True)
            raise


def _send_part(sending: Sending, part: Part) -> str:
    """Send one part; S3 refuses it if its bytes are not those that were hashed."""
    sent = sending.client.upload_part(
        **sending.place,
        PartNumber=part.number,
        Body=archive.content(sending.archive, part),
        ChecksumSHA256=part.checksum,
    )
    return str(sent["ETag"])


def _complete(sending: Sending) -> None:
    parts = [
        {"PartNumber": part.number, "ETag": sending.there[part.number], "ChecksumSHA256": part.checksum}
        for part in sending.archive.parts
    ]
    try:
        sending.client.complete_multipart_upload(**sending.place, MultipartUpload={"Parts": parts})
    except ClientError as error:
        # Another process, or an answer that was lost on its way here, may have completed it already.
        if not (refusal.is_code(error, "NoSuchUpload") and _is_whole(sending)):
            raise


def _is_whole(sending: Sending) -> bool:
    return size(sending.client, sending.bucket, sending.archive.key) == sending.archive.size


def size(client: Client, bucket: str, key: str) -> int | None:
    """Return how many bytes the object has, or None where there is none."""
    try:
        return int(client.head_object(Bucket=bucket, Key=key)["ContentLength"])
    except ClientError as error:
        if refusal.is_code(error, "404", "NoSuchKey"):
            return None
        raise


def _there(sending: Sending) -> dict[int, str]:
    listed = sending.client.get_paginator("list_parts").paginate(**sending.place)
    found = {part["PartNumber"]: part for page in listed for part in page.get("Parts", [])}
    return {
        part.number: found[part.number]["ETag"]
        for part in sending.archive.parts
        if part.number in found
        and (found[part.number]["Size"], found[part.number].get("ChecksumSHA256")) == (part.size, part.checksum)
    }


def _kept(sending: Sending) -> str:
    """Return what stays in the bucket, and how to go on."""
    return (
        f"{len(sending.there)} of {len(sending.archive.parts)} parts are kept in the bucket. "
        "The same command sends the rest."
    )
