/* Which path is which provider's, and which is our own. */
#include "fake.h"

struct route {
	const char *method, *path, *operation;
	const struct face *face;                              /* a provider's */
	void (*own)(struct fake *f, struct http_exchange *x); /* or ours */
};

static const struct route routes[] = {
    {"POST", "/v1/chat/completions", "chat", &face_openai, NULL},
    {"POST", "/chat/completions", "chat", &face_openai, NULL},
    {"POST", "/v1/embeddings", "embeddings", &face_openai_embeddings, NULL},
    {"POST", "/embeddings", "embeddings", &face_openai_embeddings, NULL},
    {"POST", "/v1/messages", "messages", &face_anthropic, NULL},
    {"POST", "/api/chat", "chat", &face_ollama, NULL},
    {"POST", "/api/embed", "embed", &face_ollama_embeddings, NULL},
    {"GET", "/v1/models", NULL, NULL, control_models},
    {"GET", "/models", NULL, NULL, control_models},
    {"GET", "/api/tags", NULL, NULL, control_tags},
    {"GET", "/health", NULL, NULL, control_health},
    {"GET", "/health/ready", NULL, NULL, control_health},
    {"GET", "/log", NULL, NULL, control_log},
    {"GET", "/stats", NULL, NULL, control_stats},
    {"POST", "/reset", NULL, NULL, control_reset},
};

void fake_handle(void *arg, struct http_exchange *x)
{
	struct fake *f = arg;
	struct span method = http_exchange_method(x), path = http_exchange_path(x);
	const struct route *found = NULL;
	for (size_t i = 0; !found && i < countof(routes); i++)
		if (span_is(path, routes[i].path))
			found = &routes[i];
	bool allowed = found && (span_is(method, found->method) || (span_is(method, "HEAD") && found->method[0] == 'G'));
	if (!found) {
		http_exchange_answer(
		    x, 404, "application/json",
		    SPAN("{\"error\":{\"message\":\"Invalid URL\",\"type\":\"invalid_request_error\",\"param\":null,"
		         "\"code\":null}}"));
	} else if (!allowed) {
		http_exchange_add_header(x, "Allow", found->method);
		http_exchange_answer(
		    x, 405, "application/json",
		    SPAN("{\"error\":{\"message\":\"Not allowed to use this method\",\"type\":\"invalid_request_error\","
		         "\"param\":null,\"code\":\"method_not_supported\"}}"));
	} else if (found->own) {
		found->own(f, x);
	} else {
		fake_answer(f, x, found->face, found->operation);
	}
}
