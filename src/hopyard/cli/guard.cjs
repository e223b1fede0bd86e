// Loaded before the proxy: it asks for the token only when it has read a body of its API to the end,
// calls an address that is none a fault of its own, and hangs when its log cannot be written. And the
// Hub believes what it says of a client's address only with a proof: others on this machine reach the
// Hub, too, and may send any header.
"use strict";

const { createHash, timingSafeEqual } = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");

const api = Number(process.argv[process.argv.indexOf("--api-port") + 1]);
const token = process.env.CONFIGPROXY_AUTH_TOKEN || "";
const proof = digest(`hopyard proxy ${token}`).toString("hex"); // as hub/attempts.py makes it
const emit = http.Server.prototype.emit;

function digest(text) {
  return createHash("sha256").update(text).digest();
}

function knows(request) {
  const shown = (request.headers.authorization || "").replace(/^token\s+/i, "");
  return timingSafeEqual(digest(shown), digest(token));
}

// As the proxy reads it when it looks for the way; null for what cannot be read.
function pathOf(request) {
  try {
    return decodeURIComponent(new URL(request.url, "http://any").pathname);
  } catch {
    return null;
  }
}

function refusal(server, request) {
  const address = server.address();
  if (address && address.port === api && !knows(request)) return [403, "Forbidden"];
  const path = pathOf(request);
  if (path === null) return [400, "Bad Request"];
  if (path.startsWith("/hub/")) request.headers["x-hopyard-proxy"] = proof;
  else delete request.headers["x-hopyard-proxy"];
  return null;
}

http.Server.prototype.emit = function (event, request, answer, ...rest) {
  const refused = ["request", "upgrade"].includes(event) && refusal(this, request);
  if (!refused) return emit.call(this, event, request, answer, ...rest);
  const [status, words] = refused;
  const headers = { "Content-Type": "text/plain", "X-Content-Type-Options": "nosniff", Connection: "close" };
  if (event === "request") answer.writeHead(status, headers).end(words);
  else answer.end(`HTTP/1.1 ${status} ${words}\r\nConnection: close\r\n\r\n`);
  return true;
};

// A full disk: Node keeps what it could not write, and in the end does nothing but try again.
for (const [stream, descriptor] of [[process.stdout, 1], [process.stderr, 2]]) {
  stream.write = function (chunk, encoding, done) {
    try {
      fs.writeSync(descriptor, chunk);
    } catch {
      // The line is lost.
    }
    const told = typeof encoding === "function" ? encoding : done;
    if (told) process.nextTick(told);
    return true;
  };
}
