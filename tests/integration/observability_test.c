/* Dashboards and alert rules speak of figures that services really have. */
#include <dirent.h>

#include "core/map.h"
#include "tests/integration/jobs_helpers.h"

#define FOLDER "k8s/observability"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

static void read_whole(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	CHECK_MSG(f, "cannot open %s", path);
	char *at;
	size_t n;
	while ((at = buf_reserve(out, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(out, n);
	fclose(f);
	buf_addc(out, 0);
}

/* Calls `fn` with each file of a folder whose name ends so; how many there were. */
static size_t each_file(const char *folder, const char *ending, void (*fn)(const char *path, const char *text))
{
	size_t n = 0;
	DIR *d = opendir(folder);
	CHECK_MSG(d, "no folder %s", folder);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		scoped_buf text = {0};
		const char *end = strstr(e->d_name, ending);
		if (!end || end[strlen(ending)])
			continue;
		const char *path = text_of("%s/%s", folder, e->d_name);
		read_whole(path, &text);
		fn(path, text.data);
		n++;
	}
	closedir(d);
	return n;
}

/* ---- what there is: the # TYPE lines of every service */

static struct map families;

static void add_families(const char *metrics)
{
	for (const char *at = strstr(metrics, "# TYPE "); at; at = strstr(at, "# TYPE ")) {
		at += strlen("# TYPE ");
		size_t n = strcspn(at, " ");
		map_put(&families, span_of(at, n), &families);
	}
}

static void start_all_and_read(void)
{
	DIR *d = opendir(test_bin());
	CHECK(d != NULL);
	test_postgres_url();
	test_redis_url();
	test_nats_start();
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		scoped_buf out = {0}, metrics = {0};
		if (strncmp(e->d_name, "gannet-", 7) != 0 ||
		    test_run(e->d_name, (const char *[]){"--permissions", NULL}, NULL, &out) != 0)
			continue;
		/* Traces have figures only where they are wanted; nobody is at that port. */
		const char *env[] = {text_of("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:%d", test_free_port()),
		                     "GANNET_JWT_SECRET=0123456789abcdef0123456789abcdef", "GANNET_HTTP_PORT=0", NULL};
		struct test_process *p = test_spawn(e->d_name, env, NULL);
		test_ready(p);
		CHECK_INT(test_http_get(p->health_port, "/metrics", &metrics), 200);
		buf_addc(&metrics, 0);
		add_families(metrics.data);
	}
	closedir(d);
}

/* Labels of ours with such a name. */
static bool is_label(struct span name)
{
	static const char *const labels[] = {"gen_ai_token_type", "gen_ai_request_model", "gen_ai_provider_name", "gen_ai_operation_name"};
	for (size_t i = 0; i < countof(labels); i++)
		if (span_is(name, labels[i]))
			return true;
	return false;
}

static bool is_family(struct span name)
{
	static const char *const parts[] = {"", "_bucket", "_sum", "_count"};
	for (size_t i = 0; i < countof(parts); i++) {
		size_t n = strlen(parts[i]);
		if (name.n > n && memcmp(name.p + name.n - n, parts[i], n) == 0 && map_has(&families, span_of(name.p, name.n - n)))
			return true;
	}
	return false;
}

/* Names of ours: gannet_… and gen_ai_…; recording rules have a colon in theirs. */
static void check_names(const char *path, const char *text)
{
	static const char *const ours[] = {"gannet_", "gen_ai_"};
	size_t seen = 0;
	for (size_t i = 0; i < countof(ours); i++)
		for (const char *at = strstr(text, ours[i]); at; at = strstr(at, ours[i])) {
			size_t n = strspn(at, NAME_CHARACTERS);
			bool begins = at == text || !strchr(NAME_CHARACTERS ":", at[-1]);
			CHECK_MSG(!begins || is_family(span_of(at, n)) || is_label(span_of(at, n)), "%s: no service has %.*s", path, (int)n, at);
			seen += begins;
			at += n;
		}
	(void)seen;
}

TEST(figures_of_dashboards_and_alerts_exist)
{
	start_all_and_read();
	CHECK(families.count > 10);
	CHECK(each_file(FOLDER "/dashboards", ".json", check_names) >= 2);
	CHECK(each_file(FOLDER "/rules", ".yaml", check_names) >= 2);
}

/* ---- dashboards */

static void check_dashboard(const char *path, const char *text)
{
	struct json doc, panels, panel, key, v;
	struct err err;
	CHECK_MSG(json_parse(span_from(text), &doc, &err) == STATUS_OK, "%s: %s", path, err.msg);
	CHECK_MSG(json_pointer(doc, "/uid", &v) && json_pointer(doc, "/title", &v), "%s has no uid or title", path);
	CHECK_MSG(json_pointer(doc, "/panels", &panels) && json_count(panels) > 0, "%s has no panels", path);
	for (struct json_iter it = json_iter(panels); json_next(&it, &key, &panel);) {
		struct json type;
		CHECK_MSG(json_pointer(panel, "/title", &v) && json_pointer(panel, "/type", &type), "%s: a panel has no title or type", path);
		CHECK_MSG(json_text_is(type, SPAN("row")) || json_pointer(panel, "/targets/0/expr", &v), "%s: a panel asks nothing", path);
	}
}

TEST(dashboards_are_whole)
{
	CHECK(each_file(FOLDER "/dashboards", ".json", check_dashboard) >= 2);
}

/* ---- every alert has its page */

/* A heading as the link to it: small letters, hyphens for blanks, nothing else. */
static bool has_heading(const char *page, const char *anchor, size_t n)
{
	for (const char *at = strstr(page, "\n#"); at; at = strstr(at + 1, "\n#")) {
		char made[128];
		size_t m = 0;
		for (const char *p = at + 1 + strspn(at + 1, "# "); *p && *p != '\n' && m < sizeof made; p++) {
			char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p == ' ' ? '-' : *p;
			if (strchr(NAME_CHARACTERS "-", c))
				made[m++] = c;
		}
		if (m == n && memcmp(made, anchor, n) == 0)
			return true;
	}
	return false;
}

static void check_runbooks(const char *path, const char *text)
{
	static const char link[] = "runbook: ";
	size_t alerts = 0, links = 0;
	for (const char *at = strstr(text, "- alert:"); at; at = strstr(at + 1, "- alert:"))
		alerts++;
	for (const char *at = strstr(text, link); at; at = strstr(at, link), links++) {
		scoped_buf page = {0};
		at += sizeof link - 1;
		size_t file_n = strcspn(at, "#"), n = strcspn(at, "\n");
		CHECK_MSG(file_n + 1 < n && strncmp(at, "docs/", 5) == 0, "%s: no page at %.*s", path, (int)n, at);
		read_whole(text_of("%.*s", (int)file_n, at), &page);
		CHECK_MSG(has_heading(page.data, at + file_n + 1, n - file_n - 1), "%s: there is no heading %.*s", path, (int)n, at);
	}
	CHECK_MSG(alerts == links, "%s: %zu alerts, %zu runbooks", path, alerts, links);
}

TEST(every_alert_has_a_runbook)
{
	CHECK(each_file(FOLDER "/rules", ".yaml", check_runbooks) >= 2);
}
