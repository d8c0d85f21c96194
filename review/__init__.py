# SPDX-License-Identifier: MIT-0
"""What a branch changes in the infrastructure and in the pipeline: ``python -m review`` prints it as Markdown.

The app is synthesized twice, as it was where the branch left its base (a git worktree, removed afterwards) and as it
is now. The templates are compared, and with them the definition of the SageMaker pipeline that one of them carries.
No account, no credentials, no network.
"""
