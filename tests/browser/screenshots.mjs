// Every page as a picture: light, dark, on a phone. `make screenshots` writes them to .local/screenshots/.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { LOOKS, URL, launch, open, signIn } from "./browser.mjs";
import { BEHIND_FORMS, OUTSIDE, pages, takeBack } from "./pages.mjs";
import { make } from "./things.mjs";

const only = process.argv[2] ?? "";
const out = resolve(import.meta.dirname, "../../.local/screenshots");
mkdirSync(out, { recursive: true });
const browser = await launch();
const things = process.env.THINGS ? JSON.parse(process.env.THINGS) : await make();
console.log(`THINGS='${JSON.stringify(things)}'`);
for (const [look, settings] of Object.entries(LOOKS)) {
  const page = await open(browser, settings);
  await signIn(page);
  for (const [name, path, act] of [...(await pages(page, things)), ...BEHIND_FORMS, ...OUTSIDE]) {
    if (!name.includes(only)) continue;
    await page.goto(`${URL}${path}`);
    await act?.(page);
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: `${out}/${name}.${look}.png`, fullPage: true });
    console.log(`${name}.${look}.png`);
  }
  await page.context().close();
}
await takeBack();
await browser.close();
