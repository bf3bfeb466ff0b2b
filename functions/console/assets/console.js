// What makes the console nicer where scripts run. Nothing needs it.

// Times in the reader's own zone.
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.textContent = short.format(at);
    time.title = full.format(at);
  }
}

// What was said is said once: a reload doesn't repeat it.
const place = new URL(location.href);
if (place.searchParams.has("said")) {
  place.searchParams.delete("said");
  history.replaceState(null, "", place);
}

// A form is sent once, however often it is clicked.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

// Open menus close by Escape and by a click elsewhere.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("header details[open]")) if (menu !== except) menu.open = false;
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("header details")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("header details[open]");
  if (menu) menu.querySelector("summary").focus();
  closeMenus();
});

// A page that is not looked at asks for nothing, and a menu that is open is not closed under the hand.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", () => localTimes(document));
localTimes(document);
