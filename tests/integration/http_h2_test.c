/* HTTP/2 over TLS: many calls on one connection, through nghttpx in front of the fake provider. */
#include <unistd.h>

#include "tests/integration/fakeprovider.h"
#include "tests/lib/process.h"

#define NGHTTPX "/usr/sbin/nghttpx"
#define CALLS 40

static int front_port;
static char certificate[600];

/* False, with a word on why, where there is no nghttpx. */
static bool front_start(void)
{
	char key[600], front[64], back[64];
	if (access(NGHTTPX, X_OK) != 0) {
		fprintf(stderr, "not tested: " NGHTTPX " (Debian package nghttp2-proxy) is not installed\n");
		return false;
	}
	snprintf(key, sizeof key, "%s/key.pem", test_dir());
	snprintf(certificate, sizeof certificate, "%s/certificate.pem", test_dir());
	CHECK_INT(test_run("/usr/bin/openssl",
	                   (const char *const[]){"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
	                                         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
	                                         "-keyout", key, "-out", certificate, NULL},
	                   NULL, NULL),
	          0);
	fake_start(NULL);
	front_port = test_free_port();
	snprintf(front, sizeof front, "-f127.0.0.1,%d", front_port);
	snprintf(back, sizeof back, "-b127.0.0.1,%d", fake_port);
	test_spawn(
	    NGHTTPX, NULL,
	    (const char *const[]){"--conf=/dev/null", "--no-ocsp", "--workers=1", front, back, key, certificate, NULL});
	WAIT_FOR(process_listens(front_port, NULL), "nghttpx");
	return true;
}

struct outcome {
	struct loop *loop;
	int *left;
	enum status transport;
	int http_status;
	char version[8];
	bool connected, sent_nothing;
	struct buf body;
};

static void on_done(void *arg, const struct http_response *r)
{
	struct outcome *o = arg;
	o->transport = r->transport;
	o->http_status = r->http_status;
	o->connected = r->connect_us > 0;
	o->sent_nothing = r->sent_nothing;
	snprintf(o->version, sizeof o->version, "%s", r->http_version);
	buf_addspan(&o->body, r->body);
	if (--*o->left == 0)
		loop_stop(o->loop);
}

static struct http_call *begin(struct http_client *client, const char *host, const char *model, struct outcome *o)
{
	char url[128];
	struct http_call *call;
	struct err err;
	snprintf(url, sizeof url, "https://%s:%d" CHAT, host, front_port);
	struct http_request r = {
	    .method = "POST", .url = url, .body = span_from(chat_body(model, "")), .timeout_ms = 20000};
	r.done = on_done;
	r.arg = o;
	CHECK_OK(http_call(client, &r, &call, &err), err);
	return call;
}

static void client_start(const char *ca_file, struct loop **l, struct http_client **client)
{
	struct err err;
	CHECK_OK(loop_new(l, &err), err);
	CHECK_OK(http_client_new(*l, &(struct http_client_options){.ca_file = ca_file}, client, &err), err);
}

TEST(calls_that_begin_together_share_one_connection)
{
	struct loop *l;
	struct http_client *client;
	static struct outcome o[CALLS];
	int left, connects = 0;
	if (!front_start())
		return;
	client_start(certificate, &l, &client);
	for (int round = 0; round < 2; round++) {
		left = CALLS;
		for (int i = 0; i < CALLS; i++) {
			o[i].loop = l;
			o[i].left = &left;
			buf_reset(&o[i].body);
			begin(client, "localhost", "gpt-x:latency=50ms,text=shared", &o[i]);
		}
		loop_run(l);
		for (int i = 0; i < CALLS; i++) {
			CHECK_INT(o[i].transport, STATUS_OK);
			CHECK_INT(o[i].http_status, 200);
			CHECK_SPAN(span_from(o[i].version), "2");
			CHECK_HAS(o[i].body.data, "shared");
			connects += o[i].connected;
		}
	}
	CHECK_INT(connects, 1);
	http_client_free(client);
	loop_free(l);
	for (int i = 0; i < CALLS; i++)
		buf_free(&o[i].body);
}

static void abort_call(void *call)
{
	http_abort(call);
}

TEST(aborting_one_call_leaves_the_others_on_its_connection_alone)
{
	struct loop *l;
	struct http_client *client;
	struct outcome o[3] = {{0}};
	int left = 3;
	if (!front_start())
		return;
	client_start(certificate, &l, &client);
	for (int i = 0; i < 3; i++) {
		o[i].loop = l;
		o[i].left = &left;
	}
	begin(client, "127.0.0.1", "gpt-x:latency=200ms", &o[0]);
	struct http_call *call = begin(client, "127.0.0.1", "gpt-x:fault=hang", &o[1]);
	begin(client, "127.0.0.1", "gpt-x:latency=300ms", &o[2]);
	struct loop_timer t = {0};
	loop_timer_start(l, &t, 100, abort_call, call);
	loop_run(l);
	CHECK_INT(o[0].http_status, 200);
	CHECK_INT(o[1].transport, STATUS_CANCELLED);
	CHECK_INT(o[2].http_status, 200);
	CHECK_INT(o[0].connected + o[1].connected + o[2].connected, 1);
	loop_timer_free(&t);
	http_client_free(client);
	loop_free(l);
	for (int i = 0; i < 3; i++)
		buf_free(&o[i].body);
}

TEST(an_unknown_certificate_is_refused_before_anything_is_sent)
{
	struct loop *l;
	struct http_client *client;
	struct outcome o = {0};
	int left = 1;
	if (!front_start())
		return;
	client_start(NULL, &l, &client);
	o.loop = l;
	o.left = &left;
	begin(client, "127.0.0.1", "gpt-x", &o);
	loop_run(l);
	CHECK_INT(o.transport, STATUS_UNAVAILABLE);
	CHECK(o.sent_nothing);
	http_client_free(client);
	loop_free(l);
	buf_free(&o.body);
}
