# SPDX-License-Identifier: MIT-0
"""Posts the review of a CodeCommit pull request as one comment, which later builds update.

Source of the limit and of the right to change a comment: AWS CodeCommit API Reference, PostCommentForPullRequest and
UpdateComment.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError

COMMENT_LIMIT_BYTES: Final = 10_240  # the limit is in characters; bytes are never fewer
_MARKER_PATTERN: Final = re.compile(r"<!-- .+ -->")


def post_review_comment(client: Client, repository: str, pull_request: str, path: Path) -> str:
    """Post a file as a comment, or update the earlier comment, and return a message.

    Args:
        client: A CodeCommit client.
        repository: Name of the repository.
        pull_request: Number of the pull request.
        path: Markdown file, whose first line is the marker of the comment.

    Raises:
        UsageError: The file has no marker or is too long, or the pull request belongs to another repository.
    """
    content = _read_comment_file(path)
    marker = content.partition("\n")[0]
    for earlier in _earlier_comment_ids(client, repository, pull_request, marker):
        if _update_comment(client, earlier, content):
            return f"pull request {pull_request}: comment {earlier} updated."
        with aws_errors.ignoring_gone("CommentDeletedException"):
            client.delete_comment_content(commentId=earlier)
    return (
        f"pull request {pull_request}: comment {_post_new_comment(client, repository, pull_request, content)} posted."
    )


def _read_comment_file(path: Path) -> str:
    content = path.read_text(encoding="utf-8")
    marker = content.partition("\n")[0]
    if not _MARKER_PATTERN.fullmatch(marker):
        raise UsageError(
            f"{str(path)!r}: first line {marker[:80]!r}: is not a marker <!-- ... -->, by which a later build finds "
            'the comment. Give the output of make diff ARGS="--output FILE".'
        )
    if len(content.encode()) > COMMENT_LIMIT_BYTES:
        raise UsageError(
            f"{str(path)!r}: {len(content.encode()):,} bytes: the limit of a CodeCommit comment is "
            f"{COMMENT_LIMIT_BYTES:,}. "
            'Write it with make diff ARGS="--longest 10000 --output FILE".'
        )
    return content


def _earlier_comment_ids(client: Client, repository: str, pull_request: str, marker: str) -> Iterator[str]:
    """Yield the ids of the comments that begin with the marker."""
    pages = client.get_paginator("get_comments_for_pull_request").paginate(
        pullRequestId=pull_request, repositoryName=repository
    )
    found = [
        comment for page in pages for data in page["commentsForPullRequestData"] for comment in data.get("comments", [])
    ]
    for comment in found:
        if comment.get("content", "").startswith(marker) and not comment.get("deleted"):
            yield comment["commentId"]


def _update_comment(client: Client, earlier: str, content: str) -> bool:
    """Return whether the comment could be changed: only the session that has created it may do that."""
    try:
        client.update_comment(commentId=earlier, content=content)
    except ClientError as error:
        if aws_errors.has_error_code(error, "CommentNotCreatedByCallerException"):
            return False
        raise
    return True


def _post_new_comment(client: Client, repository: str, pull_request: str, content: str) -> str:
    found = client.get_pull_request(pullRequestId=pull_request)["pullRequest"]["pullRequestTargets"]
    target = next((target for target in found if target["repositoryName"] == repository), None)
    if target is None:
        names = ", ".join(sorted(target["repositoryName"] for target in found)) or "none"
        raise UsageError(
            f"pull request {pull_request}: belongs to {names}, not to repository {repository!r}. Name its repository."
        )
    posted = client.post_comment_for_pull_request(
        pullRequestId=pull_request,
        repositoryName=repository,
        beforeCommitId=target["destinationCommit"],
        afterCommitId=target["sourceCommit"],
        content=content,
    )
    return str(posted["comment"]["commentId"])
