# SPDX-License-Identifier: MIT-0
"""Brings the archive into the raw bucket, under a key that carries its SHA-256.

A push and the schedule train on the newest object below ``archives/``, so an upload ends with this archive as the
newest one, whether its bytes had to be sent or were there already.
"""

from pathlib import Path
from typing import Final

from rich.console import Console

from operations import dataset
from operations.client import Client
from operations.command import archive, multipart
from operations.command.archive import Archive
from operations.command.meter import meter
from operations.command.terminal import say
from operations.error import UsageError

_DONE: Final = {
    (True, False): "uploaded.",
    (True, True): "uploaded, and made the newest archive: another one was begun later.",
    (False, True): "already there; it is now the newest archive again.",
    (False, False): "already there, and the newest archive: nothing to do.",
}
_MOST_COPIED: Final = 5 * 1024**3  # bytes: what S3 copies in one request


def upload(client: Client, bucket: str, path: Path, console: Console) -> str:
    """Check, hash and send the archive, and return one sentence about what was done.

    Args:
        client: An S3 client.
        bucket: The raw bucket.
        path: The archive.
        console: What progress is shown on.

    Raises:
        UsageError: It is no such archive, or it is there and can't be made the newest.
        StoppedError: Ctrl-C.
    """
    archive.check(path)
    with meter(console, "Hashing", path.stat().st_size) as advance:
        what = archive.hashed(path, advance)
    sent = multipart.size(client, bucket, what.key) != what.size
    if sent:
        _send(client, bucket, what, console)
    # S3 dates an object by the beginning of its upload, so that one that was broken off may end as an older one.
    renewed = dataset.archive_key(client, bucket, "") != what.key
    if renewed:
        _renew(client, bucket, what)
    return f"s3://{bucket}/{what.key}: {_DONE[sent, renewed]}"


def _send(client: Client, bucket: str, what: Archive, console: Console) -> None:
    sending = multipart.begun(client, bucket, what)
    if sending.there:
        say(console, f"Going on: {len(sending.there)} of {len(what.parts)} parts are in the bucket already.")
    with meter(console, "Uploading", sum(part.size for part in sending.missing)) as advance:
        multipart.send(sending, advance)


def _renew(client: Client, bucket: str, what: Archive) -> None:
    """Copy the object onto itself, which S3 allows where its metadata is set anew."""
    if what.size > _MOST_COPIED:
        raise UsageError(
            f"s3://{bucket}/{what.key}: already there, but not the newest archive, and over 5 GiB S3 cannot copy it "
            f"onto itself in one request. Train on it by name: make retrain ARGS='--archive {what.key}'"
        )
    client.copy_object(
        Bucket=bucket,
        Key=what.key,
        CopySource={"Bucket": bucket, "Key": what.key},
        MetadataDirective="REPLACE",
        ContentType=multipart.TYPE,
        ChecksumAlgorithm=multipart.ALGORITHM,
    )
