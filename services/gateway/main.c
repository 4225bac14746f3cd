/* gannet-gateway: HTTP for everything that NATS subjects answer, with tokens, limits and an event stream. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"

#define AT(member) offsetof(struct gateway_config, member)
#define DAY_MS 86400000
#define FINISH_TURN_MS 10

static struct gateway_config config;
static const struct env_option options[] = {
    {"GANNET_HTTP_BIND", ENV_TEXT, AT(bind), "127.0.0.1", .help = "address of the HTTP server, IPv4 or IPv6"},
    {"GANNET_HTTP_PORT", ENV_INT, AT(port), "8080", 0, 65535, "its port; 0 takes any free one"},
    {"GANNET_HTTP_THREADS", ENV_INT, AT(threads), "0", 0, 64, "threads that serve connections; 0: half of the processors, one at least"},
    {"GANNET_HTTP_CONNECTIONS", ENV_INT, AT(max_connections), "4096", 1, 1000000, "connections at once; more wait to be accepted"},
    {"GANNET_HTTP_CONNECTIONS_PER_IP", ENV_INT, AT(connections_per_ip), "0", 0, 1000000, "of one address, in each thread; 0: no limit"},
    {"GANNET_HTTP_HEAD_TIMEOUT", ENV_MS, AT(head_timeout_ms), "10s", 1000, DAY_MS, "a request's head must be there whole within it", .unit = 1000},
    {"GANNET_HTTP_BODY_TIMEOUT", ENV_MS, AT(body_timeout_ms), "30s", 1000, DAY_MS, "then its body", .unit = 1000},
    {"GANNET_HTTP_ANSWER_TIMEOUT", ENV_MS, AT(answer_timeout_ms), "60s", 1000, DAY_MS, "then the client must have taken the answer", .unit = 1000},
    {"GANNET_HTTP_IDLE_TIMEOUT", ENV_MS, AT(idle_timeout_ms), "60s", 1000, DAY_MS, "a connection without a request is closed after it", .unit = 1000},
    {"GANNET_HTTP_BODY_MAX_BYTES", ENV_INT, AT(max_body_bytes), "1048576", 1, BODY_MAX_BYTES, "size of a request's body"},
    {"GANNET_HTTP_TRUSTED_PROXIES", ENV_INT, AT(trusted_proxies), "0", 0, 16,
     "proxies of ours in front: a client's address is the one that the first of them wrote into X-Forwarded-For"},
    {"GANNET_HTTP_ACCESS_LOG", ENV_BOOL, AT(access_log), "true", .help = "a log line for every request"},
    {"GANNET_HTTP_HSTS", ENV_BOOL, AT(hsts), "false", .help = "send Strict-Transport-Security: a proxy in front speaks TLS"},
    {"GANNET_HTTP_CORS_ORIGINS", ENV_TEXT, AT(cors_origins), NULL,
     .help = "origins whose pages may call, comma separated, or *; unset: none"},
    {"GANNET_HTTP_CORS_MAX_AGE", ENV_MS, AT(cors_max_age_s), "600s", 0, DAY_MS, "browsers ask again after it", .unit = 1000},
    {"GANNET_JWT_SECRET", ENV_TEXT, AT(jwt_secret), NULL, .secret = true, .help = "HS256: the secret that tokens are signed with, 32 bytes and more"},
    {"GANNET_JWT_PUBLIC_KEY", ENV_TEXT, AT(jwt_public_key), NULL,
     .help = "RS256, ES256, EdDSA: the public key in PEM form, RSA of 2048 bits and more, P-256 or Ed25519"},
    {"GANNET_JWKS_PATH", ENV_TEXT, AT(jwks_path), NULL, .help = "a JWKS file of several keys; read again when it changes"},
    {"GANNET_JWT_ISSUER", ENV_TEXT, AT(jwt_issuer), NULL, .help = "what a token's iss must be; unset: anything"},
    {"GANNET_JWT_AUDIENCE", ENV_TEXT, AT(jwt_audience), "gannet", .help = "what a token's aud must hold"},
    {"GANNET_JWT_SKEW", ENV_MS, AT(jwt_skew_ms), "30s", 0, 600000, "how far the clocks of issuer and gateway may differ", .unit = 1000},
    {"GANNET_RATE_IP", ENV_INT, AT(rate_ip), "6000", 0, INT32_MAX, "requests a minute of one address; 0: no limit"},
    {"GANNET_RATE_USER", ENV_INT, AT(rate_user), "3000", 0, INT32_MAX, "of one user; 0: no limit"},
    {"GANNET_RATE_TENANT", ENV_INT, AT(rate_tenant), "60000", 0, INT32_MAX, "of one tenant; 0: no limit"},
    {"GANNET_RATE_CREATE", ENV_INT, AT(rate_create), "600", 0, INT32_MAX, "requests that create or repeat jobs, a minute and user; 0: no limit"},
    {"GANNET_STREAMS", ENV_INT, AT(streams_max), "256", 0, 4096, "event streams at once"},
    {"GANNET_STREAMS_PER_USER", ENV_INT, AT(streams_per_user), "8", 1, 4096, "of one user"},
    {"GANNET_STREAM_BACKLOG_BYTES", ENV_INT, AT(stream_backlog_bytes), "262144", 4096, HTTP_SERVER_STREAM_MAX - 4096,
     "events that a client has not taken yet; past that the stream waits, or ends where it cannot wait"},
    {"GANNET_STREAM_HEARTBEAT", ENV_MS, AT(heartbeat_ms), "15s", 100, 600000, "a comment is sent into a stream after so long without an event", .unit = 1000},
};

static const char *const topology[] = {BUCKET_LATEST, STREAM_EVENTS, STREAM_STATE, STREAM_FINDINGS, STREAM_SIGNALS, NULL};

static enum status check_keys(void *arg, struct err *err)
{
	struct gateway *g = arg;
	return auth_keys_check(g->auth, err);
}

/* Requests that wait for services are answered as long as there is time; what comes now is refused. */
static void finish(struct gateway *g, int64_t deadline_mono_ms)
{
	atomic_store(&g->ends, true);
	while (bus_asks_waiting(g->asker) && clock_mono_ms(g->clock) < deadline_mono_ms)
		nanosleep(&(struct timespec){.tv_nsec = FINISH_TURN_MS * 1000000L}, NULL);
}

static void release(struct gateway *g)
{
	streams_end(g->streams);
	http_server_stop(g->server); /* from here on no request comes, and nothing is sent */
	bus_asker_close(g->asker);
	streams_free(g->streams);
	copies_stop(g->copies);
	auth_close(g->auth);
	limits_free(g->limits);
	free(g);
}

/* Names the option at fault rather than the library's member. */
static enum status open_auth(struct gateway *g, struct err *err)
{
	static const struct {
		const char *field, *option;
	} names[] = {{"secret", "GANNET_JWT_SECRET"}, {"public_key", "GANNET_JWT_PUBLIC_KEY"}, {"jwks_path", "GANNET_JWKS_PATH"}};
	if (!config.jwt_secret && !config.jwt_public_key && !config.jwks_path)
		return err_field(err, STATUS_INVALID, "GANNET_JWT_SECRET",
		                 "there is no key to check tokens with: set GANNET_JWT_SECRET, GANNET_JWT_PUBLIC_KEY (or the same with "
		                 "_FILE) or GANNET_JWKS_PATH; the local stack (make up) makes one under var/");
	const struct auth_options o = {span_from(config.jwt_secret), span_from(config.jwt_public_key), config.jwks_path,
	                               config.jwt_issuer, config.jwt_audience, config.jwt_skew_ms, g->clock};
	struct err found = {0};
	if (auth_open(&o, &g->auth, &found) == STATUS_OK)
		return STATUS_OK;
	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(found.field, names[i].field) == 0)
			return err_field(err, STATUS_INVALID, names[i].option, "%s: %s", names[i].option, found.msg);
	*err = found;
	return err->status;
}

/* A turn answers many requests when there is much to do: their lines are written together. */
static void on_turn(void *arg, enum http_turn at)
{
	(void)arg;
	if (at == HTTP_TURN_DONE)
		log_flush();
	else
		log_gather(at == HTTP_TURN_BEGIN);
}

static enum status open_server(struct gateway *g, struct err *err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const struct http_server_options o = {
	    .bind = config.bind,
	    .port = (uint16_t)config.port,
	    .max_body_bytes = (size_t)config.max_body_bytes,
	    .connection_bytes = 2 * HEAD_MAX_BYTES,
	    .max_connections = (unsigned)config.max_connections,
	    .connections_per_ip = (unsigned)config.connections_per_ip,
	    .idle_timeout_s = (unsigned)(config.idle_timeout_ms / 1000),
	    .head_timeout_s = (unsigned)(config.head_timeout_ms / 1000),
	    .body_timeout_s = (unsigned)(config.body_timeout_ms / 1000),
	    .answer_timeout_s = (unsigned)(config.answer_timeout_ms / 1000),
	    .threads = config.threads ? (unsigned)config.threads : processors > 3 ? (unsigned)processors / 2 : 1,
	    .strict = true,
	    .handle = call_handle,
	    .turn = on_turn,
	    .arg = g,
	};
	if (http_server_start(&o, &g->server, err) != STATUS_OK)
		return err->status;
	log_fields(LOG_INFO, "listening", LOG_C("bind", config.bind), LOG_I("port", http_server_port(g->server)),
	           LOG_I("threads", o.threads), LOG_I("keys", (int64_t)auth_keys(g->auth)));
	return STATUS_OK;
}

static enum status start_parts(struct gateway *g, struct err *err)
{
	enum status s = config.cors_origins ? cors_check(config.cors_origins, err) : STATUS_OK;
	if (s == STATUS_OK)
		s = open_auth(g, err);
	if (s == STATUS_OK)
		s = bus_asker_open(g->bus, &g->asker, err);
	if (s == STATUS_OK)
		s = copies_start(g->bus, &g->copies, err);
	if (s == STATUS_OK)
		s = streams_start(g, &g->streams, err);
	return s == STATUS_OK ? open_server(g, err) : s;
}

static enum status start(struct service *s, struct err *err)
{
	struct gateway *g = calloc(1, sizeof *g);
	if (!g)
		abort();
	*g = (struct gateway){.config = &config, .service = s, .bus = service_bus(s), .clock = service_clock(s)};
	const int64_t rates[LIMIT_KINDS] = {config.rate_ip, config.rate_user, config.rate_tenant, config.rate_create};
	g->limits = limits_new(rates, g->clock);
	answers_register();
	calls_register();
	config.cors_max_age_s /= 1000;
	if (start_parts(g, err) != STATUS_OK) {
		release(g);
		return err->status;
	}
	service_set_state(s, g);
	service_add_check(s, "keys", false, check_keys, g);
	return STATUS_OK;
}

static void stop(struct service *s, int64_t deadline_mono_ms)
{
	finish(service_state(s), deadline_mono_ms);
	release(service_state(s));
}

/* Streams for /events, then what the routes ask. */
static struct service_use uses[ROUTES_MAX + 8] = {
    {USE_FOLLOW, BUCKET_LATEST},
    {USE_FOLLOW, STREAM_EVENTS},
    {USE_FOLLOW, STREAM_STATE},
    {USE_FOLLOW, STREAM_FINDINGS},
    {USE_FOLLOW, STREAM_SIGNALS},
    {USE_SUBSCRIBE, "gannet.*.jobs.stream.>"},
    {USE_PUBLISH, "gannet.*.jobs.get"}, /* whose a job is */
};

static void add_routes(struct service_descriptor *d)
{
	static char subjects[ROUTES_MAX][64];
	const struct route *r;
	while (uses[d->uses_n].kind)
		d->uses_n++;
	for (size_t i = 0; i < ROUTES_MAX && (r = route_at(i)); i++) {
		if (!r->verb)
			continue;
		snprintf(subjects[i], sizeof subjects[i], "gannet.*.%s", r->verb);
		uses[d->uses_n++] = (struct service_use){USE_PUBLISH, subjects[i]};
	}
}

static struct service_descriptor descriptor = {
    .name = "gateway",
    .summary = "HTTP for what NATS subjects answer, and events as they happen",
    .topology = topology,
    .uses = uses,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .start = start,
    .stop = stop,
};

static int print_openapi(const char *proto_folder)
{
	scoped_buf text = {0};
	struct err err;
	if (openapi_write(proto_folder, &text, &err) == STATUS_OK)
		return fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0 ? 0 : 1;
	fprintf(stderr, "gannet-gateway: %s\n", err.msg);
	return 1;
}

/* Besides what every service has: --openapi FOLDER, the OpenAPI document with the examples of the schemas there. */
int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--openapi") == 0)
		return print_openapi(argv[2]);
	add_routes(&descriptor);
	return service_main(&descriptor, argc, argv);
}
