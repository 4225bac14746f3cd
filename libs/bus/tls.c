/* Whom we trust and who we are: TLS to the broker, with a certificate of our own if it asks for one. */
#include <arpa/inet.h>

#include "bus/internal.h"

#define NAME_BYTES 256

/* The host of the first address, without credentials and port; false for an IP address, which certificates name otherwise. */
static bool first_host(const char *url, char out[NAME_BYTES])
{
	unsigned char address[sizeof(struct in6_addr)];
	struct span rest = span_from(url), one = span_trim(span_cut(&rest, ','));
	const char *scheme = one.n ? memmem(one.p, one.n, "://", 3) : NULL;
	if (scheme)
		one = span_of(scheme + 3, one.n - (size_t)(scheme + 3 - one.p));
	const char *at = one.n ? memrchr(one.p, '@', one.n) : NULL;
	if (at)
		one = span_of(at + 1, one.n - (size_t)(at + 1 - one.p));
	if (one.n && one.p[0] == '[')
		return false;
	struct span host = span_cut(&one, ':');
	return host.n && span_copy(host, out, NAME_BYTES) && inet_pton(AF_INET, out, address) != 1;
}

enum status bus_tls_apply(natsOptions *options, const struct bus_options *o, struct err *err)
{
	char name[NAME_BYTES];
	const struct bus_tls *t = &o->tls;
	if (!t->ca_file && !t->cert_file && !t->key_file && !t->name)
		return STATUS_OK;
	if (!t->cert_file != !t->key_file)
		return err_field(err, STATUS_INVALID, t->cert_file ? "NATS_KEY" : "NATS_CERT",
		                 "NATS_CERT and NATS_KEY belong together; only one is set");
	natsStatus s = natsOptions_SetSecure(options, true);
	if (s == NATS_OK && t->ca_file && natsOptions_LoadCATrustedCertificates(options, t->ca_file) != NATS_OK)
		return err_field(err, STATUS_INVALID, "NATS_CA", "NATS_CA: %s holds no certificates that can be read", t->ca_file);
	if (s == NATS_OK && t->cert_file && natsOptions_LoadCertificatesChain(options, t->cert_file, t->key_file) != NATS_OK)
		return err_field(err, STATUS_INVALID, "NATS_CERT",
		                 "NATS_CERT, NATS_KEY: %s and %s are not a certificate and its key that can be read",
		                 t->cert_file, t->key_file);
	if (s == NATS_OK && t->name)
		s = natsOptions_SetExpectedHostname(options, t->name);
	else if (s == NATS_OK && first_host(o->url, name))
		s = natsOptions_SetExpectedHostname(options, name);
	return s == NATS_OK ? STATUS_OK : bus_client_err(err, s, "TLS");
}
