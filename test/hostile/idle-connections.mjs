// Opens many connections that never say a word, and reports what became of them, a line of JSON each:
// { open } when all were opened, { codes } when all are closed again.
// usage: node idle-connections.mjs PORT COUNT
import { connect } from 'node:net';

const [port, count] = process.argv.slice(2).map(Number);
const atOnce = 200;
const codes = {};
let started = 0;
let opened = 0;
let closed = 0;

function open() {
  if (started === count) return;
  started += 1;
  let code = 'none';
  let settled = false;
  const socket = connect({ port, host: '127.0.0.1' });
  const settle = () => {
    if (settled) return;
    settled = true;
    opened += 1;
    if (opened === count) console.log(JSON.stringify({ open: opened }));
    open();
  };
  socket.on('connect', settle);
  socket.on('data', (chunk) => {
    code = /ERR_[A-Z_]+/.exec(chunk.toString('latin1'))?.[0] ?? code;
  });
  socket.on('error', (error) => {
    if (code === 'none') code = error.code;
  });
  socket.on('close', () => {
    settle();
    codes[code] = (codes[code] ?? 0) + 1;
    closed += 1;
    if (closed === count) console.log(JSON.stringify({ codes }));
  });
}

for (let index = 0; index < atOnce; index += 1) open();
