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
});

// A stream that is over: the membership or the sign-in ended. The page tells which.
document.addEventListener("htmx:sseClose", (event) => {
  if (event.detail.type === "message") location.reload();
});

// An error's page pieces are aimed by the server; a server that does not answer is told here.
document.addEventListener("htmx:sendError", () => {
  const place = document.getElementById("notice");
  if (!place) return;
  const text = document.createElement("div");
  text.className = "alert alert-danger";
  text.textContent = "The platform does not answer. Try again in a moment.";
  place.replaceChildren(text);
});
