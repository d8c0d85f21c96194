# SPDX-License-Identifier: MIT-0
"""Which roles are tried, and what each of them is expected to be allowed; all else has to be denied."""

ROLES = {
    "job": ("training", "JobRole"),
    "pipeline": ("training", "PipelineRole"),
    "model": ("deployment", "ServingRole"),
    "smoke": ("deployment", "SmokeRole"),
    "promote": ("deployment", "PromoteRole"),
    "delivery": ("deployment", "DeliveryRole"),
    "release": ("deployment", "ApprovalReleaseFunctionRole"),
    "rejected": ("deployment", "ApprovalRejectedFunctionRole"),
    "start": ("retraining", "StarterStartRole"),
    "build": ("retraining", "PushBuildRole"),
    "notifier": ("monitoring", "NotifierRole"),
    "tally": ("monitoring", "TallyFunctionRole"),
}
# bucket:key of what lies there before the roles try.
OBJECTS = (
    "raw:archives/a.zip",
    "raw:source/repository.zip",
    "runs:runs/1/evaluate/evaluation/predictions.csv",
    "runs:runs/1/evaluate/evaluation/evaluation.json",
    "runs:runs/1/preprocess/holdout/ISIC_1.jpg",
    "runs:runs/1/train/output/model.tar.gz",
    "runs:checkpoints/1/c",
    "runs:capture/production/1.jsonl",
    "artifacts:skin-lesion-source/Pushed/1.zip",
    "artifacts:skin-lesion-delivery/Templates/1.zip",
    "other:runs/1/secret",
)
READS = {
    "job": {
        "raw:archives/a.zip",
        "runs:checkpoints/1/c",
        "runs:runs/1/evaluate/evaluation/predictions.csv",
        "runs:runs/1/evaluate/evaluation/evaluation.json",
        "runs:runs/1/preprocess/holdout/ISIC_1.jpg",
        "runs:runs/1/train/output/model.tar.gz",
    },
    "pipeline": {
        "runs:runs/1/evaluate/evaluation/predictions.csv",
        "runs:runs/1/evaluate/evaluation/evaluation.json",
        "runs:runs/1/preprocess/holdout/ISIC_1.jpg",
        "runs:runs/1/train/output/model.tar.gz",
    },
    "model": {"runs:runs/1/train/output/model.tar.gz"},
    "smoke": {"runs:runs/1/evaluate/evaluation/predictions.csv", "runs:runs/1/preprocess/holdout/ISIC_1.jpg"},
    "delivery": {"artifacts:skin-lesion-delivery/Templates/1.zip"},
    "build": {"artifacts:skin-lesion-source/Pushed/1.zip"},
    "tally": {"runs:capture/production/1.jsonl"},
}
PLACES = (
    "raw:archives/b",
    "runs:runs/1/b",
    "runs:checkpoints/1/b",
    "runs:capture/production/b",
    "artifacts:b",
    "artifacts:skin-lesion-delivery/b",
    "other:b",
)
WRITES = {"job": {"runs:runs/1/b", "runs:checkpoints/1/b"}, "model": {"runs:capture/production/b"}} | {
    "delivery": {"artifacts:skin-lesion-delivery/b"}
}
LISTS = {
    "job": {"raw:archives/", "runs:runs/", "runs:checkpoints/"},
    "pipeline": {"runs:runs/"},
    "start": {"raw:archives/"},
}
KEY = ("encrypt", "generate_data_key")
KEY_USES = {"job": KEY, "pipeline": KEY, "model": KEY, "delivery": KEY, "rejected": KEY[1:], "notifier": KEY[1:]}
# Whoever reads an object or a message needs it, and nobody else has it.
DECRYPTS = {*KEY_USES, "smoke", "build", "tally"}
