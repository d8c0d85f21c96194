# SPDX-License-Identifier: MIT-0
"""What holds data, or was confirmed by people, by the ids that it keeps: reviewed, since another id is another thing.

A change here is a migration: docs/several-accounts.md says how the data moves.
"""

from typing import Final

from tests.proof.intrinsic import Documents

_STATEFUL: Final = {
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SSM::Parameter",
    "AWS::CodeConnections::Connection",
}
REVIEWED: Final = {
    "Retraining/PushConnection6288E5CD",
    "Storage/AccessLogs8B620ECA",
    "Storage/Artifacts82DD59A1",
    "Storage/Key961B73FD",
    "Storage/Raw72517081",
    "Storage/Registry",
    "Storage/RunsE45A2291",
    "Storage/TopicBFC7AF6E",
    "Storage/TopicsomeoneexampleorgE9128962",
}
_SITE: Final = (
    "AccessLogs8B620ECA",
    "Bucket83908E77",
    "Key961B73FD",
    "TopicBFC7AF6E",
    "TopicsomeoneexampleorgE9128962",
)
# Of a deployment that spans accounts besides.
REVIEWED_APART: Final = {
    "Storage/CapturesDE857D5D",
    "Storage/DeliveriesBF2F7293",
    *(f"{site}/{id_}" for site in ("StagingSite", "ProductionSite") for id_ in _SITE),
    *(f"Relay-eu-central-1/{id_}" for id_ in ("AccessLogs8B620ECA", "Artifacts82DD59A1", "Key961B73FD")),
}


def kept(documents: Documents) -> set[str]:
    """Return stack and logical id of what `documents` keep."""
    return {
        f"{stack}/{id_}"
        for stack, document in documents.items()
        for id_, each in document["Resources"].items()
        if each["Type"] in _STATEFUL
    }
