/* Refuses base URLs that would send a key in the clear to nobody knows whom: other schemes, user info, link-local
 * hosts. */
#include "llm/wire.h"

#include <arpa/inet.h>
#include <strings.h>

/* Answers with the machine's own credentials in clouds. */
static const char *const metadata_hosts[] = {"metadata", "metadata.google.internal", "instance-data",
                                             "instance-data.ec2.internal"};
#define LINK_LOCAL_V4 0xa9fe0000u /* 169.254.0.0/16 */

static bool is_link_local_v6(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	if (!span_copy(host, text, sizeof text) || inet_pton(AF_INET6, text, &a) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&a) || IN6_IS_ADDR_V4COMPAT(&a))
		return a.s6_addr[12] == 169 && a.s6_addr[13] == 254;
	static const unsigned char ec2_metadata[16] = {0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};
	return IN6_IS_ADDR_LINKLOCAL(&a) || memcmp(&a, ec2_metadata, sizeof ec2_metadata) == 0;
}

static bool is_link_local(struct span host)
{
	char text[256];
	struct in_addr a;
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!span_copy(host, text, sizeof text))
		return false;
	for (size_t i = 0; i < countof(metadata_hosts); i++)
		if (strcasecmp(text, metadata_hosts[i]) == 0)
			return true;
	/* As curl reads them: also in one to three parts, octal and hexadecimal. */
	return inet_aton(text, &a) && (ntohl(a.s_addr) & 0xffff0000u) == LINK_LOCAL_V4;
}

/* What is wrong with the authority part; NULL if nothing. */
static const char *check_authority(struct span authority)
{
	if (memchr(authority.p, '@', authority.n))
		return "without user name and password";
	if (authority.n && authority.p[0] == '[') {
		struct span rest = span_of(authority.p + 1, authority.n - 1), host = span_cut(&rest, ']');
		return !rest.p || !host.n || is_link_local_v6(host) ? "a host that is not link-local" : NULL;
	}
	struct span rest = authority, host = span_cut(&rest, ':');
	return !host.n || is_link_local(host) ? "a host that is not link-local" : NULL;
}

enum status wire_check_url(const char *name, const char *url, struct err *err)
{
	struct span rest = span_from(url);
	const char *allowed = NULL;
	size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] <= ' ' || rest.p[i] > '~' || strchr("?#\\", rest.p[i]))
			allowed = "an absolute URL without query and fragment";
	if (!scheme)
		allowed = "an http:// or https:// URL";
	rest = span_of(rest.p + scheme, rest.n - scheme);
	if (!allowed)
		allowed = check_authority(span_cut(&rest, '/'));
	if (!allowed)
		return STATUS_OK;
	/* What stands before an @ may be a password. */
	return err_field(err, STATUS_INVALID, name, "%s: \"%.80s\" is not %s", name, strchr(url, '@') ? "…@…" : url,
	                 allowed);
}
