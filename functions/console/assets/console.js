// What makes the console nicer where scripts run. Nothing needs it.

// Times in the reader's own zone.
const near = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const short = new Intl.DateTimeFormat(undefined, near);
const long = new Intl.DateTimeFormat(undefined, { ...near, year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const isThisYear = at.getFullYear() === new Date().getFullYear();
    time.textContent = (isThisYear ? short : long).format(at);
    time.title = full.format(at);
  }
}

// What was said is said once: a reload doesn't repeat it.
const place = new URL(location.href);
const said = place.searchParams.get("said");
if (said) {
  place.searchParams.delete("said");
  history.replaceState(null, "", place);
}

// A form is sent once, however often it is clicked.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  // The next one at this screen finds nothing that was typed.
  if (form.getAttribute("action").startsWith("/sign-out")) sessionStorage.clear();
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

// A page that is not looked at asks for nothing, and what moves stands still under the hand of who goes by the keyboard.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (document.hidden || (elt.id === "live" && elt.querySelector(":focus-visible"))) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", () => localTimes(document));
localTimes(document);

// What was typed into a long form survives a reload, in this tab and no longer than it is needed.
const kept = document.querySelector("form[data-keep]");
const keptAs = kept && `typed ${kept.dataset.keep}`;
const typed = (form) => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !name.startsWith("_"));
function keep() {
  try {
    sessionStorage.setItem(keptAs, JSON.stringify(typed(kept)));
  } catch {
    // More than a tab may keep is not kept.
  }
}
function typeAgain(form, fields) {
  const of = Map.groupBy(fields, ([name]) => name);
  for (const input of form.elements) {
    if (!input.name || input.name.startsWith("_") || input.type === "file") continue;
    const values = (of.get(input.name) ?? []).map(([, value]) => value);
    if (input.type === "radio" || input.type === "checkbox") input.checked = values.includes(input.value);
    else if (values.length) input.value = values[0];
  }
  // What is asked only once the file is looked at.
  const there = new Set([...form.elements].map(({ name }) => name));
  for (const [name, [[, value]]] of of) {
    if (there.has(name)) continue;
    const hidden = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    document.getElementById("checked").append(hidden);
  }
}
if (said === "drafted") sessionStorage.clear();
if (kept) {
  const before = "fresh" in kept.dataset && sessionStorage.getItem(keptAs);
  if (before) {
    typeAgain(kept, JSON.parse(before));
    // The message and the file are looked at again, once htmx listens.
    addEventListener("load", () => setTimeout(() => kept.elements.upload.dispatchEvent(new Event("change"))));
  }
  for (const turn of ["input", "change"]) kept.addEventListener(turn, keep);
  if (!before) keep();
}

// A file goes straight to the bucket, and is looked at there before anything else is done.
const file = document.querySelector(".drop input[type=file]");
if (file) {
  const place = file.closest(".drop");
  const form = file.form;
  const status = document.getElementById("sending");
  const [bar, percent] = place.querySelector(".there").children;
  status.textContent = "Or drop it here.";
  for (const turn of ["dragover", "dragenter"]) place.addEventListener(turn, (event) => { event.preventDefault(); place.classList.add("over"); });
  for (const turn of ["dragleave", "drop"]) place.addEventListener(turn, () => place.classList.remove("over"));
  const size = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  // Seen by the percent, told by the quarter.
  let told = 0;
  const progress = (name, part) => {
    const shown = Math.floor(part * 100);
    bar.value = shown;
    percent.textContent = `${shown}%`;
    if (shown - told >= 25 && shown < 100) status.textContent = `${name}: ${told = shown}% is there.`;
  };
  const post = (url, body, name) => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.upload.onprogress = ({ loaded, total }) => progress(name, loaded / total);
    request.onload = () => request.status < 400 ? done() : failed(request);
    // A bucket that doesn't answer scripts takes the file all the same.
    request.onerror = () => fetch(url, { method: "POST", mode: "no-cors", body }).then(done, failed);
    request.open("POST", url);
    request.send(body);
  });
  // Its id, once it is there.
  async function put(chosen) {
    const name = `${chosen.name} (${size(chosen.size)})`;
    told = 0;
    progress(name, 0);
    bar.parentElement.classList.add("on");
    status.textContent = `${name} is on its way.`;
    try {
      const asked = await fetch("/campaigns/new/file", { method: "POST", body: new URLSearchParams({ _token: document.querySelector("[name=_token]").value }) });
      const { id, url, fields } = await asked.json();
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      body.append("file", chosen);
      await post(url, body, name);
      progress(name, 1);
      status.textContent = `${name} is there.`;
      return id;
    } catch {
      bar.parentElement.classList.remove("on");
      status.textContent = `${chosen.name} did not get through. Choose it again.`;
    }
  }
  // Of a form of ours, which waits until the file is there; or one that is all about the file, and goes on to `data-then`.
  let sending = null;
  const send = (chosen) => {
    sending = put(chosen).then((id) => {
      sending = null;
      // It is there: it need not be sent with the form too.
      if (id && form === kept) file.value = "";
      if (!id || form !== kept) return id;
      const { upload, phone_column } = kept.elements;
      if (phone_column) phone_column.value = "";
      upload.value = id;
      upload.dispatchEvent(new Event("change", { bubbles: true }));
    });
  };
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    file.files = event.dataTransfer.files;
    file.dispatchEvent(new Event("change", { bubbles: true }));
  });
  if (form === kept) file.addEventListener("change", () => file.files[0] && send(file.files[0]));
  form.addEventListener("submit", (event) => {
    if (form === kept ? !sending : !file.files[0]) return;
    event.preventDefault();
    event.stopPropagation();
    if (form === kept) return sending.then(() => kept.requestSubmit(event.submitter));
    if (sending) return;
    send(file.files[0]);
    sending.then((id) => id && location.assign(form.dataset.then + id));
  });
}

// Names of time zones, which browsers know by themselves.
const zones = document.getElementById("zones");
if (zones && !zones.children.length) zones.append(...Intl.supportedValuesOf("timeZone").map((zone) => new Option(zone)));
