// Loaded before the proxy: it asks for the token only when it has read a body of its API to the end,
// and calls an address that is none a fault of its own.
"use strict";

const { createHash, timingSafeEqual } = require("node:crypto");
const http = require("node:http");

const api = Number(process.argv[process.argv.indexOf("--api-port") + 1]);
const emit = http.Server.prototype.emit;

function digest(text) {
  return createHash("sha256").update(text).digest();
}

function knows(request) {
  const token = (request.headers.authorization || "").replace(/^token\s+/i, "");
  return timingSafeEqual(digest(token), digest(process.env.CONFIGPROXY_AUTH_TOKEN || ""));
}

function isAddress(url) {
  try {
    decodeURIComponent(new URL(url, "http://any").pathname);
    return true;
  } catch {
    return false;
  }
}

function refusal(server, request) {
  const address = server.address();
  if (address && address.port === api && !knows(request)) return [403, "Forbidden"];
  return isAddress(request.url) ? null : [400, "Bad Request"];
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
