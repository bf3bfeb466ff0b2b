// The main calls with a client whose types are made from docs/openapi.json: `npm ci && npm run generate && npm run check && npm run demo`.

import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { paths } from "./carillon.js";

const carillon = createClient<paths>({
  baseUrl: process.env["CARILLON_URL"] ?? "http://127.0.0.1:8080",
  headers: { authorization: `Bearer ${process.env["CARILLON_KEY"]}` },
});

function done<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

const once = () => ({ "Idempotency-Key": randomUUID() });

const sent = done(
  await carillon.POST("/v1/messages", {
    params: { header: once() },
    body: { to: "+447700900123", text: "Your code is 4711", valid_for: 300 },
  }),
);
const message = sent.messages[0];
if (!message) throw new Error("no message");
console.log("sent", message.id);

const campaign = done(
  await carillon.POST("/v1/campaigns", {
    body: {
      name: "From the example",
      class: "transactional",
      content: { text: "Hello {{name}}" },
      audience: { type: "inline", recipients: [{ to: "+447700900124", vars: { name: "Ann" } }] },
    },
  }),
);
const path = { id: campaign.id };
done(await carillon.POST("/v1/campaigns/{id}/start", { params: { path, header: once() }, body: {} }));

const over = ["finished", "failed", "cancelled"];
for (;;) {
  const { status } = done(await carillon.GET("/v1/campaigns/{id}", { params: { path } }));
  if (over.includes(status)) {
    console.log(status);
    break;
  }
  await setTimeout(1_000);
}
const report = done(await carillon.GET("/v1/campaigns/{id}/report", { params: { path } }));
console.log(JSON.stringify(report));
