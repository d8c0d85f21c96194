# SPDX-License-Identifier: MIT-0
"""The specification of `toy`."""

from typing import Final

from pipeline_src.algorithms.algorithm_specification import (
    JOBS_IMAGE,
    MODEL_SERVER_IMAGE,
    AlgorithmSpecification,
    HyperparameterRange,
    PipelineParameter,
)

TOY: Final = AlgorithmSpecification(
    name="toy",
    title="Nearest mean color",
    training_image=JOBS_IMAGE,
    training_module="pipeline_src.algorithms.toy.toy_training",
    serving_image=MODEL_SERVER_IMAGE,
    parameters=(PipelineParameter("Sharpness", 20.0),),
    parameter_of_hyperparameter={"sharpness": "Sharpness"},
    parameter_defaults={"TrainInstanceType": "ml.c5.xlarge", "ClassBalance": "none"},
    metrics={"train:accuracy": "train:accuracy=([0-9.]+);"},
    tuning_objective="train:accuracy",
    tuning_ranges=(HyperparameterRange("sharpness", "Sharpness", 1.0, 100.0, "Logarithmic"),),
    checkpoints="content",
    volume_key=True,
    maximum_hours=1,
    typical_minutes=4,
    model_files=("model.onnx", "model.json"),
    weights="None: it starts from nothing.",
)
