# SPDX-License-Identifier: MIT-0
"""Validates settings. Each rule names the setting, its value, what is allowed and the remedy.

Pure functions of Settings. Sources: the SageMaker API Reference (CapacitySize, ResourceConfig, VpcConfig), the
CodePipeline API Reference, the Application Auto Scaling documentation, and the KMS Developer Guide ("kms:ViaService").
"""

import re
from collections.abc import Iterator
from typing import Final

from pipeline_src.algorithms.algorithm_table import find_algorithm
from pipeline_src.definition import instance_types
from stacks.settings import region_support
from stacks.settings.aws_prices import MAXIMUM_PARALLEL_JOBS, maximum_tuning_cost
from stacks.settings.deployment_settings import AwsEnvironment, EndpointSettings, Settings, TrainingSettings
from stacks.settings.settings_context import SettingError
from stacks.settings.stage_placement import STAGES, remote_stages

# Retention periods that CloudWatch Logs offers, in days.
LOG_RETENTION_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
_NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MONITOR_NAME_PATTERN: Final = re.compile(r"-monitor(-|$)")
_MAXIMUM_WARM_SECONDS: Final = 3600
_REPOSITORY_PATTERN: Final = re.compile(r"[\w.-]+(/[\w.-]+)+")
_BRANCH_PATTERN: Final = re.compile(r"[\w./-]{1,100}")
_CONNECTION_PATTERN: Final = re.compile(
    r"arn:[\w-]+:(codeconnections|codestar-connections):[\w-]+:\d{12}:connection/[\w-]+"
)
_MLFLOW_PATTERN: Final = re.compile(
    r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:mlflow-(tracking-server|app)/[A-Za-z0-9-]{1,256}"
)
_SCHEDULE_PATTERN: Final = re.compile(r"rate\([1-9]\d* (minutes?|hours?|days?)\)|cron\(\S+( \S+){5}\)")
_ADDRESS_PATTERN: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_USER_PATTERN: Final = re.compile(r"\d+:\d+")
_ACCOUNT_PATTERN: Final = re.compile(r"\d{12}")
_REGION_PATTERN: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# Prefixes of region names in the partitions other than the commercial one; the longest first.
_PARTITION_PREFIXES: Final = ("us-gov-", "us-isob-", "us-isof-", "us-iso-", "eu-isoe-", "cn-")

_NO_IMAGE: Final = "AWS has no image of training.algorithm there: choose another algorithm or region"

# Setting, whether its value is invalid, the value, what is allowed and why.
SettingRule = tuple[str, bool, object, str]


def validate_settings(settings: Settings, region: str = "") -> Settings:
    """Return `settings` if they are valid.

    Args:
        settings: The settings.
        region: Region of the credentials, used if build.region is empty; empty: not known.

    Raises:
        SettingError: Some are invalid; the message names all of them.
    """
    try:
        find_algorithm(settings.training.algorithm)
    except ValueError as error:
        raise SettingError(f"setting 'training.algorithm': {error}") from error
    rules = (*_setting_rules(settings), *_region_rules(settings, region))
    problems = [f"setting {place!r}: {value!r}: {wanted}" for place, wrong, value, wanted in rules if wrong]
    if problems:
        raise SettingError("\n".join(problems))
    return settings


def algorithm_regions(settings: Settings) -> frozenset[str] | None:
    """Return the regions that have the images of the chosen algorithm; None: all, because the CDK builds them."""
    bought = [each for each in find_algorithm(settings.training.algorithm).images if not each.is_built]
    return frozenset.intersection(*(frozenset(each.accounts) for each in bought)) if bought else None


def _setting_rules(settings: Settings) -> Iterator[SettingRule]:
    name = settings.name
    yield "name", not (_NAME_PATTERN.fullmatch(name) and len(name) <= 20), name, _name_requirement()
    # The monitor of a deployment `skin` finds its jobs by the prefix `skin-monitor-`.
    yield (
        "name",
        bool(_MONITOR_NAME_PATTERN.search(name)),
        name,
        "another deployment's monitor is called so; leave out `-monitor`",
    )
    for place in ("build", *(f"{stage}_environment" for stage in STAGES)):
        yield from _environment_rules(place, getattr(settings, place))
    for stage, where in remote_stages(settings).items():
        yield from _remote_stage_rules(f"{stage}_environment", where, settings.build)
    yield from _source_rules(settings)
    yield from _network_rules(settings)
    yield from _training_rules(settings)
    for stage in ("staging", "production"):
        yield from _endpoint_rules(stage, getattr(settings, stage))
    yield from _monitor_rules(settings)
    yield from _other_rules(settings)


def _name_requirement() -> str:
    return "give at most 20 lower-case letters, digits and single hyphens, a letter first; resource names begin with it"


def _environment_rules(place: str, given: AwsEnvironment) -> Iterator[SettingRule]:
    account, region = given.account, given.region
    yield (
        f"{place}.account",
        bool(account) and not _ACCOUNT_PATTERN.fullmatch(account),
        account,
        "give the 12 digits of one",
    )
    yield (
        f"{place}.region",
        bool(region) and not _REGION_PATTERN.fullmatch(region),
        region,
        "give one such as eu-west-1",
    )
    yield f"{place}.account", bool(account) != bool(region), account, f"give {place}.region with it, or neither"


def _region_rules(settings: Settings, chosen: str) -> Iterator[SettingRule]:
    """Yield the rules on the algorithm's image and on resource types, which a region may lack."""
    having = algorithm_regions(settings)
    places = {
        "build.region": settings.build,
        **{f"{stage}_environment.region": at for stage, at in remote_stages(settings).items()},
    }
    for place, where in places.items():
        region, hint = where.region, ""
        if not region and chosen:
            region, hint = chosen, " (build.region is empty, and AWS_REGION or the profile says so)"
        bare = having is not None and bool(_REGION_PATTERN.fullmatch(region)) and region not in having
        yield place, bare, region, f"{_NO_IMAGE}{hint}"
        for need in region_support.required_resource_types(settings, where):
            wrong = bool(region) and not need.optional and need.missing(region)
            yield place, wrong, region, f"{need.sentence(region)}{hint}. {need.remedy}"


def _remote_stage_rules(place: str, where: AwsEnvironment, build: AwsEnvironment) -> Iterator[SettingRule]:
    unknown = not (build.account and build.region)
    wanted = f"each side names the other, and {place} is elsewhere: give build.account and build.region too"
    yield "build.account", unknown, build.account, wanted
    # Policies cannot name accounts of another partition, and S3 does not copy between partitions.
    far = not unknown and _partition_prefix(where.region) != _partition_prefix(build.region)
    yield f"{place}.region", far, where.region, f"give one of the same partition as build.region, {build.region}"
    # kms:ViaService has the same service names everywhere; service principals, such as CloudWatch Logs', may not [?].
    china = _partition_prefix(where.region) == "cn-"
    wanted = "keep the stage at home: nobody has looked at China's service principals and CodePipeline"
    yield f"{place}.region", china, where.region, wanted


def _partition_prefix(region: str) -> str:
    """Return the prefix of the region's partition; empty for the commercial partition."""
    return next((start for start in _PARTITION_PREFIXES if region.startswith(start)), "")


def _source_rules(settings: Settings) -> Iterator[SettingRule]:
    source, repository = settings.source, settings.source.repository
    path = source.kind == "codeconnections" and bool(repository) and not _REPOSITORY_PATTERN.fullmatch(repository)
    yield "source.repository", path, repository, "give owner/name"
    plain = source.kind == "codecommit" and not re.fullmatch(r"[\w.-]{1,100}", repository)
    yield "source.repository", plain, repository, "give the name of a CodeCommit repository, without a slash"
    yield "source.branch", not _BRANCH_PATTERN.fullmatch(source.branch), source.branch, "give a branch such as main"
    arn = source.connection_arn
    yield "source.connection_arn", bool(arn) and not _CONNECTION_PATTERN.fullmatch(arn), arn, "give a connection's ARN"
    other = bool(arn) and source.kind != "codeconnections"
    yield "source.connection_arn", other, arn, f"source.kind is {source.kind}, which has no connection; leave it empty"
    archive = source.key.startswith("archives/") or not source.key.endswith(".zip")
    yield "source.key", source.kind == "s3" and archive, source.key, "give a key that ends in .zip, not below archives/"


def _network_rules(settings: Settings) -> Iterator[SettingRule]:
    # SageMaker API Reference, VpcConfig; CodeBuild API Reference, VpcConfig.
    network = settings.network
    lists = {
        "subnets": (network.subnets, network.subnet_ids, "subnet", 16),
        "security_groups": (network.security_groups, network.security_group_ids, "sg", 5),
    }
    for name, (given, ids, kind, most) in lists.items():
        wrong = any(not re.fullmatch(rf"{kind}-[0-9a-f]{{8,17}}", each) for each in ids)
        wanted = f"give up to {most} ids such as {kind}-0123456789abcdef0, separated by commas, each once"
        yield f"network.{name}", wrong or len(set(ids)) != len(ids) or len(ids) > most, given, wanted
    vpc = network.vpc
    wrong = bool(vpc) and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", vpc)
    yield "network.vpc", wrong, vpc, "give an id such as vpc-0123456789abcdef0"
    for name, given in (("vpc", vpc), ("subnets", network.subnets), ("security_groups", network.security_groups)):
        partial = not given and bool(vpc or network.subnets or network.security_groups)
        yield f"network.{name}", partial, given, "give network.vpc, subnets and security_groups together, or none"
    # Subnets belong to one account and region.
    away = ", ".join(remote_stages(settings))
    wanted = f"these subnets are in build's account and region, where {away} is not; leave network empty"
    yield "network.subnets", bool(network.subnets and away), network.subnets, f"{wanted}, or keep the stages at home"


def _training_rules(settings: Settings) -> Iterator[SettingRule]:
    training = settings.training
    yield _instance_rule("training.preprocess_instance", instance_types.PROCESSING, training.preprocess_instance)
    algorithm = find_algorithm(training.algorithm)
    use = instance_types.training_use(algorithm)
    yield _instance_rule("training.train_instance", use, training.train_instance_type)
    yield _instance_rule("training.score_instance", instance_types.TRANSFORM, training.score_instance)
    yield _instance_rule("training.evaluate_instance", instance_types.PROCESSING, training.evaluate_instance)
    most = algorithm.maximum_instances
    wanted = f"give 1 to {most}" if most > 1 else f"{algorithm.name} trains on one; give 1, and a larger train_instance"
    hosts = training.train_instances
    yield "training.train_instances", not 1 <= hosts <= most, hosts, wanted
    hosts = training.score_instances
    yield "training.score_instances", not 1 <= hosts <= 20, hosts, "give 1 to 20"
    cold = training.warm_start and algorithm.warm_start == "never"
    yield "training.warm_start", cold, training.warm_start, f"{algorithm.name}: {algorithm.warm_start_refusal}"
    yield from _warm_pool_rules(training)
    yield from _tuning_rules(training)
    yield (
        "training.job_user",
        not _USER_PATTERN.fullmatch(training.job_user),
        training.job_user,
        "give uid:gid in digits",
    )


def _warm_pool_rules(training: TrainingSettings) -> Iterator[SettingRule]:
    # SageMaker Developer Guide, "SageMaker AI Managed Warm Pools", and of a tuning the API Reference,
    # HyperParameterTuningResourceConfig. The API accepts longer ones than the guide; the guide's limit applies here.
    kept, place = training.keep_warm_seconds, "training.keep_warm_seconds"
    yield place, not 0 <= kept <= _MAXIMUM_WARM_SECONDS, kept, f"give 0 (not at all) to {_MAXIMUM_WARM_SECONDS}"
    yield place, kept > 0 and training.spot, kept, "spot capacity cannot be kept; give 0, or training.spot=false"
    wanted = "the jobs of a tuning share their instances by themselves; give 0"
    yield place, kept > 0 and training.tuning_jobs > 0, kept, wanted


def _instance_rule(place: str, use: instance_types.InstanceUse, given: str) -> SettingRule:
    refusal = instance_types.instance_type_refusal(use, given)
    return place, bool(refusal), given, refusal


def _tuning_rules(training: TrainingSettings) -> Iterator[SettingRule]:
    jobs, at_once, limit = training.tuning_jobs, training.tuning_parallel, training.tuning_usd
    yield "training.tuning_jobs", jobs != 0 and not 2 <= jobs <= 50, jobs, "give 0 (one training) or 2 to 50"
    most = min(MAXIMUM_PARALLEL_JOBS, jobs or MAXIMUM_PARALLEL_JOBS)
    yield "training.tuning_parallel", not 1 <= at_once <= most, at_once, f"give 1 to {most}"
    algorithm = find_algorithm(training.algorithm)
    shared = training.spot and jobs > 0 and algorithm.checkpoints == "training"
    yield "training.spot", shared, training.spot, "a tuning's jobs would share their checkpoints"
    yield "training.tuning_usd", limit < 0, limit, "give dollars, or 0 for no limit"
    cost = maximum_tuning_cost(training)
    unknown = jobs > 0 and limit > 0 and cost is None
    wanted = (
        f"the price of {training.train_instance_type} is not in stacks/settings/aws_prices.py; add it, or give "
        "0 for no limit"
    )
    yield "training.tuning_usd", unknown, limit, wanted
    longest = f"{algorithm.maximum_hours} hours, the longest they may take"
    wanted = f"{jobs} jobs of {longest}, cost ${cost or 0:.2f}; give more or 0"
    yield "training.tuning_usd", 0 < limit < (cost or 0), limit, wanted


def _endpoint_rules(stage: str, given: EndpointSettings) -> Iterator[SettingRule]:
    yield _instance_rule(f"{stage}.instance", instance_types.ENDPOINT, given.instance)
    yield f"{stage}.minimum", not 1 <= given.minimum <= 100, given.minimum, "give 1 to 100"
    yield f"{stage}.maximum", given.maximum < given.minimum, given.maximum, f"give {given.minimum} (minimum) or more"
    canary = given.canary_percent
    yield f"{stage}.canary_percent", not 0 <= canary <= 50, canary, "the service takes up to 50; give 0 (none) to 50"
    alone = canary > 0 and given.minimum < 2
    yield f"{stage}.canary_percent", alone, canary, f"one instance cannot be split; set {stage}.minimum=2, or 0 here"
    # The alarms fire after two bad minutes of three, plus the delay of the metrics.
    watched = given.canary_minutes
    yield f"{stage}.canary_minutes", not 5 <= watched <= 60, watched, "give 5 to 60: a shorter one ends before an alarm"
    share = given.capture_percent
    yield f"{stage}.capture_percent", not 0 <= share <= 100, share, "give 0 (none) to 100"
    yield f"{stage}.latency_ms", not 1 <= given.latency_ms <= 60_000, given.latency_ms, "give 1 to 60000, the time-out"
    load = given.invocations_per_instance
    yield f"{stage}.invocations_per_instance", load < 1, load, "give 1 or more requests a minute"


def _monitor_rules(settings: Settings) -> Iterator[SettingRule]:
    given = settings.monitor
    yield _instance_rule("monitor.instance", instance_types.PROCESSING, given.instance)
    longest = 60 if given.every == "hour" else 1440
    wanted = f"give 5 to {longest}: the next run begins then"
    yield "monitor.minutes", not 5 <= given.minutes <= longest, given.minutes, wanted
    blind = given.retrain and (given.every == "never" or not settings.production.capture_percent)
    yield "monitor.retrain", blind, given.retrain, "needs monitor.every=day and production.capture_percent above 0"


def _other_rules(settings: Settings) -> Iterator[SettingRule]:
    schedule, address = settings.retraining.schedule, settings.notification.address
    wanted = "give rate(30 days), cron(0 3 1 * ? *) or nothing"
    yield "retraining.schedule", bool(schedule) and not _SCHEDULE_PATTERN.fullmatch(schedule), schedule, wanted
    yield (
        "notification.address",
        bool(address) and not _ADDRESS_PATTERN.fullmatch(address),
        address,
        "give an e-mail address",
    )
    kept = settings.retention
    yield (
        "retention.log_days",
        kept.log_days not in LOG_RETENTION_DAYS,
        kept.log_days,
        f"give one of {LOG_RETENTION_DAYS}",
    )
    yield "retention.capture_days", kept.capture_days < 1, kept.capture_days, "give 1 or more"
    yield "retention.noncurrent_days", kept.noncurrent_days < 1, kept.noncurrent_days, "give 1 or more"
    # Step caching reuses results of the last 30 days, so their objects must still exist.
    early = kept.model_days != 0 and kept.model_days < 60
    yield "retention.model_days", early, kept.model_days, "give 0 (for ever) or 60 and more: caching relies on them"
    amount = settings.budget.monthly_usd
    server = settings.tracking.mlflow_arn
    wanted = "give arn:aws:sagemaker:REGION:ACCOUNT:mlflow-tracking-server/NAME, or nothing"
    yield "tracking.mlflow_arn", bool(server) and not _MLFLOW_PATTERN.fullmatch(server), server, wanted
    yield "budget.monthly_usd", amount < 0, amount, "give dollars, or 0 for none"
