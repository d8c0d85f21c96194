# SPDX-License-Identifier: MIT-0
"""Reports what a branch changes in infrastructure and pipeline: ``python -m review`` prints it as Markdown.

The app is synthesized twice: at the commit where the branch left its base (in a temporary git worktree) and as it is
now. The templates are compared, and with them the definition of the SageMaker pipeline that one of them contains.
Needs no account, no credentials and no network.
"""
