// A campaign is written, from its audience to its start, by people with and without scripts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, URL, barriers, launch, open, signIn } from "./browser.mjs";
import { api, until } from "./things.mjs";

let browser, signedIn;

before(async () => {
  browser = await launch();
  // What members start is live, so it needs a way out.
  await api("POST", "/v1/gateways", { kind: "simulated", name: `Simulated ${Date.now()}`, config: {}, credentials: {} });
  const page = await open(browser);
  await signIn(page);
  signedIn = await page.context().storageState();
  await page.context().close();
});
after(() => browser?.close());

const inside = (more) => open(browser, LOOKS.light, { storageState: signedIn, ...more });
const id = (page) => new globalThis.URL(page.url()).pathname.split("/")[2];

/** A file with a row that can't be used in line 3 and the same number again in line 5. */
const FILE = {
  name: "guests.csv",
  mimeType: "text/csv",
  buffer: Buffer.from("phone,name,city\n+447700900121,Ada,London\n4.47701E+11,Bea,Bath\n+447700900122,Cid,York\n+447700900121,Ada,London\n"),
};

test("a file is looked at as soon as it is chosen, and its campaign goes out", async () => {
  const page = await inside();
  await page.goto(`${URL}/campaigns/new`);
  await page.getByLabel("Name", { exact: true }).fill("Opening night, by file");
  await page.getByLabel("A file").check();
  await page.getByRole("textbox", { name: "Message" }).fill("Hi {{name}} of {{town}}, we open at 8.");
  await page.getByLabel("The file").setInputFiles(FILE);
  const checked = page.locator("#checked");
  await checked.getByText("4 rows.").waitFor();
  assert.match(await checked.innerText(), /Line 3, phone: The phone number was damaged by a spreadsheet/);
  assert.match(await checked.innerText(), /2 in United Kingdom/);
  assert.match(await checked.innerText(), /\{\{name\}\} \{\{city\}\}/);
  assert.match(await checked.innerText(), /The message says \{\{town\}\}, and no column is called so/);
  assert.equal(await checked.getByLabel("Column with the numbers").inputValue(), "phone");
  await page.locator("#look .bubble", { hasText: "Hi Ada of (town)" }).waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.getByRole("button", { name: "Save and review" }).click();
  assert.match(await page.locator("#text-error").innerText(), /no column for the placeholder `town`/);
  await checked.getByText("4 rows.").waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("Hi {{name}} of {{city}}, we open at 8.");
  await page.locator("input[name=class][value=transactional]").check();
  await page.getByRole("button", { name: "Save and review" }).click();
  await page.getByRole("heading", { name: "Before it starts" }).waitFor();
  const review = await page.locator("main").innerText();
  assert.match(review, /Everybody in the file that you uploaded/);
  assert.match(review, /Hi Ada of London, we open at 8/);
  assert.equal(await page.locator(".tile", { hasText: "Recipients" }).locator("b").innerText(), "2");
  assert.deepEqual(await barriers(page), []);
  await page.getByRole("button", { name: "Start now" }).click();
  await page.getByText("Started.").waitFor();
  await until(async () => (await api("GET", `/v1/campaigns/${id(page)}`)).status === "finished", 90);
  const report = await api("GET", `/v1/campaigns/${id(page)}/report`);
  assert.deepEqual([report.accepted, report.rejected, report.duplicates], [2, 1, 1]);
  assert.deepEqual(page.complaints.filter((said) => !said.includes("422")), []);
});

test("a file shows how much of it is there, and nothing moves meanwhile", async () => {
  const page = await inside();
  await page.goto(`${URL}/campaigns/new`);
  await page.getByLabel("A file").check();
  const below = async () => (await page.getByLabel("Country of numbers without +").boundingBox()).y;
  const bar = page.getByRole("progressbar", { includeHidden: true });
  const before = await below();
  assert.equal(await bar.isVisible(), false);
  // Slow enough to be watched.
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 300_000 });
  const rows = Array.from({ length: 40_000 }, (_, row) => `+4477009${String(row).padStart(5, "0")},Ada`).join("\n");
  await page.evaluate(() => {
    window.seen = [];
    const note = () => window.seen.push([document.querySelector(".drop progress").value, document.getElementById("sending").textContent]);
    new MutationObserver(note).observe(document.querySelector(".drop"), { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await page.getByLabel("The file").setInputFiles({ ...FILE, name: "many.csv", buffer: Buffer.from(`phone,name\n${rows}`) });
  await bar.waitFor();
  assert.equal(await below(), before, "the page moved");
  await page.locator("#sending", { hasText: "many.csv (721 kB) is there." }).waitFor({ timeout: 20_000 });
  const seen = await page.evaluate(() => window.seen);
  assert.ok(seen.some(([value]) => value > 0 && value < 100), `it jumped: ${JSON.stringify(seen.map(([value]) => value))}`);
  assert.ok(new Set(seen.map(([, words]) => words)).size <= 6, "it talks too much");
  assert.equal(await bar.getAttribute("value"), "100");
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(page.complaints, []);
});

test("the file of an import shows it too, and leads on when it is there", async () => {
  const page = await inside();
  await page.goto(`${URL}/imports`);
  await page.getByRole("button", { name: "Import a file" }).click();
  assert.deepEqual(await barriers(page), []);
  await page.getByLabel("The file").setInputFiles(FILE);
  const posted = page.waitForRequest((request) => request.method() === "POST" && request.resourceType() === "xhr");
  await page.getByRole("button", { name: "Upload" }).click();
  await posted;
  await page.waitForURL(/\/imports\/map\?upload=upl_/);
  assert.equal(await page.getByLabel("What phone becomes").inputValue(), "phone");
  assert.deepEqual(page.complaints, []);
});

test("a text with tracked links is shown as it will be sent", async () => {
  const page = await inside();
  await page.goto(`${URL}/campaigns/new`);
  await page.getByRole("textbox", { name: "Message" }).fill("Look: https://shop.example.com/a/long/way/to/spring/and/summer?from=sms");
  await page.locator("#look .bubble", { hasText: "from=sms" }).waitFor();
  await page.getByLabel("Track the links in it").check();
  const bubble = page.locator("#look .bubble", { hasText: "/l/" });
  await bubble.waitFor();
  const shown = await bubble.innerText();
  assert.ok(!shown.includes("shop.example.com"), shown);
  await page.locator("#look", { hasText: `${shown.length} characters` }).waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("Look: https://{{shop}}/spring");
  await page.locator("#look .warning", { hasText: "no plain host" }).waitFor();
});

test("a campaign is moved before it begins, and not after", async () => {
  const test = process.env.TEST_KEY;
  const make = async (at) => {
    const made = await api("POST", "/v1/campaigns", {
      name: "Moved", class: "transactional", content: { text: "Hi" }, audience: { type: "inline", recipients: [{ to: "+447700900123" }] },
    }, test);
    await api("POST", `/v1/campaigns/${made.id}/schedule`, { at }, test);
    return made.id;
  };
  const late = await make("2027-03-01T10:00:00Z");
  const page = await inside({ javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/${late}`);
  await page.getByLabel("Day and time").fill("2026-03-01T10:00");
  await page.getByRole("button", { name: "Move it" }).click();
  assert.match(await page.locator("#at-error").innerText(), /over/);
  assert.equal(await page.getByLabel("Day and time").inputValue(), "2026-03-01T10:00", "what was typed stays");
  await page.getByLabel("Day and time").fill("2027-04-01T10:00");
  await page.getByLabel("By the clock of").fill("Europe/Paris");
  await page.getByRole("button", { name: "Move it" }).click();
  await page.getByText("Moved. It starts by itself at its new time.").waitFor();
  assert.deepEqual((await api("GET", `/v1/campaigns/${late}`)).schedule, { at: "2027-04-01T08:00:00Z" });
  await page.goto(`${URL}/campaigns`);
  await page.getByRole("row", { name: "Moved" }).first().getByText("Starts 1 Apr").waitFor();
  await api("POST", `/v1/campaigns/${late}/cancel`);

  const soon = await make(new Date(Date.now() + 12_000).toISOString());
  await page.goto(`${URL}/campaigns/${soon}`);
  await until(async () => (await api("GET", `/v1/campaigns/${soon}/report`)).submitted === 1, 90);
  await page.getByLabel("Day and time").fill("2027-04-01T10:00");
  await page.getByRole("button", { name: "Move it" }).click();
  assert.match(await page.locator(".problem").innerText(), /has begun|has been sent/);
  assert.equal(await page.getByRole("button", { name: "Move it" }).count(), 0);
});

test("a file is dropped where it belongs, and what was typed survives a reload", async () => {
  const page = await inside();
  await page.goto(`${URL}/campaigns/new`);
  await page.getByLabel("Name", { exact: true }).fill("Dropped");
  await page.getByLabel("A file").check();
  await page.getByRole("textbox", { name: "Message" }).fill("Hi {{name}}");
  const dropped = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
    return transfer;
  }, "who;number of theirs\nAda;07700 900121\n");
  await page.locator(".drop").dispatchEvent("drop", { dataTransfer: dropped });
  await page.getByText("Which one is it?").waitFor();
  await page.getByLabel("Column with the numbers").selectOption("number of theirs");
  await page.locator("#checked", { hasText: "1 row." }).waitFor();
  await page.locator("#checked", { hasText: "can't be used" }).waitFor();
  await page.getByLabel("Country of numbers without +").fill("GB");
  await page.getByLabel("Country of numbers without +").blur();
  await page.locator("#checked", { hasText: "1 in United Kingdom" }).waitFor();
  await page.getByLabel("At a time").check();
  await page.getByLabel("Day and time").fill("2027-03-01T10:00");

  await page.reload();

  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Dropped");
  assert.equal(await page.getByLabel("Day and time").inputValue(), "2027-03-01T10:00");
  await page.locator("#checked", { hasText: "1 in United Kingdom" }).waitFor();
  assert.equal(await page.getByLabel("Column with the numbers").inputValue(), "number of theirs");
  assert.deepEqual(page.complaints, []);
});

test("without scripts a file goes with the form", async () => {
  const page = await inside({ javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/new`);
  await page.getByLabel("Name", { exact: true }).fill("By the plain field");
  await page.getByLabel("A file").check();
  await page.getByLabel("The file").setInputFiles(FILE);
  await page.getByRole("textbox", { name: "Message" }).fill("Hi {{name}}");
  await page.getByRole("button", { name: "Check and preview" }).click();
  assert.match(await page.locator("#checked").innerText(), /4 rows\./);
  assert.match(await page.locator("#look").innerText(), /Hi Ada/);
  await page.getByRole("button", { name: "Save and review" }).click();
  await page.getByRole("heading", { name: "Before it starts" }).waitFor();
  const made = await api("GET", `/v1/campaigns/${id(page)}`);
  assert.deepEqual([made.audience.type, made.status], ["upload", "draft"]);
  await page.getByRole("link", { name: "Edit" }).click();
  assert.match(await page.locator("#checked").innerText(), /4 rows\./);
  await page.getByRole("link", { name: "Back" }).click();
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the campaign" }).click();
});

test("a campaign is planned in all its terms, and every one of them is read back before the button", async () => {
  const page = await inside({ javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/new`);
  await page.getByLabel("Name", { exact: true }).fill("Next spring");
  await page.locator("input[name=to][value=numbers]").check();
  await page.getByLabel("Numbers", { exact: true }).fill("phone\tname\n+447700900131\tAda\n+447700900132\tBea");
  await page.getByRole("textbox", { name: "Message" }).fill("Hi {{name}}: https://example.com/spring");
  await page.getByLabel("Track the links in it").check();
  await page.getByLabel("At a time").check();
  await page.getByLabel("By the clock of").fill("Europe/Atlantis");
  await page.getByLabel("Spread it evenly over").first().fill("six");
  await page.getByText("Is not sent at all").click();
  await page.getByLabel("Too late after").first().fill("2");
  await page.locator("summary", { hasText: "Priority" }).click();
  await page.locator("#lane").selectOption("normal");

  await page.getByRole("button", { name: "Save and review" }).click();

  assert.equal(await page.locator("#at-error").innerText(), "Choose a day and a time.");
  assert.match(await page.locator("#spread-error").innerText(), /whole number/);
  assert.equal(await page.locator(".problem li").count(), 2, "a long form says at its head what is wrong in it");
  assert.match(await page.getByLabel("Numbers", { exact: true }).inputValue(), /Bea/, "what was typed stays");
  await page.getByLabel("Day and time").fill("2027-03-01T10:00");
  await page.getByLabel("Spread it evenly over").first().fill("6");
  await page.getByRole("button", { name: "Save and review" }).click();
  assert.match(await page.locator("#zone-error").innerText(), /IANA/);
  await page.getByLabel("By the clock of").fill("Europe/Paris");
  await page.getByRole("button", { name: "Save and review" }).click();

  const terms = page.locator(".terms");
  await terms.waitFor();
  for (const words of [
    "2 numbers that you pasted.",
    "Monday, 1 March 2027, 09:00 (UTC).",
    "Spread evenly over 6 hours.",
    "What meets closed hours is not sent at all.",
    "What has not left 2 days after its start is never sent.",
    "Before other campaigns.",
    "you see who opens them",
  ]) {
    await terms.getByText(words).waitFor({ timeout: 2_000 }).catch(async () => assert.fail(`“${words}” is not in ${await terms.innerText()}`));
  }
  const made = await api("GET", `/v1/campaigns/${id(page)}`);
  assert.deepEqual(made.policies, { doubt: "at_most_once", quiet_hours: "skip", valid_for: 172_800, spread_over: 21_600 });
  await page.getByRole("link", { name: "Edit" }).click();
  assert.equal(await page.getByLabel("Day and time").inputValue(), "2027-03-01T09:00");
  await page.getByLabel("Name", { exact: true }).fill("Next spring, by local time");
  await page.getByLabel("At each recipient's local time").check();
  await page.getByRole("button", { name: "Save and review" }).click();
  assert.match(await page.locator("#at-error").innerText(), /by its recipients' clocks or is spread/);
  await page.getByLabel("Spread it evenly over").first().fill("");
  await page.getByRole("button", { name: "Save and review" }).click();
  await terms.getByText("Monday, 1 March 2027, 09:00, by each recipient's own clock.").waitFor();
  await page.getByRole("button", { name: "Schedule it" }).click();
  await page.getByText("Scheduled. It starts by itself.").waitFor();
  const planned = await api("GET", `/v1/campaigns/${id(page)}`);
  assert.deepEqual([planned.status, planned.schedule], ["scheduled", { local: "2027-03-01T09:00:00" }]);
  assert.equal(planned.audience.recipients, 2, "the pasted numbers were kept");
  await api("POST", `/v1/campaigns/${id(page)}/cancel`);
});

test("two who edit a draft don't undo each other", async () => {
  const made = await api("POST", "/v1/campaigns", {
    name: "Shared", class: "transactional", content: { text: "Hi" }, audience: { type: "inline", recipients: [{ to: "+447700900123" }] },
  });
  const page = await inside({ javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/${made.id}/edit`);
  await api("PATCH", `/v1/campaigns/${made.id}`, { content: { text: "Hello" } });
  await page.getByRole("button", { name: "Save and review" }).click();
  assert.match(await page.locator(".problem").innerText(), /campaign .*changed|changed .*campaign/i);
  assert.equal((await api("GET", `/v1/campaigns/${made.id}`)).content.text, "Hello");
  await api("POST", `/v1/campaigns/${made.id}/cancel`);
});

/** A campaign of a test key to numbers that fail, and to some that don't. */
async function finished(more) {
  const test = process.env.TEST_KEY;
  const recipients = ["+15005550001", "+15005550012", "+447700900141", "+447700900142"].map((to) => ({ to }));
  const made = await api("POST", "/v1/campaigns", {
    name: "Half of it fails", class: "transactional", content: { text: "Doors open at 8." }, audience: { type: "inline", recipients }, ...more,
  }, test);
  await api("POST", `/v1/campaigns/${made.id}/start`, undefined, test);
  await until(async () => {
    const report = await api("GET", `/v1/campaigns/${made.id}/report`);
    return report.accepted > 0 && report.in_flight === 0 && (await api("GET", `/v1/campaigns/${made.id}`)).status === "finished";
  }, 120);
  return made.id;
}

test("what failed is sent again once, by a campaign that says of what", async () => {
  const before = await finished();
  const page = await inside({ javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/${before}`);
  await page.getByRole("link", { name: "Send again what failed" }).click();
  await page.getByRole("button", { name: "Send them again" }).click();
  await page.getByText("Here is the new campaign.").waitFor();
  assert.notEqual(id(page), before);
  assert.equal((await api("GET", `/v1/campaigns/${id(page)}`)).audience.campaign, before);
  await page.getByRole("link", { name: "an earlier campaign" }).click();
  assert.equal(id(page), before);
  await page.getByRole("link", { name: "see what became of it" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Send again what failed" }).count(), 0, "it is retried once");
});

test("who opened a link is counted on the campaign's page", async () => {
  const of = await finished({ content: { text: "See https://example.com/menu", links: { track: true } } });
  const { data } = await api("GET", `/v1/campaigns/${of}/messages?status=delivered`);
  const [link] = data[0].text.match(/https?:\S+/);
  const answer = await fetch(link, { redirect: "manual", headers: { "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1" } });
  assert.equal(answer.headers.get("location"), "https://example.com/menu");
  await until(async () => (await api("GET", `/v1/campaigns/${of}/report`)).clicked === 1);
  const page = await inside();
  await page.goto(`${URL}/campaigns/${of}`);
  const row = page.getByRole("row", { name: "https://example.com/menu" });
  assert.deepEqual((await row.getByRole("cell").allInnerTexts()).slice(0, 3), ["1", "50.0%", "1"]);
  await page.locator(".funnel p", { hasText: "Opened a link" }).getByText("1", { exact: true }).waitFor();
  assert.deepEqual(await barriers(page), []);
});

test("a message that waits says what it waits for", async () => {
  const test = process.env.TEST_KEY;
  const made = await api("POST", "/v1/campaigns", {
    name: "Slowly", class: "transactional", content: { text: "Hi" }, policies: { spread_over: 3_600 },
    audience: { type: "inline", recipients: Array.from({ length: 150 }, (_, place) => ({ to: `+447700900${100 + place}` })) },
  }, test);
  await api("POST", `/v1/campaigns/${made.id}/start`, undefined, test);
  await until(async () => (await api("GET", `/v1/campaigns/${made.id}`)).status === "running", 60);
  const page = await inside({ javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/${made.id}?status=queued`);
  await page.getByText("Its turn has not come. Spread evenly over 1 hour.").first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.goto(`${URL}/campaigns/${made.id}?status=held`);
  await page.getByText("The campaign is paused. It goes on when somebody resumes it.").first().waitFor();
  await api("POST", `/v1/campaigns/${made.id}/cancel`);
});

test("who only looks at campaigns finds no button that changes one, and is told why the form is closed", async () => {
  const { data } = await api("GET", "/v1/members");
  const me = data.find(({ email }) => email === process.env.CONSOLE_EMAIL);
  const draft = await api("POST", "/v1/campaigns", {
    name: "Not theirs", class: "transactional", content: { text: "Hi" }, audience: { type: "inline", recipients: [{ to: "+447700900123" }] },
  });
  const over = await finished();
  // A second owner, so that the first may become a viewer.
  const other = await api("POST", "/v1/members", { email: `owner-${Date.now()}@example.com`, role: "owner" });
  await api("PATCH", `/v1/members/${me.id}`, { role: "viewer" });
  try {
    const page = await inside({ javaScriptEnabled: false });
    for (const place of ["/overview", "/campaigns", `/campaigns/${draft.id}`, `/campaigns/${over}`]) {
      await page.goto(`${URL}${place}`);
      const buttons = await page.locator("main button, main a.button").allInnerTexts();
      assert.deepEqual(buttons.filter((words) => !["Older", "Back to the newest"].includes(words.trim())), [], place);
    }
    for (const place of ["/campaigns/new", `/campaigns/${draft.id}/edit`, `/campaigns/${draft.id}/cancel`, `/campaigns/${over}/retry`]) {
      const answer = await page.goto(`${URL}${place}`);
      assert.equal(answer.status(), 403, place);
      await page.getByText("Your role looks at campaigns only").waitFor();
    }
  } finally {
    await api("PATCH", `/v1/members/${me.id}`, { role: "owner" });
    await api("DELETE", `/v1/members/${other.id}`);
    await api("POST", `/v1/campaigns/${draft.id}/cancel`);
  }
});
