// The log viewer: follows one log by server-sent events, keeps a bounded number of lines.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const { project, source } = log.dataset;
  const base = `/projects/${encodeURIComponent(project)}/logs`;
  const lines = document.getElementById("lines");
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  const earlier = document.getElementById("earlier");
  const hits = document.getElementById("hits");
  const KEEP = 4_000_000; // characters in the page; what is older is loaded again on demand
  let start = Number(log.dataset.start);
  let end = Number(log.dataset.end);
  let paused = false;
  let events = null;

  const atBottom = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const toBottom = () => { log.scrollTop = log.scrollHeight; };

  function say(icon, word) {
    live.querySelector("i").className = `bi bi-${icon}`;
    live.querySelector("span").textContent = word;
  }

  // What cannot be loaded is said; nothing is returned then.
  async function ask(address) {
    try {
      const answer = await fetch(address);
      if (answer.ok) {
        tell("");
        return await answer.json();
      }
      tell(answer.status === 404 ? "This log is not there any more." : `The platform answered ${answer.status}.`);
    } catch {
      tell(NO_ANSWER);
    }
    return null;
  }

  function append(text) {
    const follow = atBottom();
    lines.append(text);
    let length = lines.textContent.length;
    while (length > KEEP && lines.childNodes.length > 1) {
      length -= lines.firstChild.length;
      start += new TextEncoder().encode(lines.firstChild.data).length;
      lines.firstChild.remove();
      earlier.hidden = false;
    }
    if (follow) toBottom();
  }

  function follow() {
    events = new EventSource(`${base}/events?source=${encodeURIComponent(source)}&offset=${end}`);
    events.addEventListener("piece", (event) => {
      const piece = JSON.parse(event.data);
      if (piece.start < end) {
        lines.replaceChildren(); // the file began anew
        start = piece.start;
      }
      append(piece.text);
      end = Number(event.lastEventId);
    });
    events.addEventListener("state", (event) => {
      if (event.data === "live") say("record-circle", "Following");
      else say("stop-circle", "Finished: nothing is written any more");
    });
    events.addEventListener("over", () => {
      events.close();
      say("stop-circle", "Ended: this log is not there (any more), or is not yours");
    });
    events.addEventListener("error", () => {
      const refused = events.readyState === EventSource.CLOSED;
      say("plug", refused ? "The platform refuses: load this page again" : "Connecting again");
    });
  }

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.querySelector("span").textContent = paused ? "Follow" : "Pause";
    pause.querySelector("i").className = `bi bi-${paused ? "play-fill" : "pause-fill"}`;
    if (paused) {
      events?.close();
      say("pause-circle", "Paused");
    } else {
      toBottom();
      follow();
    }
  });

  earlier.addEventListener("click", async () => {
    const piece = await ask(`${base}/before?source=${encodeURIComponent(source)}&end=${start}`);
    if (!piece) return;
    const height = log.scrollHeight;
    lines.prepend(piece.text);
    log.scrollTop += log.scrollHeight - height;
    start = piece.start;
    earlier.hidden = start === 0;
  });

  function mark(line, text) {
    const row = document.createElement("div");
    const lowered = line.toLowerCase();
    let from = 0;
    for (let at = lowered.indexOf(text); at >= 0; at = lowered.indexOf(text, from)) {
      const found = document.createElement("mark");
      found.textContent = line.slice(at, at + text.length);
      row.append(line.slice(from, at), found);
      from = at + text.length;
    }
    row.append(line.slice(from));
    return row;
  }

  let asked = 0;
  async function search() {
    const text = document.getElementById("text").value.trim();
    const number = ++asked;
    hits.hidden = !text;
    log.hidden = Boolean(text);
    if (!text) return;
    const query = new URLSearchParams({ source, text });
    const answer = await ask(`${base}/search?${query}`);
    if (!answer || number !== asked) return;
    const found = answer.hits;
    const head = document.createElement("p");
    head.className = "rule";
    head.textContent = found.length
      ? `${found.length === 500 ? "The last 500" : found.length} lines. Empty the search to see the log.`
      : "No line has this text.";
    hits.replaceChildren(head, ...found.map((hit) => mark(hit.line, text.toLowerCase())));
  }
  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  let later = 0;
  document.getElementById("text").addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(search, 250);
  });

  toBottom();
  follow();
})();
