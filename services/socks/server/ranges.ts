/**
 * Where a server lets nobody go unless it is told to: what is not of the public internet, or reaches into this machine.
 * IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and of IPv6 all but global unicast.
 */
export const closedRanges = [
  '0.0.0.0/8', // this host
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '::/3', // this host, loopback, IPv4 in its several forms, discard, and what is not assigned
  '::1/128', // loopback
  '64:ff9b:1::/48', // NAT64 of the network that the server is in
  '2001::/23', // protocol assignments, Teredo
  '2001:db8::/32', // documentation
  '3fff::/20', // documentation
  '4000::/2', // not assigned
  '8000::/1', // not assigned
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10', // site-local
  'ff00::/8', // multicast
] as const;

/** Within {@link closedRanges}: NAT64 leads to the IPv4 address in it, and that is judged by itself. */
export const openRanges = ['64:ff9b::/96'] as const;
