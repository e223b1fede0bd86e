// Loaded before the proxy: a server that is to listen on a port that was handed down takes the socket
// instead (see handed.py).
"use strict";

const net = require("node:net");

const handed = new Map((process.env.HOPYARD_SOCKETS || "").split(",").filter(Boolean).map((word) => word.split(":")));
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (port, ...others) {
  const descriptor = handed.get(String(port));
  if (descriptor === undefined) return listen.call(this, port, ...others);
  return listen.call(this, { fd: Number(descriptor) }, ...others.filter((one) => typeof one === "function"));
};
