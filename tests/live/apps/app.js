// SPDX-License-Identifier: GPL-2.0-only
// An HTTP server that answers as the victims in C do: GET /WAIT_MS/BYTES.
//
//     node app.js PORT MODE [SECONDS]
//
// What SIGTERM does, by MODE:
//   none    no handler: Node's default, it dies by the signal
//   close   server.close(), and nothing else
//   exit    server.close(), and process.exit() 500 ms later, whatever is open then
//   advised what shutwatch advises: idle ones closed soon, all others SECONDS later
//   reset   a reset to every connection, and server.close()
//
// Prints "ready PORT" once it listens.
"use strict";

const http = require("http");
const { Readable } = require("stream");

const PART_BYTES = 65536;
const [port, mode, seconds] = process.argv.slice(2);
const sockets = new Set();

function* parts(size) {
	for (let left = size; left > 0; left -= PART_BYTES)
		yield Buffer.alloc(Math.min(left, PART_BYTES), "x");
}

const server = http.createServer((request, response) => {
	const [, wait, size] = request.url.split("/").map(Number);

	response.setHeader("Content-Length", size);
	setTimeout(() => Readable.from(parts(size)).pipe(response), wait);
});

const stops = {
	none: null,
	close: () => server.close(),
	exit: () => {
		server.close();
		setTimeout(() => process.exit(0), 500);
	},
	advised: () => {
		server.close();
		setInterval(() => server.closeIdleConnections(), 100).unref();
		setTimeout(() => server.closeAllConnections(), seconds * 1000).unref();
	},
	reset: () => {
		sockets.forEach((socket) => socket.resetAndDestroy());
		server.close(() => process.exit(0)); // though handlers still wait
	},
};

server.on("connection", (socket) => {
	sockets.add(socket);
	socket.on("close", () => sockets.delete(socket));
});

if (stops[mode])
	process.on("SIGTERM", stops[mode]);
server.listen(Number(port), "127.0.0.1", () => console.log(`ready ${port}`));
