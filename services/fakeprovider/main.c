/* gannet-fakeprovider: an LLM provider for tests, which answers as it is told to. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/env.h"
#include "core/log.h"
#include "fake.h"
#include "service/service.h"

#define OPTION(member) offsetof(struct fake_config, member)
static const struct env_option options[] = {
    {"PORT", ENV_INT, OPTION(port), "8089", 0, 65535,
     "port to listen on; 0 takes any free one, see the line \"ready\" of the log"},
    {"FAKE_BIND", ENV_TEXT, OPTION(bind), "127.0.0.1", .help = "address to listen on"},
    {"FAKE_SCRIPT", ENV_TEXT, OPTION(script), NULL, .help = "file of rules for answers, read again on SIGHUP"},
    {"FAKE_SEED", ENV_INT, OPTION(seed), "1", 0, INT64_MAX, "for all that is random or made up"},
    {"FAKE_API_KEY", ENV_TEXT, OPTION(api_key), NULL, .help = "the one key that is accepted; unset: any, or none",
     .secret = true},
    {"FAKE_LOG_ENTRIES", ENV_INT, OPTION(log_entries), "10000", 1, 1000000, "requests that GET /log remembers"},
    {"FAKE_LOG_BODIES", ENV_INT, OPTION(log_bodies), "100", 0, 10000,
     "of these, how many with their bodies (GET /log?bodies=1)"},
    {"FAKE_MAX_CONNECTIONS", ENV_INT, OPTION(max_connections), "4096", 1, 100000,
     "connections at once; more have to wait"},
    {"FAKE_MAX_BODY", ENV_INT, OPTION(max_body_bytes), "16777216", 1, 1 << 30, "bytes of a request; more get 413"},
    {"LOG_LEVEL", ENV_TEXT, OPTION(log_level), "INFO", .help = "DEBUG, INFO, WARN or ERROR"},
};

static void print_help(void)
{
	scoped_buf out = {0};
	buf_adds(&out, "gannet-fakeprovider: an LLM provider for tests, which answers as it is told to\n\n"
	               "OpenAI:    /v1/chat/completions, /v1/embeddings, /v1/models\n"
	               "Anthropic: /v1/messages\n"
	               "Ollama:    /api/chat, /api/embed, /api/tags\n"
	               "Its own:   GET /log, /stats and /health, POST /reset\n\n");
	behaviour_help(&out);
	buf_adds(&out, "\nOptions of gannet-fakeprovider:\n");
	env_help(options, countof(options), &out);
	fputs(out.data, stdout);
}

static enum status open_script(struct fake *f, struct err *err)
{
	struct script *script, *old;
	enum status s = script_load(f->config.script, f->config.seed, &script, err);
	if (s != STATUS_OK)
		return s;
	pthread_mutex_lock(&f->script_lock);
	old = f->script;
	f->script = script;
	pthread_mutex_unlock(&f->script_lock);
	script_free(old);
	return STATUS_OK;
}

struct process {
	struct fake fake;
	struct loop *loop;
	struct http_server *server;
	int signals;
};

static void on_signal(void *arg, int fd, int events)
{
	struct process *p = arg;
	struct signalfd_siginfo info;
	struct err err = {0};
	(void)events;
	if (read(fd, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo != SIGHUP)
		loop_stop(p->loop);
	else if (open_script(&p->fake, &err) == STATUS_OK)
		log_fields(LOG_INFO, "script read again", LOG_I("rules", (int64_t)script_rules(p->fake.script)));
	else
		log_error("script not changed", &err);
}

/* Before any thread starts: all of them inherit the mask. */
static enum status catch_signals(struct process *p, struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signals < 0 || !loop_fd_watch(p->loop, p->signals, LOOP_READ, on_signal, p))
		return err_set(err, STATUS_INTERNAL, "cannot wait for signals: %s", strerror(errno));
	return STATUS_OK;
}

static void allow_many_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum status start(struct process *p, struct err *err)
{
	struct fake *f = &p->fake;
	enum status s = loop_new(&p->loop, err);
	if (s == STATUS_OK)
		s = catch_signals(p, err);
	if (s == STATUS_OK)
		s = open_script(f, err);
	if (s != STATUS_OK)
		return s;
	allow_many_descriptors();
	f->ledger = ledger_new((size_t)f->config.log_entries, (size_t)f->config.log_bodies);
	f->schedule = schedule_new(p->loop, f->ledger);
	const struct http_server_options o = {.bind = f->config.bind,
	                                      .port = (uint16_t)f->config.port,
	                                      .max_body_bytes = (size_t)f->config.max_body_bytes,
	                                      .max_connections = (unsigned)f->config.max_connections,
	                                      .idle_timeout_s = 300,
	                                      .handle = fake_handle,
	                                      .arg = f};
	return http_server_start(&o, &p->server, err);
}

static void stop(struct process *p)
{
	http_server_stop(p->server);
	if (p->fake.schedule)
		schedule_free(p->fake.schedule);
	if (p->fake.ledger)
		ledger_free(p->fake.ledger);
	script_free(p->fake.script);
	loop_free(p->loop);
	if (p->signals > 0)
		close(p->signals);
}

static int run(void)
{
	static struct process p = {.fake.script_lock = PTHREAD_MUTEX_INITIALIZER};
	struct err err = {0};
	enum log_level level = LOG_INFO;
	char instance[32];
	snprintf(instance, sizeof instance, "fakeprovider-%d", getpid());
	enum status s = env_load(options, countof(options), &p.fake.config, &err);
	if (s == STATUS_OK && !log_parse_level(span_from(p.fake.config.log_level), &level))
		s = err_field(&err, STATUS_INVALID, "LOG_LEVEL", "LOG_LEVEL: \"%s\" is not DEBUG, INFO, WARN or ERROR",
		              p.fake.config.log_level);
	log_init("fakeprovider", instance, level, &clock_system);
	if (s == STATUS_OK)
		s = start(&p, &err);
	if (s == STATUS_OK) {
		log_fields(LOG_INFO, "ready", LOG_C("version", GANNET_VERSION), LOG_C("bind", p.fake.config.bind),
		           LOG_I("port", http_server_port(p.server)), LOG_I("rules", (int64_t)script_rules(p.fake.script)));
		loop_run(p.loop);
		log_fields(LOG_INFO, "ended", LOG_I("pid", getpid()));
	} else {
		log_error("cannot start", &err);
	}
	stop(&p);
	return s == STATUS_OK ? 0 : 1;
}

static int ask_health(void)
{
	struct fake_config config = {0};
	struct err err = {0};
	if (env_load(options, countof(options), &config, &err) == STATUS_OK)
		return service_ask_health(config.bind, config.port, "/health");
	fprintf(stderr, "%s\n", err.msg);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run();
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_help();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("gannet-fakeprovider %s (%s)\n", GANNET_VERSION, GANNET_COMMIT);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--health") == 0)
		return ask_health();
	fprintf(stderr,
	        "gannet-fakeprovider takes no arguments but --help, --version and --health; it is configured by the environment\n");
	return 2;
}
