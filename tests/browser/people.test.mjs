// The pages about people as somebody uses them who has no scripts: everything is a link or a form.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, URL, launch, open, signIn } from "./browser.mjs";
import { people } from "./people.mjs";
import { api, until } from "./things.mjs";

let browser, things, signedIn;

before(async () => {
  browser = await launch();
  things = await people(api, until);
  const page = await open(browser);
  await signIn(page);
  signedIn = await page.context().storageState();
  await page.context().close();
});
after(() => browser?.close());

const plain = () => open(browser, LOOKS.light, { storageState: signedIn, javaScriptEnabled: false });
const drawn = () => `+4477009${String(Math.floor(Math.random() * 90_000) + 10_000)}`;
const path = (page) => new globalThis.URL(page.url()).pathname;

test("a contact is added, found by its number, changed and deleted", async () => {
  const page = await plain();
  const number = drawn();
  await page.goto(`${URL}/contacts`);
  await page.getByLabel("Find by number").fill(number);
  await page.getByRole("button", { name: "Find" }).click();
  assert.ok(!page.url().includes(number.slice(1)), "a number never stands in an address");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByLabel("Name 1").fill("name");
  await page.getByLabel("Value 1").fill("Grace Hopper");
  await page.getByLabel("Name 2").fill("2nd name");
  await page.getByLabel("Value 2").fill("Brewster");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  assert.match(await page.locator(".error").first().innerText(), /`2nd name`: An attribute's name is a letter/);
  assert.equal(await page.getByLabel("Value 1").inputValue(), "Grace Hopper", "what was typed stays");
  await page.getByLabel("Name 2").fill("age");
  await page.getByLabel("Kind 2").selectOption("number");
  await page.getByLabel("Value 2").fill("79");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Here is the new contact.").waitFor();
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Grace Hopper");
  const id = path(page).split("/").pop();
  await page.getByRole("link", { name: "Edit" }).first().click();
  await page.getByLabel("Tags").fill("navy, VIP");
  await page.getByRole("button", { name: "Save" }).click();
  const kept = await api("GET", `/v1/contacts/${id}`);
  assert.deepEqual([kept.attributes, kept.tags], [{ age: 79, name: "Grace Hopper" }, ["navy", "vip"]]);
  await page.goto(`${URL}/contacts`);
  await page.getByLabel("Find by number").fill(number);
  await page.getByRole("button", { name: "Find" }).click();
  assert.equal(path(page), `/contacts/${id}`);
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the contact" }).click();
  await page.getByText("The contact is gone.").waitFor();
  await assert.rejects(api("GET", `/v1/contacts/${id}`), /404/);
  assert.deepEqual(page.complaints.filter((said) => !said.includes("422")), [], "but for the form that was refused");
});

test("somebody else's change is not written over", async () => {
  const page = await plain();
  await page.goto(`${URL}/contacts/${things.contact}/edit`);
  await api("PATCH", `/v1/contacts/${things.contact}`, { attributes: { city: `London ${Date.now()}` } });
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await page.locator(".problem").innerText(), /Somebody changed the contact/);
});

test("a conversation shows both sides, and an answer goes to its number", async () => {
  const page = await plain();
  await page.goto(`${URL}/contacts/${things.contact}`);
  await page.locator(".thread li:not(.ours) .bubble", { hasText: "Is the table still free?" }).first().waitFor();
  assert.equal(await page.getByLabel("From").inputValue(), "12345", "from what they wrote to");
  const words = `It is. See you at eight ${Date.now()}.`;
  await page.getByLabel("Write to them").fill(words);
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".thread .ours .bubble", { hasText: words }).waitFor();
  const { data } = await api("POST", "/v1/messages/search", { to: "+447700900101" });
  assert.equal(data.filter(({ text }) => text === words).length, 1);
});

test("what a campaign sent stands in the conversation too", async () => {
  const key = process.env.TEST_KEY;
  const text = `The spring menu is here ${Date.now()}`;
  const campaign = await api("POST", "/v1/campaigns", {
    name: "Spring menu", class: "transactional", content: { text: `{{name}}: ${text}` },
    audience: { type: "inline", recipients: [{ to: "+447700900101", vars: { name: "Ada" } }, { to: "+447700900188", vars: { name: "Bob" } }] },
  }, key);
  await api("POST", `/v1/campaigns/${campaign.id}/start`, undefined, key);
  await until(async () => (await api("GET", `/v1/campaigns/${campaign.id}`)).status === "finished", 90);
  const page = await plain();
  await page.goto(`${URL}/contacts/${things.contact}`);
  const mine = page.locator(".thread .ours", { hasText: text });
  assert.match(await mine.locator(".bubble").innerText(), /^Ada: /);
  assert.equal(await mine.getByRole("link").getAttribute("href"), `/campaigns/${campaign.id}`);
});

test("who has opted out can't be answered, and is told why", async () => {
  const page = await plain();
  const number = drawn();
  const { id } = await api("POST", "/v1/contacts", { number });
  await page.goto(`${URL}/contacts/${id}`);
  await page.getByLabel("Write to them").fill("Hello?");
  await api("POST", "/v1/suppressions", { number, reason: "wrote an e-mail" });
  await page.getByRole("button", { name: "Send" }).click();
  assert.match(await page.locator(".problem").innerText(), /opted out, so nothing may be sent/);
  const { data } = await api("POST", "/v1/messages/search", { to: number });
  assert.deepEqual(data, []);
  await page.goto(`${URL}/contacts/${id}`);
  assert.equal(await page.getByRole("button", { name: "Send" }).count(), 0);
  await page.getByRole("button", { name: "They want messages again …" }).click();
  await page.getByLabel("How did they tell you?").fill("on the telephone");
  await page.getByRole("button", { name: "End the opt-out" }).click();
  await page.getByText("Recorded. The number may be texted again.").waitFor();
  assert.equal(path(page), `/contacts/${id}`);
  await page.getByRole("button", { name: "Send" }).waitFor();
});

test("a consent is recorded with its words", async () => {
  const page = await plain();
  const { id } = await api("POST", "/v1/contacts", { number: drawn() });
  await page.goto(`${URL}/contacts/${id}/consents`);
  await page.getByLabel("Where").fill("the shop in Lyon");
  await page.getByLabel("What they read or heard, word for word").fill("May we text you our offers?");
  await page.getByRole("button", { name: "Record" }).click();
  await page.getByText("May we text you our offers?").waitFor();
  await page.locator(".badge", { hasText: "Valid" }).waitFor();
});

test("numbers go onto a list, and those that can't be used stay to be mended", async () => {
  const page = await plain();
  await page.goto(`${URL}/lists`);
  await page.getByLabel("Name").fill(`Guests ${Date.now()}`);
  await page.getByRole("button", { name: "Make it" }).click();
  const good = drawn();
  await page.getByLabel("Numbers, a line each").fill(`${good}\n07700 9001\n\n${good.replace("+44", "0")}\n`);
  await page.getByLabel("Country of numbers without +").fill("gb");
  await page.getByRole("button", { name: "Put them onto the list" }).click();
  await page.getByText("1 number is on the list now").waitFor();
  assert.match(await page.locator("[role=status]").innerText(), /Line 2, 07700 9001: /);
  assert.match(await page.getByLabel("Numbers, a line each").inputValue(), /^07700 9001\n/);
  await page.getByRole("button", { name: `Take off ${good}` }).click();
  await page.getByText("Nobody is on it yet.").waitFor();
  await page.getByRole("link", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the list" }).click();
  await page.getByText("The list is gone.").waitFor();
});

test("a mistake in a rule stands at its column", async () => {
  const page = await plain();
  await page.goto(`${URL}/segments/new`);
  await page.getByLabel("Name", { exact: true }).fill(`Regulars ${Date.now()}`);
  await page.getByLabel("Rule", { exact: true }).fill('tag = "vip" and atributes.age > 30');
  await page.getByRole("button", { name: "Make it" }).click();
  assert.equal(await page.locator("#verdict mark").innerText(), "atributes.age");
  await page.getByLabel("Rule", { exact: true }).fill('tag = "vip" and attributes.orders > 10');
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByText("Ada Lovelace").waitFor();
  assert.equal(await page.locator(".tile b").innerText(), "1");
});

test("with scripts the rule is looked at while it is typed", async () => {
  const page = await open(browser, LOOKS.light, { storageState: signedIn });
  await page.goto(`${URL}/segments/new`);
  await page.getByLabel("Rule", { exact: true }).pressSequentially("country = ");
  await page.locator("#verdict .error").waitFor();
  await page.getByLabel("Rule", { exact: true }).pressSequentially('"FR"');
  await page.getByText("It can be read.").waitFor();
  assert.deepEqual(page.complaints, []);
});

test("opt-outs are recorded, looked up, brought along as a file and downloaded", async () => {
  const page = await plain();
  const number = drawn();
  await page.goto(`${URL}/opt-outs/new`);
  await page.getByLabel("Number").fill(number);
  await page.getByLabel("Why?").fill("complained at the shop");
  await page.getByRole("button", { name: "Send them nothing more" }).click();
  await page.getByText("Recorded. From now on nothing is sent").waitFor();
  await page.getByLabel("Look up a number").fill(number);
  await page.getByRole("button", { name: "Look up" }).click();
  assert.match(await page.locator("section[role=status]").innerText(), /complained at the shop/);
  const brought = drawn();
  await page.goto(`${URL}/opt-outs/import`);
  await page.getByLabel("A CSV file").setInputFiles({ name: "stop.csv", mimeType: "text/csv", buffer: Buffer.from(`phone;reason\n${brought};left\n12;none\n`) });
  await page.getByRole("button", { name: "Import" }).click();
  assert.match(await page.locator("section[role=status]").innerText(), /1 number of 2 rows[^]*Line 3: /);
  await page.getByLabel("Or numbers, a line each").fill(drawn());
  await page.getByRole("button", { name: "Import" }).click();
  assert.match(await page.locator("section[role=status]").innerText(), /1 number of 1 row/);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.goto(`${URL}/opt-outs`).then(() => page.getByRole("link", { name: "Download as CSV" }).click()),
  ]);
  const file = await (await download.createReadStream()).toArray();
  assert.ok(Buffer.concat(file).toString().includes(brought.slice(1)));
});

test("whoever wrote and is no contact is answered from the inbox", async () => {
  const page = await plain();
  await page.goto(`${URL}/inbox`);
  const row = (text) => page.locator("article", { hasText: text }).first();
  assert.match(await row("STOP").innerText(), /Stop[^]*Opted out: you can't answer\./);
  assert.equal(await row("STOP").getByRole("button").count(), 0);
  await row("HELP").locator(".badge", { hasText: "Help" }).waitFor();
  await row("Who is this?").getByRole("button", { name: "Answer" }).click();
  await page.getByLabel("Write to them").fill("The restaurant at the harbour.");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("It is on its way.").waitFor();
  const { data } = await api("POST", "/v1/messages/search", { to: "+447700900106" });
  assert.equal(data[0].text, "The restaurant at the harbour.");
});

test("a file is uploaded to the bucket, its columns are told apart, it is tried, imported and taken back", async () => {
  const page = await plain();
  const [first, second] = [drawn(), drawn()];
  await page.goto(`${URL}/imports`);
  await page.getByRole("button", { name: "Import a file" }).click();
  const csv = `Mobile;Name;Age\n${first};Ada;36\n${second};Alan;x\nnobody;Eve;1\n`;
  await page.getByLabel("The file").setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.waitForURL(/\/imports\/map\?/);
  assert.equal(await page.getByLabel("What Mobile becomes").inputValue(), "phone");
  await page.getByLabel("What Age becomes").selectOption("ignore");
  await page.getByLabel("Tag everybody").fill("fair");
  await page.getByRole("button", { name: "Try it first" }).click();
  const ends = async (word) => {
    await until(async () => {
      await page.waitForURL(/\/imports\/imp_/);
      await page.goto(page.url());
      return (await page.locator(".lede .badge").innerText()).includes(word);
    });
  };
  await ends("Tried");
  assert.match(await page.locator(".tiles").innerText(), /Would be new\s+2/);
  await page.getByRole("link", { name: "Go on to the import" }).click();
  assert.equal(await page.getByLabel("What Age becomes").inputValue(), "ignore", "what was chosen stays");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await ends("Done");
  const found = await api("GET", `/v1/contacts?number=${encodeURIComponent(first)}`);
  assert.deepEqual([found.data[0].attributes, found.data[0].tags], [{ Name: "Ada" }, ["fair"]]);
  await page.getByRole("link", { name: "Take it back" }).click();
  await page.getByRole("button", { name: "Take it back" }).click();
  await ends("Taken back");
  assert.deepEqual((await api("GET", `/v1/contacts?number=${encodeURIComponent(first)}`)).data, []);
  assert.deepEqual(page.complaints, []);
});

test("what is known of a number is gathered and fetched, then the number is erased", async () => {
  const page = await plain();
  await page.goto(`${URL}/privacy`);
  await page.getByLabel("Their number").fill("07700 900177");
  await page.getByRole("button", { name: "Gather what is known" }).click();
  await page.locator("#number-error").waitFor();
  // Its status is an error to the browser.
  page.complaints.length = 0;
  const number = `+4477009${String(Date.now() % 100_000).padStart(5, "0")}`;
  const { id } = await api("POST", "/v1/contacts", { number, attributes: { name: "Erna Nowhere" } });
  await page.getByLabel("Their number").fill(number);
  await page.getByRole("button", { name: "Gather what is known" }).click();
  await page.getByText("It is being gathered.").waitFor();
  const done = async () => (await api("GET", "/v1/privacy/reports")).data[0].status === "done";
  await until(done, 150);
  await page.goto(`${URL}/privacy`);
  const link = await page.getByRole("link", { name: "Download" }).first().getAttribute("href");
  const cookie = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const file = await fetch(`${URL}${link}`, { headers: { cookie } });
  assert.match(await file.text(), /Erna Nowhere/);

  await page.getByLabel("Their number").fill(number);
  await page.getByRole("button", { name: "Erase…" }).click();
  await page.getByRole("heading", { name: `Forget ${number}?` }).waitFor();
  await page.getByRole("button", { name: "Erase it" }).click();
  await page.getByText("It is being erased.").waitFor();
  await until(async () => (await api("GET", `/v1/contacts?number=${encodeURIComponent(number)}`)).data.every((it) => it.id !== id), 150);
  assert.deepEqual(page.complaints, []);
});

test("a viewer sees all of it and no button that changes anything", async () => {
  const { data } = await api("GET", "/v1/members");
  const me = data.find(({ email }) => email === process.env.CONSOLE_EMAIL);
  assert.ok(me, "the member of the tests");
  // A second owner, so that the first may become a viewer.
  const other = await api("POST", "/v1/members", { email: `owner-${Date.now()}@example.com`, role: "owner" });
  await api("PATCH", `/v1/members/${me.id}`, { role: "viewer" });
  try {
    const page = await plain();
    for (const place of ["/contacts", `/contacts/${things.contact}`, "/lists", `/lists/${things.list}`, "/segments", `/segments/${things.segment}`, "/opt-outs", "/imports", "/inbox"]) {
      await page.goto(`${URL}${place}`);
      const buttons = await page.locator("main button, main a.button").allInnerTexts();
      const harmless = ["Find", "Show", "Look up", "Download as CSV", "Next page", "Older"];
      assert.deepEqual(buttons.filter((words) => !harmless.includes(words.trim())), [], place);
    }
    await page.goto(`${URL}/contacts/${things.contact}/delete`);
    await page.getByRole("button", { name: "Delete the contact" }).click();
    await api("GET", `/v1/contacts/${things.contact}`);
  } finally {
    await api("PATCH", `/v1/members/${me.id}`, { role: "owner" });
    await api("DELETE", `/v1/members/${other.id}`);
  }
});
