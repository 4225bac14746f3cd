/* The contract watcher against a real HTTP server that keeps some of its promises and breaks others. */
#include "http/server.h"
#include "tests/integration/watchers_helpers.h"

static struct {
	struct http_server *server;
	_Atomic bool mended;
	_Atomic int calls, with_token;
} planted;

/* What is documented, version 1 and 2; the server behaves as version 1 but for the planted faults. */
static const char version_1[] =
    "openapi: 3.1.0\n"
    "info: {title: shop, version: '1'}\n"
    "paths:\n"
    "  /good/{id}:\n"
    "    get:\n"
    "      parameters: [{name: id, in: path, required: true, schema: {type: integer, minimum: 7}}]\n"
    "      responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Item'}}}}}\n"
    "  /wrong-body:\n"
    "    get: {responses: {'200': {content: {application/json: {schema: {type: object, required: [total], properties: {total: {type: integer}}}}}}}}\n"
    "  /wrong-status:\n"
    "    get: {responses: {'200': {}}}\n"
    "  /wrong-type:\n"
    "    get: {responses: {2XX: {content: {application/json: {}}}}}\n"
    "  /wrong-header:\n"
    "    get: {responses: {'200': {headers: {X-Total: {required: true, schema: {type: integer}}}}}}\n"
    "  /missing:\n"
    "    get: {responses: {'200': {}}}\n"
    "  /renamed:\n"
    "    get: {responses: {'200': {content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}}}}}}\n"
    "  /retired:\n"
    "    get: {responses: {'200': {}}}\n"
    "  /needs-pattern/{code}:\n"
    "    get:\n"
    "      parameters: [{name: code, in: path, required: true, schema: {type: string, pattern: '^Z{9}$'}}]\n"
    "      responses: {'200': {}}\n"
    "  /secret: {get: {responses: {'200': {}}}, post: {responses: {'201': {}}}}\n"
    "components:\n"
    "  schemas:\n"
    "    Item: {type: object, required: [id, name], properties: {id: {type: integer}, name: {type: [string, 'null']}}}\n";

/* In version 2 /renamed answers {title} instead of {name}, and /retired is gone; the server does so already. */
static const char *version_2(void)
{
	scoped_buf text = {0};
	buf_adds(&text, version_1);
	char *at = strstr(text.data, "required: [name], properties: {name:");
	memcpy(at, "required: [nome], properties: {nome:", 36);
	at = strstr(text.data, "version: '1'");
	at[10] = '2';
	char *from = strstr(text.data, "  /retired:\n"), *to = strstr(text.data, "  /needs-pattern");
	memmove(from, to, strlen(to) + 1);
	return text_of("%s", text.data);
}

static void answer(struct http_exchange *x, int status, const char *type, const char *body)
{
	http_exchange_answer(x, status, type, span_from(body));
}

static void handle(void *arg, struct http_exchange *x)
{
	struct span path = http_exchange_path(x);
	bool mended = planted.mended;
	(void)arg;
	planted.calls++;
	planted.with_token += span_is(http_exchange_header(x, "authorization"), "Bearer t0ken");
	if (span_is(http_exchange_method(x), "OPTIONS")) {
		http_exchange_add_header(x, "Allow", span_is(path, "/secret") ? "GET, POST, DELETE" : "GET");
		answer(x, 204, "text/plain", "");
	} else if (span_is(path, "/good/7")) {
		answer(x, 200, "application/json; charset=utf-8", "{\"id\":7,\"name\":null}");
	} else if (span_is(path, "/wrong-body")) {
		answer(x, 200, "application/json", mended ? "{\"total\":3}" : "{\"total\":\"3\"}");
	} else if (span_is(path, "/wrong-status")) {
		answer(x, mended ? 200 : 500, "text/plain", "");
	} else if (span_is(path, "/wrong-type")) {
		answer(x, 200, mended ? "application/json" : "text/html", "[]");
	} else if (span_is(path, "/wrong-header")) {
		if (mended)
			http_exchange_add_header(x, "X-Total", "12");
		answer(x, 200, "text/plain", "");
	} else if (span_is(path, "/renamed")) {
		answer(x, 200, "application/json", "{\"nome\":\"x\"}");
	} else if (span_is(path, "/secret") || (span_is(path, "/missing") && mended)) {
		answer(x, 200, "text/plain", "");
	} else {
		answer(x, 404, "text/plain", "");
	}
}

static const char *document(const char *name, const char *text)
{
	const char *path = text_of("%s/%s", test_dir(), name);
	FILE *f = fopen(path, "we");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

static const char *start_server(void)
{
	struct err err;
	CHECK_OK(http_server_start(&(struct http_server_options){.handle = handle}, &planted.server, &err), err);
	return text_of("http://127.0.0.1:%d", http_server_port(planted.server));
}

static void watch_with(const char *options)
{
	start_watchers(text_of("{\"tenant\":\"acme\",\"watches\":[{\"name\":\"api\",\"watcher\":\"contract\",\"schedule\":\"never\","
	                       "\"options\":%s}]}",
	                       options));
}

TEST(every_planted_violation_is_found_and_resolved_when_it_is_mended)
{
	const char *file = document("api.yaml", version_1);
	watch_with(text_of("{\"document\":\"%s\",\"server\":\"%s\"}", file, start_server()));
	const char *record = run_watch("api");
	CHECK(strcmp(test_json(record, "/status"), "completed") == 0);
	check_finding("contract_violation", "GET /wrong-body", "open");
	check_finding("contract_violation", "GET /wrong-status", "open");
	check_finding("contract_violation", "GET /wrong-type", "open");
	check_finding("contract_violation", "GET /wrong-header", "open");
	check_finding("contract_violation", "GET /renamed", "open");
	check_finding("endpoint_missing", "GET /missing", "open");
	check_finding("endpoint_missing", "GET /retired", "open");
	check_finding("endpoint_undocumented", "DELETE /secret", "open");
	CHECK(!finding_status("contract_violation", "/good"));
	CHECK(!finding_status("endpoint_undocumented", "POST /secret"));
	CHECK(strcmp(test_json(record, "/result/violations"), "7") == 0);
	CHECK(strcmp(test_json(record, "/result/skipped"), "1") == 0);
	planted.mended = true;
	run_watch("api");
	check_finding("contract_violation", "GET /wrong-body", "resolved");
	check_finding("contract_violation", "GET /wrong-status", "resolved");
	check_finding("contract_violation", "GET /wrong-type", "resolved");
	check_finding("contract_violation", "GET /wrong-header", "resolved");
	check_finding("endpoint_missing", "GET /missing", "resolved");
	check_finding("endpoint_missing", "GET /retired", "open");
}

TEST(what_breaks_on_paper_and_live_is_told_as_that)
{
	const char *old = document("old.yaml", version_1), *new = document("new.yaml", version_2());
	planted.mended = true;
	watch_with(text_of("{\"document\":\"%s\",\"base\":\"%s\",\"server\":\"%s\"}", new, old, start_server()));
	const char *record = run_watch("api");
	check_finding("breaking_change_live", "GET /renamed: the property “name” is gone", "open");
	check_finding("breaking_change_live", "GET /retired: the path is gone", "open");
	CHECK(!finding_status("contract_violation", "/renamed")); /* it is as the new document says */
	CHECK_MSG(strcmp(test_json(record, "/result/breaking"), "2") == 0, "%s", record);
}

TEST(without_a_server_only_the_documents_are_compared)
{
	const char *old = document("old.yaml", version_1), *new = document("new.yaml", version_2());
	watch_with(text_of("{\"document\":\"%s\",\"base\":\"%s\"}", new, old));
	run_watch("api");
	check_finding("breaking_change", "GET /renamed", "open");
	check_finding("breaking_change", "GET /retired", "open");
	document("new.yaml", version_1);
	run_watch("api");
	check_finding("breaking_change", "GET /renamed", "resolved");
}

TEST(a_server_that_is_away_fails_the_run_and_resolves_nothing)
{
	const char *file = document("api.yaml", version_1);
	watch_with(text_of("{\"document\":\"%s\",\"server\":\"http://127.0.0.1:%d\"}", file, test_free_port()));
	CHECK(strcmp(test_json(run_watch("api"), "/status"), "failed") == 0);
}

TEST(values_and_limits_of_the_options_count)
{
	const char *file = document("api.yaml", version_1);
	const char *url = start_server();
	write_config(text_of("{\"tenant\":\"acme\",\"watches\":[{\"name\":\"api\",\"watcher\":\"contract\",\"schedule\":\"never\",\"options\":{"
	                     "\"document\":\"%s\",\"server\":\"%s/\",\"include\":[\"/needs-*\",\"/good*\"],\"token_env\":\"API_TOKEN\","
	                     "\"parameters\":{\"code\":\"ZZZZZZZZZ\"},\"max_calls\":1}}]}",
	                     file, url));
	test_nats_url();
	test_ready(test_spawn("gannet-watchers",
	                      (const char *[]){text_of("GANNET_WATCHERS=%s", config_path()), "API_TOKEN=t0ken", NULL}, NULL));
	const char *record = run_watch("api");
	CHECK(strcmp(test_json(record, "/result/calls"), "1") == 0);
	CHECK(strcmp(test_json(record, "/result/skipped"), "1") == 0);
	CHECK_INT(planted.with_token, planted.calls);
}

TEST(mistakes_in_the_options_are_refused)
{
	static const char *const bad[] = {"{}", "{\"document\":\"x\"}", "{\"document\":\"x\",\"server\":\"ftp://somewhere\"}"};
	test_nats_url();
	for (size_t i = 0; i < countof(bad); i++) {
		write_config(text_of("{\"watches\":[{\"name\":\"api\",\"watcher\":\"contract\",\"options\":%s}]}", bad[i]));
		struct test_process *p =
		    test_spawn("gannet-watchers", (const char *[]){text_of("GANNET_WATCHERS=%s", config_path()), NULL}, NULL);
		CHECK(test_wait_exit(p) != 0);
		CHECK_HAS(log_of(p), "options");
	}
}
