// Verifies calls to a webhook, by Standard Webhooks 1.0.0, with nothing but Node. `npm install standardwebhooks` does the same.
// As a program it serves: `WEBHOOK_SECRET=whsec_… node verify-webhook.mjs 8000` prints the type of each event, once.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const TOLERANCE_SECONDS = 300;

// The event, or the batch of them; null of what is not from Carillon. `body` is a Buffer, as it came.
export function verify(secret, headers, body) {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`]);
  const late = Math.abs(Date.now() / 1_000 - Number(timestamp));
  if (!id || !signatures || !(late <= TOLERANCE_SECONDS)) return null;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // Several while a secret is rotated: any of them is good.
  const genuine = signatures.split(" ").some((signature) => {
    const [version, encoded] = signature.split(",");
    const given = Buffer.from(encoded ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return genuine ? JSON.parse(body) : null;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const seen = new Set(); // In your service: a unique key in a table.
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const call = verify(process.env.WEBHOOK_SECRET, request.headers, Buffer.concat(chunks));
    const events = call?.type === "batch" ? call.data.events : call ? [call] : [];
    for (const event of events.filter(({ id }) => !seen.has(id))) {
      seen.add(event.id);
      console.log(event.type);
    }
    response.writeHead(call ? 204 : 401).end();
  });
  server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
}
