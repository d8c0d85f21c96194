# SPDX-License-Identifier: MIT-0
"""The specification of AWS's built-in `image-classification` algorithm (MXNet).

Sources: SageMaker Developer Guide, "Image Classification - MXNet", "Image Classification Hyperparameters", "Tune an
Image Classification Model". The image is AWS's, in one registry account per region.
"""

from typing import Final

from pipeline_src.algorithms.algorithm_specification import (
    AlgorithmSpecification,
    ContainerImage,
    HyperparameterRange,
    LocalStandIn,
    PipelineParameter,
)
from pipeline_src.algorithms.builtin_image_classification.registry_accounts import REGISTRY_ACCOUNTS

_IMAGE: Final = ContainerImage(repository="image-classification", tag="1", accounts=REGISTRY_ACCOUNTS)

BUILTIN_IMAGE_CLASSIFICATION: Final = AlgorithmSpecification(
    name="builtin_image_classification",
    title="AWS built-in image classification (ResNet, MXNet)",
    training_image=_IMAGE,
    serving_image=_IMAGE,
    # `checkpoint_frequency` stays unset, so that the artifact holds the epoch that was best on validation and no other.
    fixed_hyperparameters={
        "augmentation_type": "crop_color_transform",
        "optimizer": "sgd",
        "momentum": "0.9",
        "weight_decay": "0.0001",
        "lr_scheduler_factor": "0.1",
        "early_stopping": "True",
        "early_stopping_min_epochs": "5",
        "early_stopping_patience": "4",
    },
    # With pretrained weights, fewer epochs and a lower rate than from random ones (decision 0020). From random weights:
    # UsePretrainedModel 0, Epochs 30, LearningRate 0.01, LearningRateSteps "20,26".
    parameters=(
        PipelineParameter("UsePretrainedModel", 1),
        PipelineParameter("NumLayers", 18),
        PipelineParameter("Epochs", 12),
        PipelineParameter("LearningRate", 0.001),
        # Epochs after which the rate is divided by ten; later ones than Epochs are never reached.
        PipelineParameter("LearningRateSteps", "8,11"),
        PipelineParameter("MiniBatchSize", 32),
    ),
    parameter_of_hyperparameter={
        "use_pretrained_model": "UsePretrainedModel",
        "num_layers": "NumLayers",
        "epochs": "Epochs",
        "learning_rate": "LearningRate",
        "lr_scheduler_step": "LearningRateSteps",
        "mini_batch_size": "MiniBatchSize",
    },
    # Classes are balanced by repeating records: its weighted loss acts on images with several labels only.
    parameter_defaults={"TrainInstanceType": "ml.g4dn.xlarge", "ClassBalance": "repeat"},
    # A small network on small images, which the stand-in trains in minutes on two cores.
    laptop_values={
        "ImageSize": 28,
        "NumLayers": 20,
        "Epochs": 15,
        "LearningRate": 0.05,
        "LearningRateSteps": "10,13",
        "MiniBatchSize": 32,
    },
    # Source: MetricDefinitions in DescribeTrainingJob's answer for such a job; from memory, not looked up.
    metrics={
        "validation:accuracy": r"Epoch\S* Validation-accuracy=(\S+)",
        "train:accuracy": r"Epoch\S* Train-accuracy=(\S+)",
    },
    tuning_objective="validation:accuracy",
    # A decade or so around the values above, within what the Developer Guide recommends (rate 1e-6 to 0.5, batch 8 to
    # 512, momentum and weight decay 0 to 0.999). The optimizer stays: another one reads other hyperparameters, of which
    # a random draw would waste most. 64 images fit deep networks into 16 GB.
    tuning_ranges=(
        HyperparameterRange("learning_rate", "LearningRate", 0.0001, 0.01, "Logarithmic"),
        HyperparameterRange("mini_batch_size", "MiniBatchSize", 16, 64, "Logarithmic"),
        HyperparameterRange("momentum", "Momentum", 0.8, 0.98, "Linear"),
        HyperparameterRange("weight_decay", "WeightDecay", 0.00001, 0.001, "Logarithmic"),
    ),
    checkpoints="training",
    # Developer Guide, "Image Classification - MXNet", incremental training: the model comes by the channel `model`, and
    # needs the same num_layers, image_shape and num_classes. What an object there does that is no model, it does not
    # say, nor whether use_pretrained_model=1 would win.
    warm_start="given",
    unused_when_warm=("UsePretrainedModel",),
    # Developer Guide, "EC2 Instance Recommendation"; EC2 offers P2 and P3 no more.
    instance_families=("g4dn", "g5"),
    instance_reason="the built-in algorithm trains on GPU only, of the families g4dn and g5",
    volume_key=False,
    # For deeper networks: 30 epochs of ResNet-18 at 224 pixels should take an hour at most on a T4.
    maximum_hours=6,
    typical_minutes=30,
    model_files=("image-classification-symbol.json", "image-classification-NNNN.params", "model-shapes.json"),
    weights="UsePretrainedModel 1: weights inside AWS's image, of which AWS publishes neither origin nor licence;"
    " 0: random weights.",
    stand_in=LocalStandIn(
        module="local.builtin_stand_in",
        environment="stand-in",
        sources=(
            "local/builtin_stand_in",
            "pipeline_src/algorithms/serving/inference_requests.py",
            "pipeline_src/class_labels.py",
            "pipeline_src/contract.py",
        ),
        set_up="It needs Python 3.11. Run: make stand-in",
        notice="AWS's built-in algorithm runs on SageMaker only. A stand-in trains here, from random weights.",
    ),
)
