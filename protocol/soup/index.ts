export * from './dialect.js';
export { quoted } from './fields.js';
export * from './first-bytes.js';
export * from './login-reader.js';
export * from './soup-bin.js';
export * from './soup-error.js';
export * from './soup-limits.js';
export * from './soup-tcp.js';
