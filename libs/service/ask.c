/* What --health does: one question to the process that serves /health/ready on this machine. */
#include <stdio.h>
#include <string.h>

#include "http/client.h"
#include "service/internal.h"

#define ASK_TIMEOUT_MS 3000

/* Where a server that listens on `bind` is reached from its own machine. */
static const char *reached_at(const char *bind)
{
	if (!*bind || strcmp(bind, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(bind, "::") == 0 ? "::1" : bind;
}

int service_ask_health(const char *bind, int64_t port, const char *path)
{
	char url[320];
	const char *host = reached_at(bind);
	bool v6 = strchr(host, ':') != NULL;
	scoped_buf body = {0};
	struct err err = {0};
	int status = 0;
	snprintf(url, sizeof url, "http://%s%.200s%s:%d%s", v6 ? "[" : "", host, v6 ? "]" : "", (int)port, path);
	const struct http_request r = {.method = "GET", .url = url, .timeout_ms = ASK_TIMEOUT_MS};
	if (http_fetch(&r, &body, &status, &err) != STATUS_OK) {
		fprintf(stderr, "%s: %s\n", url, err.msg);
		return 1;
	}
	printf("%.*s", SPAN_ARG(buf_span(&body)));
	return status == 200 ? 0 : 1;
}
