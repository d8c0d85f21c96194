# SPDX-License-Identifier: MIT-0
"""Something that answers an image with scores: an endpoint, or a server at a URL."""

import http.client
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from operations.answer import Answer
from operations.client import Client
from operations.error import SmokeError, UsageError
from pipeline_src import contract

_SECONDS: Final = 20.0
_HEADERS: Final = {"Content-Type": contract.IMAGE_CONTENT_TYPE, "Accept": contract.JSON_CONTENT_TYPE}
_CONNECTIONS: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


class Target(Protocol):
    """What a smoke test asks."""

    @property
    def place(self) -> str:
        """Which one it is, for messages."""

    def answer(self, image: bytes) -> Answer:
        """Return the answer to the bytes of a picture.

        Raises:
            SmokeError: There was no answer.
            ClientError: The service refused.
        """


@dataclass(frozen=True)
class Endpoint:
    """A SageMaker endpoint, with the `sagemaker-runtime` client that invokes it."""

    name: str
    runtime: Client

    @property
    def place(self) -> str:
        """Its name."""
        return f"endpoint {self.name!r}"

    def answer(self, image: bytes) -> Answer:
        """Return the container's answer, also where it is an error."""
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=self.name,
                ContentType=contract.IMAGE_CONTENT_TYPE,
                Accept=contract.JSON_CONTENT_TYPE,
                Body=image,
            )
        except ClientError as error:
            # ModelError is the service's way to hand on what the container answered.
            if error.response["Error"]["Code"] != "ModelError":
                raise
            told = error.response.get("OriginalMessage") or error.response["Error"]["Message"]
            return Answer(error.response.get("OriginalStatusCode", 500), "", str(told).encode())
        return Answer(200, answer.get("ContentType", ""), answer["Body"].read())


@dataclass(frozen=True)
class Url:
    """A server that answers as a SageMaker container does, for example http://127.0.0.1:8080/invocations."""

    url: str

    @property
    def place(self) -> str:
        """Its URL."""
        return self.url

    def answer(self, image: bytes) -> Answer:
        """Return the server's answer, also where it is an error; no proxy is asked, no redirect followed."""
        parts = urlsplit(self.url)
        if parts.scheme not in _CONNECTIONS or not parts.hostname:
            raise UsageError(f"{self.url!r}: is no URL. It reads http://127.0.0.1:8080/invocations.")
        try:
            connection = _CONNECTIONS[parts.scheme](parts.netloc, timeout=_SECONDS)
            try:
                connection.request("POST", parts.path or "/", image, _HEADERS)
                response = connection.getresponse()
                return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            cause = str(error) or type(error).__name__
            raise SmokeError(f"{self.url}: no answer: {cause}. Start the server, or name its address.") from error
