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
    "monitored": ("monitoring", "MonitorRole"),
    "export": ("monitoring", "ExportRole"),
    "monitor": ("monitoring", "MonitorStartRole"),
    "judge": ("monitoring", "MonitorJudgeRole"),
}
# The object that says that there is no champion, or no additional archive; its key is the hash of its content.
NO_CHAMPION = "assets:none.json"
PREDICTIONS = "runs:runs/1/evaluate/evaluation/predictions.csv"
BASELINE = "runs:runs/1/evaluate/evaluation/monitor_statistics.json"
CAPTURE = "runs:capture/production/"
LABELS = "raw:labels/"
ADDITIONS = "raw:additions/"
REPORTS = "runs:monitor/"
REPORT = f"{REPORTS}skin-lesion-monitor-20261124/monitor.json"
HISTORY = "runs:monitor/history/3/"
ACCEPTED = "runs:monitor-baselines/3/"
# bucket:key of what lies there before the roles try.
OBJECTS = (
    "raw:archives/a.zip",
    "raw:source/repository.zip",
    NO_CHAMPION,
    "assets:somebody-elses.json",
    PREDICTIONS,
    BASELINE,
    "runs:runs/1/evaluate/evaluation/evaluation.json",
    "runs:runs/1/preprocess/holdout/ISIC_1.jpg",
    "runs:runs/1/train/output/model.tar.gz",
    "runs:checkpoints/1/c",
    "runs:capture/production/1.jsonl",
    "runs:capture/staging/1.jsonl",
    f"{LABELS}1.csv",
    f"{ADDITIONS}1.zip",
    REPORT,
    f"{REPORTS}skin-lesion-monitor-20261124/monitor.html",
    f"{HISTORY}1.json",
    f"{ACCEPTED}1.json",
    "artifacts:skin-lesion-source/Pushed/1.zip",
    "artifacts:skin-lesion-delivery/Templates/1.zip",
    "other:runs/1/secret",
)
READS = {
    "job": {
        "raw:archives/a.zip",
        f"{ADDITIONS}1.zip",
        NO_CHAMPION,
        "runs:checkpoints/1/c",
        PREDICTIONS,
        BASELINE,
        "runs:runs/1/evaluate/evaluation/evaluation.json",
        "runs:runs/1/preprocess/holdout/ISIC_1.jpg",
        "runs:runs/1/train/output/model.tar.gz",
    },
    "pipeline": {
        PREDICTIONS,
        BASELINE,
        "runs:runs/1/evaluate/evaluation/evaluation.json",
        "runs:runs/1/preprocess/holdout/ISIC_1.jpg",
        "runs:runs/1/train/output/model.tar.gz",
    },
    "model": {"runs:runs/1/train/output/model.tar.gz"},
    "smoke": {PREDICTIONS, "runs:runs/1/preprocess/holdout/ISIC_1.jpg"},
    "delivery": {"artifacts:skin-lesion-delivery/Templates/1.zip"},
    "build": {"artifacts:skin-lesion-source/Pushed/1.zip"},
    "tally": {"runs:capture/production/1.jsonl", "runs:capture/staging/1.jsonl"},
    "monitored": {
        "runs:capture/production/1.jsonl",
        BASELINE,
        f"{LABELS}1.csv",
        f"{HISTORY}1.json",
        f"{ACCEPTED}1.json",
    },
    "export": {"runs:capture/production/1.jsonl", f"{LABELS}1.csv", f"{ADDITIONS}1.zip"},
    "judge": {REPORT},
}
PLACES = (
    "raw:archives/b",
    "runs:runs/1/b",
    "runs:checkpoints/1/b",
    "runs:capture/production/b",
    "runs:monitor/b",
    f"{ACCEPTED}b",
    "raw:labels/b",
    "raw:additions/b",
    "artifacts:b",
    "artifacts:skin-lesion-delivery/b",
    "assets:b",
    "other:b",
)
WRITES = {"job": {"runs:runs/1/b", "runs:checkpoints/1/b"}, "model": {"runs:capture/production/b"}} | {
    "monitored": {"runs:monitor/b"},
    "export": {"raw:additions/b"},
    "delivery": {"artifacts:skin-lesion-delivery/b"},
}
HOLDOUT = "runs:runs/1/preprocess/holdout/"
LISTS = {
    "job": {"raw:archives/", ADDITIONS, "runs:runs/", "runs:checkpoints/", PREDICTIONS, BASELINE, HOLDOUT, NO_CHAMPION},
    "pipeline": {"runs:runs/", PREDICTIONS, BASELINE, HOLDOUT},
    "start": {"raw:archives/", ADDITIONS, PREDICTIONS},
    "export": {CAPTURE, LABELS, ADDITIONS},
    "monitored": {CAPTURE, LABELS, BASELINE, HISTORY, ACCEPTED},
    "monitor": {CAPTURE, LABELS, BASELINE, HISTORY, ACCEPTED},
    "judge": {REPORTS, HISTORY},
}
KEY = ("encrypt", "generate_data_key")
KEY_USES = {"job": KEY, "pipeline": KEY, "model": KEY, "delivery": KEY, "rejected": KEY[1:], "notifier": KEY[1:]}
KEY_USES |= {"monitored": KEY, "export": KEY, "judge": KEY[1:]}
# Whoever reads an object or a message needs it, and nobody else has it.
DECRYPTS = {*KEY_USES, "smoke", "build", "tally"}
