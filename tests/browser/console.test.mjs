// The console as people use it, in a real browser, against the deployed stack.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, URL, barriers, launch, open, signIn } from "./browser.mjs";
import { BEHIND_FORMS, OUTSIDE, pages, takeBack } from "./pages.mjs";
import { account, api, make, until } from "./things.mjs";

let browser, things, signedIn;

before(async () => {
  browser = await launch();
  things = await make();
  const page = await open(browser);
  await signIn(page);
  signedIn = await page.context().storageState();
  await page.context().close();
});
after(() => browser?.close());

async function inside(look, more) {
  return open(browser, look, { storageState: signedIn, ...more });
}

test("somebody who asks for a page signs in first and comes back to it", async () => {
  const page = await open(browser);
  await page.goto(`${URL}/campaigns`);
  assert.equal(new globalThis.URL(page.url()).pathname, "/sign-in");
  await page.getByRole("link", { name: "Continue" }).click();
  await page.getByLabel("Username").fill(process.env.CONSOLE_EMAIL);
  await page.getByLabel("Password").fill(process.env.CONSOLE_PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${URL}/campaigns`);
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Campaigns");
  assert.deepEqual(page.complaints, []);
});

test("the session's cookie is kept from scripts and other hosts, and is another one after each sign-in", async () => {
  const page = await open(browser);
  await signIn(page);
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === "__Host-carillon");
  assert.equal(cookie.httpOnly && cookie.secure, true);
  assert.equal(cookie.sameSite, "Lax");
  const before = cookie.value;
  await signIn(page);
  const [again] = (await page.context().cookies()).filter(({ name }) => name === "__Host-carillon");
  assert.notEqual(again.value, before);
  const old = await fetch(`${URL}/overview`, { headers: { cookie: `__Host-carillon=${before}` }, redirect: "manual" });
  assert.equal(old.status, 303, "the session before is over");
});

test("signing out ends the session", async () => {
  const page = await open(browser);
  await signIn(page);
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === "__Host-carillon");
  await page.locator(".me summary").click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByText("You are signed out.").waitFor();
  const after = await fetch(`${URL}/overview`, { headers: { cookie: `__Host-carillon=${cookie.value}` }, redirect: "manual" });
  assert.equal(after.status, 303);
});

for (const [look, settings] of Object.entries(LOOKS)) {
  test(`every page, ${look}: nothing in the way of anybody, no complaint, no sideways scrolling`, async () => {
    const page = await inside(settings);
    for (const [name, path, act] of [...(await pages(page, things)), ...BEHIND_FORMS, ...OUTSIDE]) {
      await page.goto(`${URL}${path}`);
      await act?.(page);
      await page.evaluate(() => document.fonts.ready);
      // A missing page is an error to the browser too.
      const complaints = page.complaints.splice(0).filter((words) => !(path === "/nowhere" && words.includes("404")));
      assert.deepEqual(complaints, [], name);
      assert.deepEqual(await barriers(page), [], name);
      const [wide, seen] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
      assert.ok(wide <= seen, `${name} is ${wide} wide in a window of ${seen}`);
    }
    await takeBack();
  });
}

test("without scripts a campaign is paused, resumed, duplicated and cancelled", async () => {
  const page = await inside(LOOKS.light, { javaScriptEnabled: false });
  await page.goto(`${URL}/campaigns/${things.draft}`);
  await page.getByRole("button", { name: "Duplicate" }).click();
  assert.equal(await page.locator("#name").inputValue(), "Copy of Newsletter, first issue");
  assert.match(await page.locator("#look").innerText(), /your table is free/);
  await page.goto(`${URL}/campaigns/${things.paused}`);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("On it goes.").waitFor();
  await page.goto(`${URL}/campaigns/${things.draft}`);
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the campaign" }).click();
  await page.getByText("The campaign is cancelled.").waitFor();
  assert.equal((await api("GET", `/v1/campaigns/${things.draft}`)).status, "cancelled");
  assert.deepEqual(page.complaints, []);
});

test("a campaign is composed, its length shown as it is typed, and reviewed before it starts", async () => {
  const page = await inside(LOOKS.light);
  await page.goto(`${URL}/campaigns/new`);
  await page.locator("#name").fill("Opening night");
  await page.locator("input[name=to][value=numbers]").check();
  await page.locator("#numbers").fill("phone\tname\n+447700900123\tAda");
  await page.locator("#text").pressSequentially("Hi {{name}}, we open at 8.");
  await page.locator("#look .bubble", { hasText: "Hi Ada, we open at 8." }).waitFor();
  await page.locator("#look", { hasText: "1 part" }).waitFor();
  await page.getByRole("button", { name: "Save and review" }).click();
  await page.getByRole("heading", { name: "Before it starts" }).waitFor();
  assert.deepEqual(page.complaints, []);
});

test("a running campaign is watched to its end without a reload", async () => {
  await until(async () => (await api("GET", `/v1/campaigns/${things.paused}`)).status !== "paused");
  const page = await inside(LOOKS.light);
  await page.goto(`${URL}/campaigns/${things.paused}`);
  await page.locator("#live .badge", { hasText: "Finished" }).first().waitFor({ timeout: 90_000 });
  assert.deepEqual(page.complaints, []);
});

test("what is wrong with a form stands beside its field, and what was typed stays", async () => {
  const page = await inside(LOOKS.light, { javaScriptEnabled: false });
  await page.goto(`${URL}/members`);
  await page.locator("#email").evaluate((input) => { input.type = "text"; }).catch(() => {});
  await page.locator("#email").fill("ada@example");
  await page.locator("#email").fill("two@of@them.example");
  await page.locator("form.form").evaluate((form) => { form.noValidate = true; });
  await page.getByRole("button", { name: "Invite" }).click();
  await page.locator("#email-error").waitFor();
  assert.match(await page.locator("#email-error").innerText(), /no e-mail address/);
  assert.equal(await page.locator("#email").inputValue(), "two@of@them.example");
});

test("a key is made, shown once, works, and is revoked", async () => {
  const page = await inside(LOOKS.light, { javaScriptEnabled: false });
  const name = `Shop ${Date.now()}`;
  await page.goto(`${URL}/keys/new`);
  await page.getByLabel("What it is for").fill(name);
  await page.getByRole("button", { name: "Make the key" }).click();
  const key = await page.locator(".secret code").innerText();
  assert.match(key, /^car_test_/);
  await api("POST", "/v1/messages", { to: "+447700900123", text: "Your code is 481516." }, key);
  await page.getByRole("link", { name: "I have it" }).click();
  assert.ok(!(await page.content()).includes(key), "it is not shown again");
  await page.getByRole("link", { name: `Revoke ${name}` }).click();
  await page.getByRole("button", { name: /Revoke/ }).click();
  const row = page.locator("tr", { hasText: name });
  await row.locator(".badge", { hasText: "Revoked" }).waitFor();
  assert.equal(await row.getByRole("link").count(), 0);
  assert.deepEqual(page.complaints, []);
});

test("without scripts an export is scheduled, paused, resumed and deleted", async () => {
  const page = await inside(undefined, { javaScriptEnabled: false });
  await page.goto(`${URL}/exports`);
  await page.getByRole("link", { name: "Schedule an export" }).click();
  await page.getByRole("radio", { name: /^Opt-outs/ }).check();
  await page.getByRole("radio", { name: /^Each month/ }).check();
  await page.getByLabel("On day (each month)").fill("");
  await page.getByLabel(/^At, by the clock of/).fill("05:17");
  await page.getByRole("button", { name: "Schedule it" }).click();
  assert.match(await page.locator("#day-error").innerText(), /1 to 31/);
  // A browser says so of a form that is refused.
  assert.match(page.complaints.splice(0).join(), /^[^]*422[^]*$/);
  await page.getByLabel("On day (each month)").fill("31");
  await page.getByRole("button", { name: "Schedule it" }).click();
  const row = page.getByRole("row").filter({ hasText: "On day 31 of each month at 05:17" }).first();
  assert.match(await row.innerText(), /Opt-outs[^]*On/);
  const next = await row.locator("time").getAttribute("datetime");
  assert.ok(new Date(next) > new Date(), next);
  await row.getByRole("button", { name: "Pause" }).click();
  assert.match(await row.innerText(), /Paused/);
  await row.getByRole("button", { name: "Resume" }).click();
  assert.equal(await row.locator("time").getAttribute("datetime"), next);
  await row.getByRole("link", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the schedule" }).click();
  assert.equal(await row.count(), 0);
  assert.deepEqual(page.complaints, []);
});

test("a campaign that comes again is paused, resumed and ended", async () => {
  const key = process.env.TEST_KEY;
  const audience = { type: "contacts", lists: [things.list] };
  const { id } = await api("POST", "/v1/campaigns", { name: "Good morning", class: "transactional", audience, content: { text: "Good morning" } }, key);
  const from = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const recurrence = { every: "day", time: "09:00:00", time_zone: "UTC", from, count: 5 };
  await api("POST", `/v1/campaigns/${id}/schedule`, { recurrence }, key);
  const page = await inside(undefined, { javaScriptEnabled: false });
  const head = page.locator("header.head");
  await page.goto(`${URL}/campaigns/${id}`);
  assert.match(await head.innerText(), /Recurring[^]*Next time/);
  await page.getByRole("button", { name: "Pause" }).click();
  assert.match(await head.innerText(), /Paused/);
  await page.getByRole("button", { name: "Resume" }).click();
  assert.match(await head.innerText(), /Recurring/);
  // The address of a form is no page; the page that has the form is.
  await page.goto(`${URL}/campaigns/${id}/pause`);
  assert.equal(page.url(), `${URL}/campaigns/${id}`);
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByText("It does not come again.").waitFor();
  await page.getByRole("button", { name: "Cancel the campaign" }).click();
  assert.match(await head.innerText(), /Cancelled/);
  assert.deepEqual(page.complaints, []);
});

test("who works for two accounts changes over, and back", async () => {
  account("The other shop", process.env.CONSOLE_EMAIL);
  const page = await open(browser);
  await signIn(page);
  const change = async (to) => {
    await page.locator(".me summary").click();
    await page.getByRole("link", { name: "Other accounts" }).click();
    assert.deepEqual(await barriers(page), []);
    await page.getByRole("button", { name: `Work here in ${to}` }).first().click();
    await page.waitForURL(`${URL}/overview`);
    assert.match(await page.locator(".me summary").innerText(), new RegExp(to));
  };
  await change("The other shop");
  await page.getByText("Your first campaign").waitFor();
  await change("Demo");
  assert.deepEqual(page.complaints, []);
});

test("dark and light are a choice, with and without scripts", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await inside(LOOKS.light, { javaScriptEnabled });
    await page.goto(`${URL}/campaigns`);
    await page.locator(".me summary").click();
    await page.getByRole("button", { name: "Dark" }).click();
    await page.waitForURL(`${URL}/campaigns`);
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  }
});

test("a form from elsewhere, or one that isn't ours, changes nothing", async () => {
  const cookie = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const post = (headers, body) => fetch(`${URL}/campaigns/${things.finished}/cancel`, {
    method: "POST",
    headers: { cookie, "content-type": "application/x-www-form-urlencoded", ...headers },
    body,
    redirect: "manual",
  });
  const token = "0".repeat(128);
  for (const [name, headers, body] of [
    ["from another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }, `_token=${token}`],
    ["from a sister site", { "sec-fetch-site": "same-site" }, `_token=${token}`],
    ["without saying where from", {}, `_token=${token}`],
    ["without our token", { "sec-fetch-site": "same-origin" }, ""],
    ["with a made-up token", { "sec-fetch-site": "same-origin" }, `_token=${token}`],
  ]) {
    assert.equal((await post(headers, body)).status, 403, name);
  }
});

test("what people name things is never markup", async () => {
  const name = `<img src=x onerror="document.title='owned'">`;
  const made = await api("POST", "/v1/campaigns", {
    name,
    audience: { type: "inline", recipients: [{ to: "+447700900123" }] },
    content: { text: `</p><script>document.title='owned'</script>` },
  });
  const page = await inside(LOOKS.light);
  for (const path of ["/campaigns", `/campaigns/${made.id}`, `/campaigns/${made.id}/cancel`, "/overview"]) {
    await page.goto(`${URL}${path}`);
    assert.notEqual(await page.title(), "owned", path);
    assert.equal(await page.locator("img").count(), 0, path);
    assert.deepEqual(page.complaints, [], path);
  }
  await api("POST", `/v1/campaigns/${made.id}/cancel`);
});

test("the first page weighs at most 60 KB, each after it at most 15 KB", async () => {
  const page = await inside(LOOKS.light);
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
  const weigh = async (path) => {
    bytes = 0;
    await page.goto(`${URL}${path}`, { waitUntil: "networkidle" }).catch(() => {});
    return bytes;
  };
  const first = await weigh("/members");
  assert.ok(first <= 60_000, `${first} bytes at first`);
  for (const path of ["/members", "/campaigns", "/campaigns/new", `/campaigns/${things.finished}`, "/overview"]) {
    const weight = await weigh(path);
    console.log(`# ${path}: ${weight} bytes (first load: ${first})`);
    assert.ok(weight <= 15_000, `${path}: ${weight} bytes`);
  }
});
