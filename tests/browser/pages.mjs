// Every page that a member can look at: those of the navigation, as the console shows it, and those behind them, below.

import { URL } from "./browser.mjs";
import { api } from "./things.mjs";

/** `[name, path]` of all of them. `things`: what `things.mjs` made, for the pages that are about one. */
export async function pages(page, things) {
  await page.goto(`${URL}/overview`);
  const paths = await page.locator("nav.side a").evaluateAll((links) => links.map((link) => new globalThis.URL(link.href).pathname));
  return [
    ...paths.map((path) => [path.slice(1).replaceAll("/", "-"), path]),
    ["campaign-new", "/campaigns/new"],
    ["campaign-finished", `/campaigns/${things.finished}`],
    ["campaign-running", `/campaigns/${things.running}`],
    ["campaign-paused", `/campaigns/${things.paused}`],
    ["campaign-draft", `/campaigns/${things.draft}`],
    ["campaign-planned", `/campaigns/${things.planned}`],
    ["campaign-scheduled", `/campaigns/${things.scheduled}`],
    ["campaign-edit", `/campaigns/${things.planned}/edit`],
    ["campaign-retry", `/campaigns/${things.finished}/retry`],
    ["campaign-links", `/campaigns/${things.tracked}`],
    ["campaign-cancel", `/campaigns/${things.paused}/cancel`],
    ["contact", `/contacts/${things.contact}`],
    ["contact-edit", `/contacts/${things.contact}/edit`],
    ["contact-delete", `/contacts/${things.contact}/delete`],
    ["contact-consent", `/contacts/${things.contact}/consents`],
    ["contact-new", "/contacts/new"],
    ["reports-month", "/reports?days=30&by=gateway"],
    ["reports-compare", `/reports/compare?c=${things.finished}`],
    ["export-schedule-new", "/exports/scheduled/new"],
    ["export-schedule-delete", `/exports/scheduled/${things.schedule}/delete`],
    ["lists", "/lists"],
    ["list", `/lists/${things.list}`],
    ["list-delete", `/lists/${things.list}/delete`],
    ["segments", "/segments"],
    ["segment", `/segments/${things.segment}`],
    ["segment-edit", `/segments/${things.segment}/edit`],
    ["segment-delete", `/segments/${things.segment}/delete`],
    ["imports", "/imports"],
    ["import-map", `/imports/map?upload=${things.uploaded}`],
    ["import", `/imports/${things.imported}`],
    ["import-undo", `/imports/${things.imported}/undo`],
    ["export", `/exports/${things.exported}`],
    ["accounts", "/accounts"],
    ["opt-outs", "/opt-outs"],
    ["opt-out-new", "/opt-outs/new"],
    ["opt-outs-import", "/opt-outs/import"],
    ["member-remove", `/members/${things.member}/remove`],
    ["key-new", "/keys/new"],
    ["gateway", `/gateways/${things.gateway}`],
    ["gateway-credentials", `/gateways/${things.gateway}/credentials`],
    ["route", `/routes/${things.route}`],
    ["route-delete", `/routes/${things.route}/delete`],
    ["sender", `/senders/${things.sender}`],
    ["sender-delete", `/senders/${things.sender}/delete`],
    ["template", `/templates/${things.template}`],
    ["template-versions", `/templates/${things.template}/versions`],
    ["template-delete", `/templates/${things.template}/delete`],
    ["webhook", `/webhooks/${things.webhook}`],
    ["webhook-delete", `/webhooks/${things.webhook}/delete`],
    ["gateway-choose", "/gateways/new"],
    ["gateway-new", "/gateways/new/twilio"],
    ["route-new", "/routes/new"],
    ["route-explain", "/routes/explain"],
    ["sender-new", "/senders/new"],
    ["sender-countries", "/senders/countries?country=US"],
    ["template-new", "/templates/new"],
    ["webhook-new", "/webhooks/new"],
    ["settings-stop", "/settings/stop"],
    ["settings-countries", "/settings/countries"],
    ["settings-hours", "/settings/hours"],
    ["settings-limits", "/settings/limits"],
    ["settings-replies", "/settings/replies"],
    ["settings-retention", "/settings/retention"],
    ["settings-alerts", "/settings/alerts"],
    ["nowhere", "/nowhere"],
  ];
}

/** Those that only a form leads to: where it is, and how it is sent. */
export const BEHIND_FORMS = [
  ["key-made", "/keys/new", async (page) => {
    await page.getByLabel("What it is for").fill("Shop, order confirmations");
    await page.getByRole("button", { name: "Make the key" }).click();
    await page.getByText("Copy it now").waitFor();
  }],
  ["webhook-secret", "/webhooks/new", async (page) => {
    await page.getByLabel("URL").fill("https://example.com/orders");
    await page.getByRole("button", { name: "Add the webhook" }).click();
    await page.getByText("Copy it now").waitFor();
  }],
  ["dead-letters-discard", "/dead-letters", async (page) => {
    await page.getByRole("button", { name: "Discard…" }).first().click();
    await page.getByRole("heading", { name: /Discard/ }).waitFor();
  }],
];

/** Takes back what the forms made: an account has a few of each at most. */
export async function takeBack() {
  const { data: webhooks } = await api("GET", "/v1/webhooks");
  for (const { id, url } of webhooks) if (url === "https://example.com/orders") await api("DELETE", `/v1/webhooks/${id}`);
  const { data: keys } = await api("GET", "/v1/keys");
  for (const { id, name, revoked } of keys) if (name === "Shop, order confirmations" && !revoked) await api("DELETE", `/v1/keys/${id}`);
}

/** Those that need nobody to be signed in. */
export const OUTSIDE = [["sign-in", "/sign-in"], ["signed-out", "/sign-in?note=out"]];
