// The little that the pages do by themselves; all state comes rendered from the server.
document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-theme-switch], [data-copy], [data-fill]");
  if (!target) return;
  if ("fill" in target.dataset) {
    const field = document.querySelector(target.dataset.fill);
    field.value = target.dataset.text;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.select();
    return;
  }
  if ("themeSwitch" in target.dataset) {
    const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    if (next === system) localStorage.removeItem("hopyard-theme");
    else localStorage.setItem("hopyard-theme", next);
    document.documentElement.dataset.bsTheme = next;
    return;
  }
  const field = document.querySelector(target.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // pages on plain http have no clipboard
  }
  target.querySelector("span").textContent = "Copied";
});

// What is being saved is said from the first moment, and what was not saved, too.
const SAVING = "Saving …";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "settings") document.getElementById("saved").textContent = SAVING;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const place = document.getElementById("saved");
  if (event.target.id !== "settings" || place.textContent !== SAVING) return;
  place.textContent = event.detail.successful ? "" : "Not saved.";
});

// A form that leads to another page is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// JupyterLab is told the theme that was chosen here: it has its own origin.
document.addEventListener("click", (event) => {
  const open = event.target.closest("#open");
  if (!open) return;
  const address = new URL(open.href);
  const chosen = localStorage.getItem("hopyard-theme") ?? "system";
  address.searchParams.set("hopyard-theme", chosen);
  open.href = address;
}, true);

// Start sends the same form to another address. It can be pressed again once that was answered:
// where a server starts by then, the stream replaces it.
let pressed = null;
document.addEventListener("htmx:configRequest", (event) => {
  const by = event.detail.triggeringEvent?.submitter;
  if (!by || !("start" in by.dataset)) return;
  event.detail.path = by.getAttribute("formaction");
  event.detail.parameters.set?.("interface", by.value);
  by.disabled = true;
  pressed = by;
});
document.addEventListener("htmx:afterRequest", () => {
  if (pressed) pressed.disabled = false;
  pressed = null;
});

// The stream begins with what the page shows already: an open menu must not close by that.
const shown = new WeakMap();
for (const place of document.querySelectorAll("[sse-swap]")) {
  shown.set(place, place.innerHTML.trim());
}
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  const piece = document.createElement("template");
  piece.innerHTML = event.detail.data;
  const next = piece.innerHTML.trim();
  if (shown.get(event.target) === next) event.preventDefault();
  else shown.set(event.target, next);
  remember(event.target);
});

// Where a piece of the page is replaced, the focus stays: on the same button, or beside it. A button
// that is disabled while it works loses the focus before that.
let working = null; // the piece in which a button was pressed
let focused = ""; // what had the focus when a piece was about to be replaced
document.addEventListener("htmx:beforeRequest", (event) => {
  const by = event.detail.requestConfig?.triggeringEvent?.submitter ?? document.activeElement;
  working = by?.closest?.("[data-focus]") ?? null;
});
document.addEventListener("focusin", (event) => {
  if (working && !working.contains(event.target)) working = null;
});
function remember(place) {
  const active = document.activeElement;
  if (place.contains(active)) working = place;
  focused = working === place ? active.id : "";
}
document.addEventListener("htmx:sseMessage", (event) => {
  const place = event.target;
  announce();
  if (working !== place || place.contains(document.activeElement)) return;
  const same = focused ? document.getElementById(focused) : null;
  (same ?? document.querySelector(place.dataset.focus)).focus({ preventScroll: true });
});

// A region that is there before its words change is read out; one that comes with them is not.
function announce() {
  const place = document.getElementById("announce");
  const say = document.querySelector("#server [data-say]")?.dataset.say;
  if (place && say && place.textContent !== say) place.textContent = say;
}

// What another tab has changed is shown here, too, unless somebody types in the same field.
const seenPlace = document.getElementById("seen-place");
if (seenPlace) {
  const form = document.getElementById("settings");
  const read = () => JSON.parse(document.getElementById("seen").value);
  const valueOf = (field) =>
    field.type === "checkbox" ? (field.checked ? "on" : "") : field.value.replaceAll("\r\n", "\n");
  let known = read();
  new MutationObserver(() => {
    if (!document.getElementById("seen")) return;
    const next = read();
    for (const [name, value] of Object.entries(next)) {
      const field = form.elements[name];
      if (!field || value === known[name] || valueOf(field) !== known[name]) continue;
      if (field.type === "checkbox") field.checked = value === "on";
      else field.value = value;
    }
    known = next;
  }).observe(seenPlace, { childList: true, subtree: true, attributes: true });
}

// A stream that is over: the membership or the sign-in ended. The page tells which.
document.addEventListener("htmx:sseClose", (event) => {
  if (event.detail.type === "message") location.reload();
});

// An error's page pieces are aimed by the server; a server that does not answer is told here.
const NO_ANSWER = "The platform does not answer. Try again in a moment.";
document.addEventListener("htmx:sendError", () => tell(NO_ANSWER));
document.addEventListener("htmx:afterRequest", (event) => {
  const said = document.getElementById("notice")?.textContent;
  if (event.detail.successful && said === NO_ANSWER) tell("");
});
document.addEventListener("htmx:sseError", () => {
  away ??= setTimeout(() => tell(AWAY), 3000);
});
document.addEventListener("htmx:sseOpen", () => {
  clearTimeout(away);
  away = null;
  if (document.getElementById("notice")?.textContent === AWAY) tell("");
});
const AWAY = "The platform does not answer: this page shows what was last known, and asks again.";
let away = null;
function tell(words) {
  const place = document.getElementById("notice");
  if (!place) return;
  const text = document.createElement("div");
  text.className = "alert alert-danger";
  text.textContent = words;
  place.replaceChildren(...(words ? [text] : []));
}
