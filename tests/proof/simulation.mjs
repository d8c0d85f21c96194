// SPDX-License-Identifier: MIT-0
// Asks a library that evaluates IAM policies as AWS does, for several accounts. Nothing is judged here:
// tests/proof/simulation.py hands requests over and reads the answers.
//
// stdin:  one line for each question, a JSON list of the library's simulations
// stdout: one line for each, a JSON list in the same order: true (allowed), false (denied) or what is wrong with it
import { createInterface } from "node:readline";
import { runSimulation } from "@cloud-copilot/iam-simulate";

async function answer(simulation) {
  const found = await runSimulation(simulation, {});
  if (found.resultType !== "single") return JSON.stringify(found.errors ?? found.resultType);
  // A key that the library leaves out would make a condition on it fail, or a denial pass over.
  const ignored = found.result.ignoredContextKeys;
  return ignored.length ? `it ignores ${ignored}` : found.overallResult === "Allowed";
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await Promise.all(JSON.parse(line).map(answer)))}\n`);
}
