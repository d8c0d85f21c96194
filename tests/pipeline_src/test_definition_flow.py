# SPDX-License-Identifier: MIT-0
"""What the pipeline means: which data goes where, and what becomes of the verdict."""

from dataclasses import asdict
from typing import Any

import pytest

from pipeline_src import contract, gate_thresholds
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

Arguments = dict[str, Any]


def output(step: str, name: str) -> dict[str, str]:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}


def read(step: str, file: str, path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.{step}.PropertyFiles.{file}"}, "Path": path}}


def inputs(arguments: Arguments) -> dict[str, Any]:
    return {each["InputName"]: each["S3Input"]["S3Uri"] for each in arguments["ProcessingInputs"]}


def test_all_eight_steps_are_there(steps: dict[str, Any]) -> None:
    assert tuple(steps) == contract.STEPS


def test_preprocess_reads_the_archives_and_writes_what_the_contract_says(arguments: Arguments) -> None:
    outputs = arguments[contract.PREPROCESS_STEP]["ProcessingOutputConfig"]["Outputs"]
    assert inputs(arguments[contract.PREPROCESS_STEP]) == {
        contract.ARCHIVE_INPUT: {"Get": "Parameters.InputArchive"},
        contract.ADDITION_INPUT: {"Get": "Parameters.AdditionalArchive"},
    }
    assert [each["OutputName"] for each in outputs] == ["train", "validation", "holdout", "dataset"]


def test_every_output_lies_below_the_execution_under_the_step_in_lower_case(arguments: Arguments) -> None:
    written = {
        (step, each["OutputName"]): each["S3Output"]["S3Uri"]
        for step in (contract.PREPROCESS_STEP, contract.EVALUATE_STEP)
        for each in arguments[step]["ProcessingOutputConfig"]["Outputs"]
    }
    written[contract.TRAIN_STEP, "model"] = arguments[contract.TRAIN_STEP]["OutputDataConfig"]["S3OutputPath"]
    written[contract.SCORE_STEP, "scores"] = arguments[contract.SCORE_STEP]["TransformOutput"]["S3OutputPath"]
    for (step, name), uri in written.items():
        parts = [
            f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/runs",
            {"Get": "Execution.PipelineExecutionId"},
            step.lower(),
            name,
        ]
        assert uri == {"Std:Join": {"On": "/", "Values": parts}}


@pytest.mark.parametrize(
    ("step", "file"),
    [
        (
            contract.PREPROCESS_STEP,
            (contract.DATASET_CARD_PROPERTY, contract.DATASET_OUTPUT, contract.DATASET_CARD_FILE),
        ),
        (contract.EVALUATE_STEP, (contract.EVALUATION_PROPERTY, contract.EVALUATION_OUTPUT, contract.EVALUATION_FILE)),
    ],
)
def test_values_are_read_out_of_the_files_that_the_contract_names(steps: Arguments, step: str, file: Any) -> None:
    assert steps[step]["PropertyFiles"] == [
        dict(zip(("PropertyFileName", "OutputName", "FilePath"), file, strict=True))
    ]


def test_training_reads_whole_record_files_on_every_host(arguments: Arguments) -> None:
    channels = arguments[contract.TRAIN_STEP]["InputDataConfig"]
    assert [channel["ChannelName"] for channel in channels] == ["train", "validation"]
    for channel in channels:
        source = channel["DataSource"]["S3DataSource"]
        assert (channel["ContentType"], channel["InputMode"]) == ("application/x-recordio", "File")
        assert source["S3DataDistributionType"] == "FullyReplicated"
        assert source["S3Uri"] == output(contract.PREPROCESS_STEP, channel["ChannelName"])


def test_the_number_of_training_samples_comes_from_the_dataset_card(arguments: Arguments) -> None:
    given = arguments[contract.TRAIN_STEP]["HyperParameters"]
    wanted = read(contract.PREPROCESS_STEP, contract.DATASET_CARD_PROPERTY, contract.TRAINING_SAMPLES_PATH)
    assert given["num_training_samples"] == wanted
    assert given["num_classes"] == str(len(contract.CLASS_LABELS))


def test_what_is_scored_is_the_holdout_image_by_image(arguments: Arguments) -> None:
    score = arguments[contract.SCORE_STEP]
    source = score["TransformInput"]
    assert source["DataSource"]["S3DataSource"]["S3Uri"] == output(contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT)
    assert (source["ContentType"], score["TransformOutput"]["Accept"]) == ("application/x-image", "application/json")
    assert score["BatchStrategy"] == "SingleRecord"
    assert "SplitType" not in source
    assert score["MaxConcurrentTransforms"] * score["MaxPayloadInMB"] <= 100


def test_what_is_scored_is_what_is_registered(arguments: Arguments) -> None:
    """The same artifact in the same image: what is evaluated is what will be served."""
    (registered,) = arguments[contract.REGISTER_STEP]["InferenceSpecification"]["Containers"]
    assert registered == arguments[contract.MODEL_STEP]["PrimaryContainer"]
    assert registered["ModelDataUrl"] == {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    assert arguments[contract.SCORE_STEP]["ModelName"] == {"Get": "Steps.Model.ModelName"}


def test_evaluate_reads_scores_manifest_pictures_model_and_the_champions_predictions(arguments: Arguments) -> None:
    assert inputs(arguments[contract.EVALUATE_STEP]) == {
        contract.CHAMPION_INPUT: {"Get": f"Parameters.{contract.CHAMPION_PREDICTIONS_PARAMETER}"},
        contract.MODEL_INPUT: {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
        contract.SCORES_INPUT: {"Get": "Steps.Score.TransformOutput.S3OutputPath"},
        contract.DATASET_OUTPUT: output(contract.PREPROCESS_STEP, contract.DATASET_OUTPUT),
        contract.HOLDOUT_OUTPUT: output(contract.PREPROCESS_STEP, contract.HOLDOUT_OUTPUT),
    }


def test_the_gate_holds_no_rule_but_the_verdict(arguments: Arguments) -> None:
    (condition,) = arguments[contract.GATE_STEP]["Conditions"]
    verdict = read(contract.EVALUATE_STEP, contract.EVALUATION_PROPERTY, contract.VERDICT_PATH)
    assert condition == {"Type": "Equals", "LeftValue": verdict, "RightValue": contract.VERDICT_PASS}


def test_a_model_that_passes_is_registered_and_another_ends_the_execution_with_the_reason(arguments: Arguments) -> None:
    assert [step["Name"] for step in arguments[contract.GATE_STEP]["IfSteps"]] == [contract.REGISTER_STEP]
    assert [step["Name"] for step in arguments[contract.GATE_STEP]["ElseSteps"]] == [contract.REJECT_STEP]
    reason = read(contract.EVALUATE_STEP, contract.EVALUATION_PROPERTY, contract.REASON_PATH)
    assert arguments[contract.REJECT_STEP] == {"ErrorMessage": reason}


def test_the_model_package_carries_its_evidence(arguments: Arguments) -> None:
    register = arguments[contract.REGISTER_STEP]
    assert register["ModelPackageGroupName"] == OFFLINE_DEPLOYMENT.model_package_group
    folder = output(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT)
    statistics = register["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == {"Std:Join": {"On": "/", "Values": [folder, contract.EVALUATION_FILE]}}
    shown = register["CustomerMetadataProperties"]
    sha256 = read(contract.PREPROCESS_STEP, contract.DATASET_CARD_PROPERTY, contract.ARCHIVE_SHA256_PATH)
    assert shown["dataset_sha256"] == sha256
    added = read(contract.PREPROCESS_STEP, contract.DATASET_CARD_PROPERTY, contract.ADDITION_SHA256_PATH)
    assert shown["additional_sha256"] == added
    assert shown["report"] == {"Std:Join": {"On": "/", "Values": [folder, contract.REPORT_FILE]}}
    assert {"balanced_accuracy", "melanoma_sensitivity", "melanoma_threshold"} <= shown.keys()


@pytest.mark.parametrize("field", asdict(gate_thresholds.THRESHOLD_PROFILES["default"]))
def test_the_gates_floors_default_to_the_default_profile(document: dict[str, Any], field: str) -> None:
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in document["Parameters"]}
    assert defaults[gate_thresholds.THRESHOLD_PARAMETERS[field]] == getattr(
        gate_thresholds.THRESHOLD_PROFILES["default"], field
    )


def test_a_model_waits_for_approval_unless_told_otherwise(document: dict[str, Any], arguments: Arguments) -> None:
    defaults = {parameter["Name"]: parameter["DefaultValue"] for parameter in document["Parameters"]}
    assert defaults["ModelApprovalStatus"] == "PendingManualApproval"
    assert arguments[contract.REGISTER_STEP]["ModelApprovalStatus"] == {"Get": "Parameters.ModelApprovalStatus"}
