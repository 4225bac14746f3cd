/* Compares an address with the networks a provider never lives in. */
#include "http/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* Host byte order. */
static const struct {
	uint32_t network, mask;
} networks4[] = {
    {0x00000000, 0xff000000}, /* 0.0.0.0/8: this host */
    {0xa9fe0000, 0xffff0000}, /* 169.254.0.0/16: link-local, and with it the metadata of most clouds */
    {0x646464c8, 0xffffffff}, /* 100.100.100.200: Alibaba Cloud metadata */
    {0xc00000c0, 0xffffffff}, /* 192.0.0.192: Oracle Cloud metadata */
    {0xa83f8110, 0xffffffff}, /* 168.63.129.16: Azure platform */
};

static const struct {
	uint8_t network[16];
	int bits;
} networks6[] = {
    {{0}, 128},                                                /* :: this host */
    {{0xfe, 0x80}, 10},                                        /* link-local */
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 128}, /* fd00:ec2::254: AWS metadata */
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}, 128}, /* fd20:ce::254: Google Cloud metadata */
};

static bool forbidden4(uint32_t address)
{
	for (size_t i = 0; i < sizeof networks4 / sizeof networks4[0]; i++)
		if ((address & networks4[i].mask) == networks4[i].network)
			return true;
	return false;
}

static bool within(const uint8_t address[16], const uint8_t network[16], int bits)
{
	if (memcmp(address, network, (size_t)bits / 8) != 0)
		return false;
	int rest = bits % 8;
	return rest == 0 || ((address[bits / 8] ^ network[bits / 8]) >> (8 - rest)) == 0;
}

static bool forbidden6(const uint8_t address[16])
{
	static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff}, nat64[16] = {0x00, 0x64, 0xff, 0x9b};
	for (size_t i = 0; i < sizeof networks6 / sizeof networks6[0]; i++)
		if (within(address, networks6[i].network, networks6[i].bits))
			return true;
	if (!within(address, mapped, 96) && !within(address, nat64, 96))
		return false;
	return forbidden4((uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | (uint32_t)address[14] << 8 |
	                  address[15]);
}

bool address_is_link_local(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return forbidden4(ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return forbidden6(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
	return false;
}
