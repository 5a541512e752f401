// A process that does what the test at the other end of a socket tells it. It stands in for a server, or for what a
// server has forked; the socket closes when it is dead, however that came about.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [controlPort, ...args] = process.argv.slice(2);
const socket = connect(Number(controlPort), '127.0.0.1');
const commands = {
  listening: (port, soupPort) => {
    const soup = soupPort === undefined ? {} : { soupPort: Number(soupPort) };
    process.send({ type: 'listening', host: '127.0.0.1', port: Number(port), ...soup });
  },
  exit: (code) => process.exit(Number(code)),
  'ignore-signals': () => {
    process.removeAllListeners('SIGTERM').on('SIGTERM', () => socket.write('{"signal":"SIGTERM"}\n'));
  },
  fork: () => spawn(process.execPath, [fileURLToPath(import.meta.url), controlPort, 'fork'], { stdio: 'ignore' }),
  stop: () => process.kill(process.pid, 'SIGSTOP'),
};

process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(130));
process.on('disconnect', () => process.exit(70));
createInterface(socket).on('line', (line) => {
  const [name, ...values] = line.split(' ');
  commands[name](...values);
});
socket.write(`${JSON.stringify({ pid: process.pid, args })}\n`);
