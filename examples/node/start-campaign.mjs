// Starts a campaign to some numbers and waits for its end: `node start-campaign.mjs "Hello {{name}}" +447700900123=Ann …`.

import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { call } from "./carillon.mjs";

async function start(text, people) {
  const recipients = people.map(([to, name]) => ({ to, vars: { name } }));
  const { id } = await call("POST", "/v1/campaigns", {
    name: "From the example",
    class: "transactional",
    content: { text },
    audience: { type: "inline", recipients },
  });
  // Kept with the campaign where you plan it, so that a start that is repeated starts nothing twice.
  await call("POST", `/v1/campaigns/${id}/start`, {}, { "idempotency-key": randomUUID() });
  return id;
}

// A webhook that wants `campaign.finished` needs no loop.
async function wait(id) {
  const over = ["finished", "failed", "cancelled"];
  while (!over.includes((await call("GET", `/v1/campaigns/${id}`)).status)) await setTimeout(1_000);
  return call("GET", `/v1/campaigns/${id}/report`);
}

const people = process.argv.slice(3).map((argument) => argument.split("="));
console.log(JSON.stringify(await wait(await start(process.argv[2], people))));
