import { BlockList, isIP } from 'node:net';
import { teacherError } from '../errors.js';

/** Addresses that belong to this machine or to a closed network. */
const CLOSED = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  CLOSED.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  CLOSED.addSubnet(net, bits, 'ipv6');
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '').toLowerCase();

function isLoopback(host: string): boolean {
  const name = bare(host);
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

function isClosed(host: string): boolean {
  const name = bare(host);
  const version = isIP(name);
  return version === 0 ? isLoopback(host) : CLOSED.check(name, version === 4 ? 'ipv4' : 'ipv6');
}

function refused(url: string, why: string): Error {
  return teacherError('DMX_FETCH_URL', {
    summary: `${url} is not downloaded from`,
    why,
    fix: 'Give a mirror by its https address; http is taken from this machine alone (http://127.0.0.1:...).',
  });
}

function parsed(url: string, base?: URL): URL {
  try {
    return new URL(url, base);
  } catch {
    throw refused(url, 'This is no address.');
  }
}

/**
 * Reads the address of a hub or of its mirror.
 * @throws DmxError `DMX_FETCH_URL` unless it is https, or http on this machine.
 */
export function hubAddress(given: string): URL {
  const url = parsed(given.replace(/\/+$/, ''));
  if (url.username !== '' || url.password !== '')
    throw refused(url.host, 'An address with a password in it is not taken.');
  const open = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  if (!open) throw refused(given, 'Only https is taken, and http on this machine.');
  return url;
}

/**
 * Reads where a redirect leads.
 * @param hub - where it started. Only a hub on this machine may lead to this machine.
 * @throws DmxError `DMX_FETCH_URL` for another protocol, or the way from a public host into a closed network.
 */
export function redirectAddress(location: string, from: URL, hub: URL): URL {
  const url = parsed(location, from);
  const shown = `${url.protocol}//${url.host}`;
  if (url.origin === hub.origin) return url;
  if (isLoopback(hub.hostname) && isLoopback(url.hostname)) return url;
  if (url.protocol !== 'https:') throw refused(shown, `A redirect of ${from.host} leads there, and it is not https.`);
  if (isClosed(url.hostname)) throw refused(shown, `A redirect of ${from.host} leads there, into a closed network.`);
  return url;
}
