/* Log files: the last bytes of each, line by line, text or JSON. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "diagnose/line.h"
#include "services/watchers/source.h"

#define BYTES_DEFAULT (64 << 20)
#define FILES_MAX 256
#define PAUSE_LINES 20000

static enum status check(const struct diagnosis_source *o, struct err *err)
{
	if (o->paths.type != JSON_ARRAY || !json_count(o->paths))
		return err_field(err, STATUS_INVALID, "paths", "paths: at least one is required");
	return STATUS_OK;
}

struct reading {
	struct watch_run *run;
	struct diagnosis *d;
	struct span source;
	int64_t now_ms, since_ms, at_ms; /* at_ms: of the last line that had a moment */
	struct arena arena;
};

static void add_line(struct reading *r, struct span raw)
{
	struct log_line line;
	log_line_read(raw, r->now_ms, &r->arena, &line);
	if (line.dated)
		r->at_ms = line.at_ms;
	if (line.message.n && !line.continues && r->at_ms >= r->since_ms)
		diagnosis_add_line(r->d, r->source, r->at_ms, log_line_text(&line, &r->arena));
	arena_reset(&r->arena);
}

static enum status read_lines(struct reading *r, FILE *f, bool cut, struct err *err)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	enum status s = STATUS_OK;
	for (long i = 0; s == STATUS_OK && (n = getline(&line, &cap, f)) >= 0; i++) {
		if (!(cut && i == 0)) /* the rest of a line that began before */
			add_line(r, span_of(line, (size_t)n));
		if (i % PAUSE_LINES == PAUSE_LINES - 1 && run_pause(r->run))
			s = err_set(err, STATUS_CANCELLED, "told to end");
	}
	free(line);
	return s;
}

static enum status read_file(struct watch_run *run, const struct diagnosis_source *o, const char *path,
                             int64_t since_ms, struct diagnosis *d, struct err *err)
{
	struct stat st;
	const char *name = strrchr(path, '/');
	FILE *f = fopen(path, "re");
	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		if (f)
			fclose(f);
		return err_set(err, STATUS_NOT_FOUND, "cannot read %.200s as a file: %s", path, strerror(errno));
	}
	/* Lines without a moment of their own are as old as the file's last change, or the line before. */
	struct reading r = {.run = run, .d = d, .now_ms = clock_wall_ms(run->w->clock), .since_ms = since_ms, .at_ms = (int64_t)st.st_mtim.tv_sec * 1000};
	r.source = o->service.n ? o->service : span_from(name ? name + 1 : path);
	int64_t most = o->max_bytes.set ? o->max_bytes.v : BYTES_DEFAULT;
	bool cut = st.st_size > most && fseeko(f, st.st_size - (off_t)most, SEEK_SET) == 0;
	enum status s = read_lines(&r, f, cut, err);
	fclose(f);
	arena_free(&r.arena);
	return s;
}

static enum status pull(struct watch_run *r, const struct diagnosis_source *o, int64_t since_ms, struct diagnosis *d,
                        struct err *err)
{
	struct json key, item;
	size_t files = 0;
	for (struct json_iter it = json_iter(o->paths); json_next(&it, &key, &item);) {
		glob_t found;
		enum status s = STATUS_OK;
		const char *pattern = arena_cstr(r->arena, json_text(item, r->arena));
		int failed = glob(pattern, 0, NULL, &found);
		if (failed == GLOB_NOMATCH)
			continue; /* no file yet is no trouble */
		if (failed)
			return err_set(err, STATUS_UNAVAILABLE, "cannot look for %.200s", pattern);
		for (size_t i = 0; s == STATUS_OK && i < found.gl_pathc && files < FILES_MAX; i++, files++)
			s = read_file(r, o, found.gl_pathv[i], since_ms, d, err);
		globfree(&found);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

const struct signal_source signal_source_logs = {SOURCE_LOGS, "logs", check, pull};
