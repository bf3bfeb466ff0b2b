// The people that the pages about people have to show.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const GATEWAY = JSON.parse(readFileSync(resolve(import.meta.dirname, "../../infra/local/simulator-gateway.json"), "utf8"));

/** A handset writes to a gateway of the account. */
async function writes(hooks, from, text) {
  const body = new URLSearchParams({ from, to: "12345", text, id: `mo-${from}-${Date.now()}-${text.length}` });
  const answer = await fetch(hooks, { method: "POST", body });
  if (!answer.ok) throw new Error(`the webhook answers ${answer.status}`);
}

export async function people(api, until) {
  const some = Math.random().toString(36).slice(2, 8);
  const list = await api("POST", "/v1/lists", { name: `Spring customers ${some}` });
  const ada = await api("POST", "/v1/contacts", {
    number: "+447700900101",
    language: "en-GB",
    attributes: { name: "Ada Lovelace", city: "London", orders: 12, member: true },
    tags: ["vip", "press"],
    lists: [list.id],
  });
  await api("POST", "/v1/contacts/batch", {
    contacts: [
      { number: "+33639980102", attributes: { name: "Marie Curie", city: "Paris" }, tags: ["vip"], lists: [list.id] },
      { number: "+447700900103", attributes: { first_name: "Alan", last_name: "Turing" }, lists: [list.id] },
    ],
  });
  await api("POST", "/v1/suppressions", { number: "+447700900103", reason: "said so on the telephone" });
  await api("POST", "/v1/consents", {
    number: "+447700900101", scope: "marketing", method: "web_form", source: "https://example.com/sign-up",
    text: "Yes, text me about offers, at most four a month.",
  });
  const segment = await api("POST", "/v1/segments", { name: `VIPs abroad ${some}`, filter: 'tag = "vip" and country != "GB"' });
  const gateway = structuredClone(GATEWAY);
  gateway.name = `Brings messages ${some}`;
  gateway.config.dlr.auth = { kind: "none" };
  gateway.config.mo = { from: "form:from", to: "form:to", text: "form:text", id: "form:id" };
  const { id } = await api("POST", "/v1/gateways", gateway);
  const { hooks_url: hooks } = await api("GET", `/v1/gateways/${id}`);
  await writes(hooks, "+447700900101", "Is the table still free? We are four now.");
  await writes(hooks, "+447700900104", "HELP");
  await writes(hooks, "+447700900105", "STOP");
  await writes(hooks, "+447700900106", "Who is this?");
  const wrote = (number) => async () => (await api("POST", "/v1/inbound/search", { from: number })).data.length > 0;
  for (const last of ["01", "04", "05", "06"]) await until(wrote(`+4477009001${last}`));
  return { contact: ada.id, list: list.id, segment: segment.id, gateway: id };
}
