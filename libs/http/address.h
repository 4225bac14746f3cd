/* Which addresses lead to the machine's own surroundings instead of to a provider. */
#ifndef GANNET_HTTP_ADDRESS_H
#define GANNET_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Link-local networks (RFC 3927, RFC 4291), "this network" (RFC 1122), and the fixed metadata addresses of cloud
 * providers, also when written as IPv4-mapped (RFC 4291) or NAT64 (RFC 6052) IPv6 addresses. Loopback and private
 * networks are allowed: local model servers live there.
 */
bool address_is_link_local(const struct sockaddr *address);

#endif
