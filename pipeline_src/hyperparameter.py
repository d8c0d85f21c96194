# SPDX-License-Identifier: MIT-0
"""The hyperparameters of the built-in `image-classification` algorithm, as far as they are known beforehand.

Standard library only. `image_shape` and `num_training_samples` are joined and read in pipeline.py.
Source: SageMaker Developer Guide, "Image Classification Hyperparameters".
"""

import hashlib
import json
from typing import Final

from pipeline_src import contract

# Hyperparameters that no run changes.
# `checkpoint_frequency` stays unset, so that the artifact holds the epoch that was best on validation and no other.
FIXED: Final = {
    "num_classes": str(len(contract.CLASS_LABELS)),
    "use_pretrained_model": "0",  # weights would have to be fetched, and the job has no network
    "augmentation_type": "crop_color_transform",
    "optimizer": "sgd",
    "momentum": "0.9",
    "weight_decay": "0.0001",
    "lr_scheduler_factor": "0.1",
    "early_stopping": "True",
    "early_stopping_min_epochs": "15",
    "early_stopping_patience": "6",
}
# Tells trainings apart whose fixed hyperparameters differ, as those of two versions of this file do.
DIGEST: Final = hashlib.sha256(json.dumps(FIXED, sort_keys=True).encode()).hexdigest()[:12]
# Hyperparameter -> pipeline parameter that sets it.
TUNED: Final = {
    "num_layers": "NumLayers",
    "epochs": "Epochs",
    "learning_rate": "LearningRate",
    "lr_scheduler_step": "LearningRateSteps",
    "mini_batch_size": "MiniBatchSize",
}
