# SPDX-License-Identifier: MIT-0
"""`comment`: a pull request has one review comment, which is brought up to date: its marker is the first line."""

from pathlib import Path

import pytest

from operations.commands.review_comment import COMMENT_LIMIT_BYTES
from tests.operations.service import Services
from tests.operations.shell import run

MARKER = "<!-- a marker -->"
TEXT = f"{MARKER}\n# Review\n"


def under_it(aws: Services, *contents: str, deleted: bool = False) -> None:
    """Have the pull request carry these comments, on two pages."""
    comments = [
        {"commentId": str(number), "content": content, "deleted": deleted} for number, content in enumerate(contents, 1)
    ]
    first = {"commentsForPullRequestData": [{"comments": comments[:1]}], "nextToken": "more"}
    asked = {"pullRequestId": "7", "repositoryName": "app"}
    aws.answers("codecommit", "get_comments_for_pull_request", first, **asked)
    second = {"commentsForPullRequestData": [{"comments": comments[1:]}]}
    aws.answers("codecommit", "get_comments_for_pull_request", second, **asked, nextToken="more")


def posted(aws: Services, content: str, repository: str = "app") -> None:
    target = {"repositoryName": repository, "sourceCommit": "s" * 40, "destinationCommit": "d" * 40}
    aws.answers("codecommit", "get_pull_request", {"pullRequest": {"pullRequestTargets": [target]}}, pullRequestId="7")
    if repository != "app":
        return
    asked = {"pullRequestId": "7", "repositoryName": "app", "beforeCommitId": "d" * 40, "afterCommitId": "s" * 40}
    answer = {"comment": {"commentId": "new"}}
    aws.answers("codecommit", "post_comment_for_pull_request", answer, **asked, content=content)


def comment(aws: Services, folder: Path, text: str = TEXT) -> tuple[int, str]:
    path = folder / "diff.md"
    path.write_text(text, encoding="utf-8")
    words = ("--repository", "app", "--pull-request", "7", "--file", str(path))
    result = run(aws, "comment", *words)
    return result.exit_code, result.output


def test_the_first_one_is_posted_on_both_commits(aws: Services, tmp_path: Path) -> None:
    under_it(aws, "Looks good", f"Why do you post {MARKER}?")
    posted(aws, TEXT)
    assert comment(aws, tmp_path) == (0, "pull request 7: comment new posted.\n")


def test_the_next_one_replaces_it(aws: Services, tmp_path: Path) -> None:
    under_it(aws, "Looks good", f"{MARKER}\nold")
    aws.answers("codecommit", "update_comment", {}, commentId="2", content=TEXT)
    assert comment(aws, tmp_path) == (0, "pull request 7: comment 2 updated.\n")


def test_one_that_another_build_wrote_is_deleted_and_posted_anew(aws: Services, tmp_path: Path) -> None:
    """Each build has a role session of its own, and CodeCommit lets only the author change a comment."""
    under_it(aws, f"{MARKER}\nold")
    aws.refuses("codecommit", "update_comment", "CommentNotCreatedByCallerException")
    aws.answers("codecommit", "delete_comment_content", {}, commentId="1")
    posted(aws, TEXT)
    assert comment(aws, tmp_path)[0] == 0


def test_a_deleted_one_does_not_count(aws: Services, tmp_path: Path) -> None:
    under_it(aws, f"{MARKER}\nold", deleted=True)
    posted(aws, TEXT)
    assert comment(aws, tmp_path)[0] == 0


def test_a_pull_request_of_another_repository_is_refused(aws: Services, tmp_path: Path) -> None:
    under_it(aws)
    posted(aws, "", repository="other")
    code, output = comment(aws, tmp_path)
    assert code == 2
    assert "belongs to other, not to repository 'app'" in output


@pytest.mark.parametrize("text", ["# Review", "", "text <!-- marker -->\n# Review"])
def test_a_text_without_a_marker_line_is_refused(aws: Services, tmp_path: Path, text: str) -> None:
    code, output = comment(aws, tmp_path, text)
    assert (code, "is not a marker" in output) == (2, True)


def test_one_that_just_fits_is_posted_and_a_longer_one_refused(aws: Services, tmp_path: Path) -> None:
    longest = TEXT + "x" * (COMMENT_LIMIT_BYTES - len(TEXT))
    under_it(aws)
    posted(aws, longest)
    assert comment(aws, tmp_path, longest)[0] == 0
    code, output = comment(aws, tmp_path, longest[:-1] + "ä")
    assert (code, "10,241 bytes: the limit of a CodeCommit comment is 10,240" in output) == (
        2,
        True,
    )
