// A browser as the tests want it: Debian's Chromium, nothing of its own on the network, every complaint of a page written down.

import { readFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const HOME = resolve(import.meta.dirname, "../../.local/browser");
const require = createRequire(`${HOME}/package.json`);
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const URL = needed("CONSOLE_URL");

export function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: \`make up\` writes it into .local/env`);
  return value;
}

export async function launch() {
  // Unpacked, it finds neither itself nor its libraries where it was built to look.
  const root = `${HOME}/chromium`;
  const own = `${root}/usr/lib/chromium/chromium`;
  const machine = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch];
  const places = [`usr/lib/${machine}`, `usr/lib/${machine}/pulseaudio`, `usr/lib/${machine}/blas`, `usr/lib/${machine}/lapack`, `lib/${machine}`, "usr/lib/chromium"];
  const libraries = places.map((place) => `${root}/${place}`).join(":");
  return chromium.launch({
    executablePath: existsSync(own) ? own : "/usr/bin/chromium",
    env: existsSync(own) ? { ...process.env, LD_LIBRARY_PATH: libraries } : process.env,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
    ],
  });
}

export const LOOKS = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

/** A page in a window of its own. `page.complaints`: errors of the console, refusals of the policy, scripts that failed. */
export async function open(browser, look = LOOKS.light, more = {}) {
  const context = await browser.newContext({ ...look, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", ...more });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  return page;
}

export async function signIn(page, email = needed("CONSOLE_EMAIL"), password = needed("CONSOLE_PASSWORD")) {
  await page.goto(`${URL}/sign-in`);
  await page.getByRole("link", { name: "Continue" }).click();
  await page.getByLabel("Username").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.href.startsWith(URL));
}

/** What axe calls serious or worse, a line each. */
export async function barriers(page) {
  // By the debugger: the page's policy lets nobody put a script into it.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target} ${node.failureSummary ?? ""}`));
}
