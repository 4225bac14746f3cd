/* The servers' addresses and the credentials in them, from NATS_URL to the client's options. */
#include <stdlib.h>

#include "bus/internal.h"

#define SERVERS_MAX 16
#define SERVER_BYTES 300
#define SECRET_BYTES 512

struct address {
	char servers[SERVERS_MAX][SERVER_BYTES];
	int n;
	bool tls, found;
	char user[SECRET_BYTES], password[SECRET_BYTES];
	bool has_password;
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Percent-decodes; the client does so from 3.9 on only. */
static bool decode(struct span s, char out[SECRET_BYTES])
{
	size_t n = 0;
	for (size_t i = 0; i < s.n && n < SECRET_BYTES - 1; i++, n++) {
		out[n] = s.p[i];
		if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			out[n] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		}
	}
	out[n] = 0;
	return n < SECRET_BYTES - 1 && !memchr(out, 0, n);
}

static enum status add(struct address *a, struct span url, struct err *err)
{
	struct span scheme = SPAN("nats");
	for (size_t i = 0; i + 2 < url.n; i++)
		if (memcmp(url.p + i, "://", 3) == 0) {
			scheme = span_of(url.p, i);
			url = span_of(url.p + i + 3, url.n - i - 3);
			break;
		}
	const char *at = url.n ? memrchr(url.p, '@', url.n) : NULL;
	if (at) {
		struct span user = span_of(url.p, (size_t)(at - url.p));
		url = span_of(at + 1, url.n - user.n - 1);
		struct span password = user;
		user = span_cut(&password, ':');
		if (!a->found && (!decode(user, a->user) || (password.p && !decode(password, a->password))))
			return err_field(err, STATUS_INVALID, "NATS_URL", "the credentials are longer than %d bytes or hold a NUL",
			                 SECRET_BYTES - 2);
		a->has_password = a->found ? a->has_password : password.p != NULL;
		a->found = true;
	}
	if (!span_is(scheme, "nats") && !span_is(scheme, "tls"))
		return err_field(err, STATUS_INVALID, "NATS_URL", "scheme %.*s is not nats or tls", SPAN_ARG(scheme));
	a->tls |= span_is(scheme, "tls");
	if (!url.n || url.n > SERVER_BYTES - 16 || a->n == SERVERS_MAX)
		return err_field(err, STATUS_INVALID, "NATS_URL", "not 1 to %d servers of 1 to %d characters", SERVERS_MAX,
		                 SERVER_BYTES - 16);
	memcpy(a->servers[a->n], "nats://", 7);
	span_copy(url, a->servers[a->n++] + 7, SERVER_BYTES - 7);
	return STATUS_OK;
}

/*
 * Credentials are taken out of the addresses, so that no error text of the client can show them; the first ones found
 * serve for all servers, also for those the cluster names later.
 */
enum status bus_address_apply(natsOptions *options, const char *url, struct err *err)
{
	struct address a = {0};
	struct span rest = span_from(url);
	while (rest.p) {
		struct span one = span_trim(span_cut(&rest, ','));
		if (add(&a, one, err) != STATUS_OK)
			return err->status;
	}
	const char *servers[SERVERS_MAX];
	for (int i = 0; i < a.n; i++)
		servers[i] = a.servers[i];
	natsStatus s = natsOptions_SetServers(options, servers, a.n);
	if (s == NATS_OK && a.found)
		s = a.has_password ? natsOptions_SetUserInfo(options, a.user, a.password)
		                   : natsOptions_SetToken(options, a.user);
	if (s == NATS_OK && a.tls)
		s = natsOptions_SetSecure(options, true);
	explicit_bzero(&a, sizeof a);
	if (s != NATS_OK)
		return err_field(err, STATUS_INVALID, "NATS_URL", "not a server address: %s", natsStatus_GetText(s));
	return STATUS_OK;
}
