// What the pages have to show: made through the API, as a customer's program would.

import { execFileSync } from "node:child_process";
import { URL, needed } from "./browser.mjs";
import { people } from "./people.mjs";

export async function api(method, path, body, key = needed("API_KEY")) {
  const answer = await fetch(`${URL}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "idempotency-key": crypto.randomUUID(), "if-match": "*" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

const CREATE = `
import boto3, json, os, sys
request = {"create_account": {"name": sys.argv[1], "owner": sys.argv[2], "countries": "all"}}
answer = boto3.client("lambda").invoke(FunctionName=os.environ["STACK"] + "-api", Payload=json.dumps(request))
sys.exit("FunctionError" in answer)
`;

/** Another account on the same stack, made as an operator makes one. */
export function account(name, owner) {
  execFileSync(".local/tools/bin/python", ["-c", CREATE, name, owner]);
}

const DIE = `
import boto3, json, os, sys
queues, functions = boto3.client("sqs"), boto3.client("lambda")
stack = os.environ["STACK"]
queues.send_message(QueueUrl=queues.get_queue_url(QueueName=f"{stack}-prepare-dead")["QueueUrl"], MessageBody=sys.argv[1])
sys.exit("FunctionError" in functions.invoke(FunctionName=f"{stack}-dead-letters", Payload="{}"))
`;

/** As if the campaign had failed to begin at every try. */
async function deadLetter({ id: campaign, batch }) {
  const { id: account } = await api("GET", "/v1/account");
  execFileSync(".local/tools/bin/python", ["-c", DIE, JSON.stringify({ campaign, batch, account })]);
}

/** Numbers that the simulated gateway delivers to, and a few that it doesn't: core/src/simulated.rs. */
function recipients(count) {
  const magic = ["+15005550001", "+15005550011", "+15005550012", "+15005550014", "+15005550016"];
  return Array.from({ length: count }, (_, place) => ({
    to: place % 12 === 4 && magic.length ? magic.pop() : `+447700900${100 + place}`,
    vars: { name: ["Ada", "Grace", "Linus", "Margaret"][place % 4] },
  }));
}

async function campaign(name, count, key, more = {}) {
  return api("POST", "/v1/campaigns", {
    name,
    class: "transactional",
    audience: { type: "inline", recipients: recipients(count) },
    content: { text: "Hi {{name}}, your table is free from 8." },
    ...more,
  }, key);
}

/** A file as people have them: some of its rows are no good. */
const FILE = ["phone,name,city", "+447700900121,Ada,London", "4.47701E+11,Bea,Bath", "+447700900122,Cid,York", "07700900123,Dee,Leeds", "+447700900121,Ada,London", "+33612345678,Eve,Lyon"].join("\n");

async function upload(key) {
  const { id, url, fields } = await api("POST", "/v1/uploads", {}, key);
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob([FILE], { type: "text/csv" }), "guests.csv");
  const put = await fetch(url, { method: "POST", body: form });
  if (!put.ok) throw new Error(`the bucket answers ${put.status}`);
  return id;
}

/** A draft to a file, with a time, a pace and every policy. */
async function plan(key) {
  const in30Days = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  return api("POST", "/v1/campaigns", {
    name: "Summer party",
    audience: { type: "upload", upload: await upload(key) },
    content: { text: "Hi {{name}} in {{city}}, you are invited: https://example.com/party", links: { track: true } },
    schedule: { at: `${in30Days}T10:00`, time_zone: "Europe/Paris" },
    policies: { spread_over: 21_600, quiet_hours: "skip", valid_for: 172_800 },
  }, key);
}

/** A file that became contacts, one that waits to have its columns named, and a file of them. */
async function files() {
  const { id: imported } = await api("POST", "/v1/imports", { upload: await upload(), tags: ["spring"] });
  const { id: exported } = await api("POST", "/v1/exports", { dataset: "contacts" });
  await until(async () => (await api("GET", `/v1/imports/${imported}`)).status === "done");
  await until(async () => (await api("GET", `/v1/exports/${exported}`)).status === "finished");
  return { imported, exported, uploaded: await upload() };
}

export async function until(told, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await told();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${told}`);
    await new Promise((later) => setTimeout(later, 500));
  }
}

export async function make() {
  const test = needed("TEST_KEY");
  const finished = await campaign("Spring sale", 60, test);
  await api("POST", `/v1/campaigns/${finished.id}/start`, undefined, test);
  const paused = await campaign("Reminder for Tuesday", 40, test);
  await api("POST", `/v1/campaigns/${paused.id}/start`, undefined, test);
  await api("POST", `/v1/campaigns/${paused.id}/pause`, undefined, test);
  const draft = await campaign("Newsletter, first issue", 5, test);
  const planned = await plan(test);
  const scheduled = await campaign("Advent calendar", 5, test);
  const in30Days = new Date(Date.now() + 30 * 86_400_000).toISOString();
  await api("POST", `/v1/campaigns/${scheduled.id}/schedule`, { at: in30Days }, test);
  const menu = { text: "Hi {{name}}, have a look: https://example.com/menu", links: { track: true } };
  const tracked = await campaign("The new menu", 12, test, { content: menu });
  await api("POST", `/v1/campaigns/${tracked.id}/start`, undefined, test);
  // Longer than anybody looks at it.
  const running = await campaign("Places for the season", 60, test, { policies: { spread_over: 10_800 } });
  await api("POST", `/v1/campaigns/${running.id}/start`, undefined, test);
  const address = `grace-${Date.now()}@example.com`;
  const member = await api("POST", "/v1/members", { email: address, role: "viewer" });
  await until(async () => (await api("GET", `/v1/campaigns/${finished.id}`)).status === "finished", 90);
  await deadLetter(await api("GET", `/v1/campaigns/${finished.id}`));
  const those = await people(api, until);
  return { finished: finished.id, paused: paused.id, draft: draft.id, planned: planned.id, scheduled: scheduled.id, running: running.id, tracked: tracked.id, member: member.id, ...those, ...(await tools(those.gateway)), ...(await files()) };
}

/** What an account is set up with. The route is for everything: once there is one, nothing goes beside the routes. */
async function tools(gateway) {
  const some = Math.random().toString(36).slice(2, 8);
  const template = await api("POST", "/v1/templates", { name: `Reservation ${some}`, text: "Hi {{name|there}}, see you at {{time|8}}." });
  const sender = await api("POST", "/v1/senders", { sender: `Bistro${some.slice(0, 4)}`, countries: ["TO"] });
  const route = await api("POST", "/v1/routes", { name: `Everywhere ${some}`, gateways: [{ gateway }] });
  const webhook = await api("POST", "/v1/webhooks", { url: "https://example.com/carillon", events: ["message.delivered"], description: `CRM ${some}` });
  // An account has a few of them at most.
  const { data: [there] } = await api("GET", "/v1/export-schedules");
  const schedule = there ?? (await api("POST", "/v1/export-schedules", { dataset: "messages", every: "week", weekday: "monday", time: "06:00" }));
  const { id: key } = await api("POST", "/v1/keys", { name: `Shop ${some}` });
  return { template: template.id, sender: sender.id, route: route.id, webhook: webhook.id, schedule: schedule.id, key };
}
