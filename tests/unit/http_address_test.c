/* Which addresses a provider's host name may lead to. */
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/lib/test.h"

static bool refused(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_link_local((struct sockaddr *)&v4);
	CHECK(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
	return address_is_link_local((struct sockaddr *)&v6);
}

TEST(link_local_and_metadata_addresses_are_refused_in_every_notation)
{
	static const char *const bad[] = {
	    "0.0.0.0",
	    "0.1.2.3",
	    "169.254.169.254",
	    "169.254.0.0",
	    "169.254.255.255",
	    "100.100.100.200",
	    "192.0.0.192",
	    "168.63.129.16",
	    "::",
	    "fe80::1",
	    "febf:ffff::1",
	    "fd00:ec2::254",
	    "fd20:ce::254",
	    "::ffff:169.254.1.1",
	    "64:ff9b::169.254.169.254",
	    "::ffff:0.0.0.0",
	};
	for (size_t i = 0; i < countof(bad); i++)
		CHECK_MSG(refused(bad[i]), "%s must be refused", bad[i]);
}

TEST(loopback_private_and_public_addresses_are_allowed)
{
	static const char *const good[] = {
	    "127.0.0.1",       "1.1.1.1",          "10.0.0.1",
	    "192.168.1.1",     "169.253.255.255",  "169.255.0.0",
	    "100.100.100.199", "100.100.100.201",  "::1",
	    "fec0::1",         "fe7f::1",          "fd00:ec2::253",
	    "2606:4700::1111", "::ffff:127.0.0.1", "64:ff9b::8.8.8.8",
	};
	for (size_t i = 0; i < countof(good); i++)
		CHECK_MSG(!refused(good[i]), "%s must be allowed", good[i]);
}
