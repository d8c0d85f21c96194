// SPDX-License-Identifier: MIT-0
// Compares CloudFormation templates with the library of `cdk diff`, in which AWS keeps up to date which property
// replaces a resource. review/template_diff.py reads the output and judges it.
//
// stdin:  [{"stack": name, "old": path of a template or null, "new": path of a template or null}]
// stdout: one object for each pair, in the same order; see `compareTemplates`.
import { readFileSync } from "node:fs";
import { fullDiff } from "@aws-cdk/cloudformation-diff";

const SECTIONS = { parameters: "parameter", conditions: "condition", mappings: "mapping", outputs: "output" };

const read = (path) => (path === null ? {} : JSON.parse(readFileSync(path, "utf8")));

const statement = ({ sid, effect, condition, serializedIntrinsic, ...targets }) => ({
  sid,
  effect,
  condition,
  unread: serializedIntrinsic,
  ...Object.fromEntries(["principals", "actions", "resources"].map((each) => [each, { ...targets[each] }])),
});

// All statements of a template, including unchanged ones, because another statement may have granted the same before.
const statements = (template) => fullDiff({}, template).iamChanges.statements.additions.map(statement);

const policies = (collection) =>
  collection.map(({ identityArn, managedPolicyArn }) => ({ identity: identityArn, policy: managedPolicyArn }));

const rule = (each) => ({ group: each.groupId, protocol: each.describeProtocol(), peer: each.describePeer() });

const values = (differences) =>
  Object.entries(differences).map(([name, { oldValue, newValue, changeImpact }]) => ({
    name,
    old: oldValue,
    new: newValue,
    impact: changeImpact,
  }));

function resource([id, difference]) {
  const { oldValue, newValue } = difference;
  return {
    id,
    impact: difference.changeImpact,
    type: (newValue ?? oldValue).Type,
    old_type: (oldValue ?? newValue).Type,
    path: (newValue ?? oldValue).Metadata?.["aws:cdk:path"],
    deletion_policy: oldValue?.DeletionPolicy,
    replace_policy: oldValue?.UpdateReplacePolicy,
    properties: values(difference.propertyUpdates),
    others: values(difference.otherChanges),
  };
}

const section = (differences, kind) =>
  values(differences.changes).map(({ impact: _, ...each }) => ({ kind, ...each }));

function compareTemplates({ stack, old: oldPath, new: newPath }) {
  const [oldTemplate, newTemplate] = [read(oldPath), read(newPath)];
  const difference = fullDiff(oldTemplate, newTemplate);
  const { iamChanges: iam, securityGroupChanges: groups } = difference;
  return {
    stack,
    resources: Object.entries(difference.resources.changes).map(resource),
    statements: { old: statements(oldTemplate), new: statements(newTemplate) },
    policies: { added: policies(iam.managedPolicies.additions), removed: policies(iam.managedPolicies.removals) },
    rules: [...groups.ingress.additions, ...groups.egress.additions].map(rule),
    sections: Object.entries(SECTIONS).flatMap(([name, kind]) => section(difference[name], kind)),
  };
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(compareTemplates)));
