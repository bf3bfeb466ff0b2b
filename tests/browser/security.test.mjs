// The console attacked: markup in every field that people or programs fill in, every form sent by a role that may not, a planted session.
// The forms are those that the pages have, so a new page is attacked from the day it is there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, URL, launch, open, signIn } from "./browser.mjs";
import { hostile, marks } from "./hostile.mjs";
import { pages } from "./pages.mjs";
import { api, make } from "./things.mjs";

const SESSION = "__Host-carillon";
/** What anybody may send: it changes nothing of the account's, or what is one's own. */
const HARMLESS = ["/sign-out", "/sign-out/everywhere", "/theme", "/contacts/find", "/settings/alerts"];

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

async function inside(more) {
  return open(browser, LOOKS.light, { storageState: signedIn, ...more });
}

/** Of a page: where each of its forms goes, by each of its buttons, and what it would send. */
function formsOf(page) {
  return page.locator('form[method="post"]').evaluateAll((forms) => forms.flatMap((form) => {
    const ways = [...form.querySelectorAll("button[formaction]")].map((button) => button.getAttribute("formaction"));
    const fields = [...new FormData(form)].filter(([, value]) => typeof value === "string");
    return [form.getAttribute("action"), ...ways].map((action) => ({ action, fields }));
  }));
}

/** What is left empty would be refused before anybody asks who sent it. */
function filledIn(fields) {
  const filled = fields.map(([name, value]) => [name, value || "Hello"]);
  // An answer is written on a page that is asked for with the number alone.
  return filled.some(([name]) => name === "text") ? filled : [...filled, ["text", "Hello"]];
}

/** A preview, a question before the act, or a form that is filled in already, is for everybody; what it leads to is sent too. */
async function refused(cookie, { action, fields }, scratch, deeper = true) {
  const answer = await fetch(`${URL}${action}`, {
    method: "POST",
    headers: { cookie, "sec-fetch-site": "same-origin" },
    body: new URLSearchParams(filledIn(fields)),
    redirect: "manual",
  });
  assert.ok(answer.status < 500, `${action} answers ${answer.status}`);
  if (answer.status >= 400 || action.endsWith("/look")) return;
  if (answer.status >= 300) {
    assert.match(answer.headers.get("location"), /^\/campaigns\/new/, `${action} did something`);
    return;
  }
  assert.ok(deeper, `${action} answers ${answer.status}`);
  await scratch.setContent(await answer.text());
  const next = (await formsOf(scratch)).filter((form) => !HARMLESS.includes(form.action));
  for (const form of next) await refused(cookie, form, scratch, false);
}

/** Every form that somebody sees, by where it goes. */
async function formsSeen(page) {
  const forms = new Map();
  for (const [, path] of await pages(page, things)) {
    await page.goto(`${URL}${path}`);
    // Whoever is invited elsewhere may work there.
    if (path !== "/accounts") for (const form of await formsOf(page)) forms.set(form.action, form);
  }
  for (const path of HARMLESS) forms.delete(path);
  return forms;
}

for (const role of ["viewer", "sender"]) {
  test(`what an owner may send and a ${role} may not is refused: every form of every page`, async () => {
    const page = await inside();
    const forms = await formsSeen(page);
    assert.ok(forms.size >= 30, `only ${forms.size} forms were found`);
    const { data } = await api("GET", "/v1/members");
    const me = data.find(({ email }) => email === process.env.CONSOLE_EMAIL);
    const other = await api("POST", "/v1/members", { email: `owner-${Date.now()}@example.com`, role: "owner" });
    await api("PATCH", `/v1/members/${me.id}`, { role });
    const cookie = `${SESSION}=${(await page.context().cookies()).find(({ name }) => name === SESSION).value}`;
    const before = (await api("GET", "/v1/audit")).data.map(({ id }) => id);
    try {
      // A viewer changes nothing at all, whatever a page shows.
      const theirs = role === "viewer" ? new Map() : await formsSeen(page);
      const forbidden = [...forms.values()].filter(({ action }) => !theirs.has(action));
      assert.ok(forbidden.length >= 10, `only ${forbidden.length} forms are an owner's alone`);
      const scratch = await open(browser, LOOKS.light, { javaScriptEnabled: false });
      for (const form of forbidden) await refused(cookie, form, scratch);
    } finally {
      await api("PATCH", `/v1/members/${me.id}`, { role: "owner" });
      await api("DELETE", `/v1/members/${other.id}`);
    }
    const since = (await api("GET", "/v1/audit")).data.filter(({ id }) => !before.includes(id));
    const byMe = since.filter(({ actor }) => JSON.stringify(actor).includes(me.id));
    assert.deepEqual(byMe.map(({ action }) => action), [], "and nothing was done");
  });
}

test("markup in what programs send stays text on every page", async () => {
  const made = await hostile(api);
  const page = await inside();
  const seen = await pages(page, { ...things, ...made });
  const about = made.paths.map((path) => [path, path]);
  for (const [name, path] of [...seen, ...about]) {
    await page.goto(`${URL}${path}`);
    await still(page, name);
  }
});

test("markup in what people type stays text, where it is refused and where it is kept", async () => {
  const page = await inside();
  for (const [name, path] of await pages(page, things)) {
    await page.goto(`${URL}${path}`);
    const count = await page.locator("main form").count();
    for (let place = 0; place < count; place += 1) {
      await page.goto(`${URL}${path}`);
      const form = page.locator("main form").nth(place);
      const typed = await form.evaluate((element, texts) => {
        element.noValidate = true;
        const free = [...element.elements].filter((field) =>
          field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && /^(text|search|email|url|tel|number|date|time|datetime-local)$/.test(field.type)));
        for (const [index, field] of free.entries()) {
          // A date's own field takes no such text; a hand-made request does.
          field.type = field.tagName === "INPUT" ? "text" : field.type;
          field.removeAttribute("maxlength");
          field.value = texts[index % texts.length];
        }
        return free.length;
      }, marks());
      page.complaints.length = 0;
      if (typed === 0) continue;
      await Promise.all([page.waitForNavigation(), form.evaluate((element) => element.submit())]);
      await still(page, `${name}, form ${place + 1}`, true);
    }
  }
  page.complaints.length = 0;
  for (const [name, path] of await pages(page, things)) {
    await page.goto(`${URL}${path}`);
    await still(page, name);
  }
});

/** Nothing that was typed has become part of the page. */
async function still(page, name, refused = false) {
  const found = await page.evaluate(() => {
    const strange = "img, iframe, object, embed, base, math, marquee, script:not([src]), [onerror], [onload], [onfocus], [onclick], [ontoggle], a[href^='javascript:' i], a[href^='data:' i], form[action^='javascript:' i]";
    return [...document.querySelectorAll(strange)].map((element) => element.outerHTML.slice(0, 200));
  });
  assert.deepEqual(found, [], name);
  assert.equal(await page.evaluate(() => window.owned), undefined, name);
  assert.notEqual(await page.title(), "owned", name);
  // A refused form and a missing page are errors to the browser too.
  const complaints = page.complaints.splice(0).filter((words) => !/status of 4\d\d/.test(words) || !(refused || name === "nowhere"));
  assert.deepEqual(complaints, [], name);
}

test("a session that somebody planted is nobody's, and not the one that a sign-in begins", async () => {
  const page = await open(browser);
  const planted = "a".repeat(64);
  const host = new globalThis.URL(URL);
  await page.context().addCookies([{ name: SESSION, value: planted, domain: host.hostname, path: "/", secure: true, httpOnly: true, sameSite: "Lax" }]);
  await page.goto(`${URL}/overview`);
  assert.equal(new globalThis.URL(page.url()).pathname, "/sign-in");
  await signIn(page);
  const now = (await page.context().cookies()).find(({ name }) => name === SESSION);
  assert.notEqual(now.value, planted);
  const answer = await fetch(`${URL}/overview`, { headers: { cookie: `${SESSION}=${planted}` }, redirect: "manual" });
  assert.equal(answer.status, 303);
});

test("somebody else's sign-in can't be finished in this browser", async () => {
  const theirs = await open(browser);
  await theirs.goto(`${URL}/sign-in`);
  await theirs.getByRole("link", { name: "Continue" }).click();
  await theirs.getByLabel("Username").fill(process.env.CONSOLE_EMAIL);
  await theirs.getByLabel("Password").fill(process.env.CONSOLE_PASSWORD);
  // Sent by hand, so that the way back, with its code, stays unused.
  const [action, fields] = await theirs.locator("form", { has: theirs.getByLabel("Password") })
    .evaluate((form) => [form.action, [...new FormData(form)]]);
  const answer = await fetch(action, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
  const back = answer.headers.get("location");
  assert.match(back, /\/sign-in\/callback\?/);

  const stranger = await open(browser);
  await stranger.goto(back);
  const begun = await open(browser);
  await begun.goto(`${URL}/sign-in`);
  await begun.getByRole("link", { name: "Continue" }).click();
  await begun.getByLabel("Username").waitFor();
  await begun.goto(back);
  for (const page of [stranger, begun]) {
    assert.match(await page.locator("body").innerText(), /took too long or was interrupted/);
    assert.equal((await page.context().cookies()).find(({ name }) => name === SESSION), undefined);
  }
  await theirs.goto(back);
  assert.equal(new globalThis.URL(theirs.url()).pathname, "/overview", "in its own it can");
});
