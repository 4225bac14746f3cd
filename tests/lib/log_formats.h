/* Generated logs in the formats of well-known programs, of known templates, for tests and benches of log clustering. */
#ifndef GANNET_TESTS_LOG_FORMATS_H
#define GANNET_TESTS_LOG_FORMATS_H

#include <string.h>
#include <time.h>

#include "tests/lib/logs.h"

/*
 * Besides the values of logs.h: %u user, %w user or -, %m method of HTTP, %h host, %t table, %c client software, %f number with a fraction, %l large
 * number, %b HDFS block, %s status of HTTP, and moments as %R (RFC 3339), %S (syslog), %X (nginx errors), %A (access
 * logs), %K (klog), %D (HDFS), %G (PostgreSQL), %Y (Python), %M (milliseconds), %F (seconds with a fraction).
 * A template of several lines is one event.
 */
#define FORMAT_TEMPLATES_MAX 16
struct log_format {
	const char *name;
	const char *templates[FORMAT_TEMPLATES_MAX];
};

static const struct log_format log_formats[] = {
    /* One template, as one format string writes all of it. */
    {"nginx_access", {"%I - %w [%A] \"%m %P HTTP/1.1\" %s %l \"https://shop.example.com/%W\" \"%c\""}},
    {"nginx_error",
     {"%X [error] %N#%N: *%l connect() failed (111: Connection refused) while connecting to upstream, client: %I, server: %h.example.com, request: \"GET %P HTTP/1.1\", upstream: \"http://%I:%N%P\", host: \"%h.example.com\"",
      "%X [error] %N#%N: *%l upstream timed out (110: Connection timed out) while reading response header from upstream, client: %I, server: %h.example.com, request: \"POST %P HTTP/1.1\", upstream: \"http://%I:%N%P\", host: \"%h.example.com\"",
      "%X [error] %N#%N: *%l open() \"%P\" failed (2: No such file or directory), client: %I, server: %h.example.com, request: \"GET %P HTTP/1.1\", host: \"%h.example.com\"",
      "%X [warn] %N#%N: *%l an upstream response is buffered to a temporary file %P while reading upstream, client: %I, server: %h.example.com, request: \"GET %P HTTP/1.1\"",
      "%X [crit] %N#%N: *%l SSL_do_handshake() failed (SSL: error:%H:SSL routines::bad key share) while SSL handshaking, client: %I, server: 0.0.0.0:443",
      "%X [notice] %N#%N: signal process started", "%X [alert] %N#%N: %N worker_connections are not enough"}},
    {"sshd",
     {"%S %h sshd[%l]: Failed password for %u from %I port %l ssh2", "%S %h sshd[%l]: Failed password for invalid user %u from %I port %l ssh2",
      "%S %h sshd[%l]: Accepted publickey for %u from %I port %l ssh2: RSA SHA256:%H%H", "%S %h sshd[%l]: Invalid user %u from %I port %l",
      "%S %h sshd[%l]: Connection closed by authenticating user %u %I port %l [preauth]", "%S %h sshd[%l]: Received disconnect from %I port %l:11: disconnected by user",
      "%S %h sshd[%l]: pam_unix(sshd:session): session opened for user %u(uid=%N) by (uid=0)", "%S %h sshd[%l]: pam_unix(sshd:session): session closed for user %u",
      "%S %h sshd[%l]: reverse mapping checking getaddrinfo for %W-%N.%u.net [%I] failed - POSSIBLE BREAK-IN ATTEMPT!",
      "%S %h sshd[%l]: error: maximum authentication attempts exceeded for %u from %I port %l ssh2 [preauth]", "%S %h sshd[%l]: Did not receive identification string from %I port %l"}},
    {"syslog",
     {"%S %h kernel: [%f] Out of memory: Killed process %l (%W) total-vm:%lkB, anon-rss:%lkB", "%S %h systemd[1]: Started %W.service - the %W service.",
      "%S %h systemd[1]: %W.service: Main process exited, code=exited, status=%N/FAILURE", "%S %h systemd[1]: %W.service: Failed with result 'exit-code'.",
      "%S %h CRON[%l]: (%u) CMD (%P)", "%S %h dhclient[%l]: DHCPACK of %I from %I", "%S %h kernel: [%f] EXT4-fs error (device sda%N): ext4_find_entry:%l: inode #%l: comm %W: reading directory lblock 0",
      "%S %h ntpd[%l]: synchronized to %I, stratum %N", "%S %h kernel: [%f] TCP: request_sock_TCP: Possible SYN flooding on port %N. Sending cookies."}},
    {"postgresql",
     {"%G [%l] %u@shop ERROR:  relation \"%t\" does not exist at character %N", "%G [%l] %u@shop ERROR:  duplicate key value violates unique constraint \"%t_pkey\"",
      "%G [%l] %u@shop DETAIL:  Key (id)=(%l) already exists.", "%G [%l] %u@shop ERROR:  deadlock detected", "%G [%l] %u@shop ERROR:  canceling statement due to statement timeout",
      "%G [%l] LOG:  checkpoint complete: wrote %l buffers (%f%%); 0 WAL file(s) added, %N removed, %N recycled; write=%f s, sync=%f s, total=%f s",
      "%G [%l] LOG:  checkpoint starting: time", "%G [%l] %u@shop FATAL:  password authentication failed for user \"%u\"", "%G [%l] %u@shop LOG:  duration: %f ms  execute <unnamed>: %Q",
      "%G [%l] LOG:  automatic vacuum of table \"shop.public.%t\": index scans: %N", "%G [%l] FATAL:  sorry, too many clients already"}},
    {"pino",
     {"{\"level\":30,\"time\":%M,\"pid\":%l,\"hostname\":\"%h\",\"reqId\":\"%U\",\"msg\":\"request completed\"}",
      "{\"level\":50,\"time\":%M,\"pid\":%l,\"hostname\":\"%h\",\"reqId\":\"%U\",\"msg\":\"request errored\"}",
      "{\"level\":50,\"time\":%M,\"pid\":%l,\"hostname\":\"%h\",\"msg\":\"cannot reach %W at %I:%N: connect ECONNREFUSED %I:%N\"}",
      "{\"level\":40,\"time\":%M,\"pid\":%l,\"hostname\":\"%h\",\"msg\":\"slow query on %t took %N ms\"}",
      "{\"level\":30,\"time\":%M,\"pid\":%l,\"hostname\":\"%h\",\"msg\":\"Server listening at http://%I:%N\"}",
      "{\"level\":60,\"time\":%M,\"pid\":%l,\"hostname\":\"%h\",\"msg\":\"out of file descriptors after %N connections\"}"}},
    {"zap",
     {"{\"level\":\"info\",\"ts\":%F,\"caller\":\"server/handler.go:%N\",\"msg\":\"handled request\",\"path\":\"%P\",\"status\":%N}",
      "{\"level\":\"error\",\"ts\":%F,\"caller\":\"queue/consume.go:%N\",\"msg\":\"failed to consume message %U\",\"error\":\"context deadline exceeded\"}",
      "{\"level\":\"error\",\"ts\":%F,\"caller\":\"store/pg.go:%N\",\"msg\":\"failed to begin transaction\",\"error\":\"too many clients\"}",
      "{\"level\":\"warn\",\"ts\":%F,\"caller\":\"cache/redis.go:%N\",\"msg\":\"cache unavailable, going on without\",\"addr\":\"%I:%N\"}",
      "{\"level\":\"fatal\",\"ts\":%F,\"caller\":\"main.go:%N\",\"msg\":\"listen tcp :%N: bind: address already in use\"}"}},
    {"logrus",
     {"time=\"%R\" level=info msg=\"container started\" id=%H name=%W", "time=\"%R\" level=error msg=\"container %H exited with status %N\" name=%W",
      "time=\"%R\" level=warning msg=\"image %W:%N not found, pulling\" registry=%h", "time=\"%R\" level=error msg=\"failed to pull image %W:%N: manifest unknown\" registry=%h",
      "time=\"%R\" level=info msg=\"health check passed\" name=%W took=%Nms", "time=\"%R\" level=fatal msg=\"cannot open %P: permission denied\""}},
    {"java",
     {"%G INFO  [http-nio-8080-exec-%N] c.a.shop.OrderController - Order %l placed by customer %l", "%G WARN  [HikariPool-1 housekeeper] c.z.hikari.pool.HikariPool - HikariPool-1 - Thread starvation or clock leap detected (housekeeper delta=%Ns%Nms).",
      "%G ERROR [http-nio-8080-exec-%N] c.a.shop.PaymentService - Payment %H declined\njava.lang.IllegalStateException: gateway %W answered %s\n\tat com.acme.shop.PaymentService.pay(PaymentService.java:%N)\n\tat com.acme.shop.OrderController.place(OrderController.java:%N)\n\t... %N more",
      "%G ERROR [scheduler-%N] c.a.shop.Importer - Import of %P failed\njava.io.FileNotFoundException: %P (No such file or directory)\n\tat java.base/java.io.FileInputStream.open0(Native Method)\nCaused by: java.nio.file.NoSuchFileException: %P\n\tat com.acme.shop.Importer.run(Importer.java:%N)",
      "%G ERROR [http-nio-8080-exec-%N] o.a.c.c.C.[.[.[/].[dispatcherServlet] - Servlet.service() for servlet [dispatcherServlet] threw exception\njava.lang.NullPointerException: null\n\tat com.acme.shop.Cart.total(Cart.java:%N)",
      "%G INFO  [main] o.s.b.w.e.tomcat.TomcatWebServer - Tomcat started on port(s): %N (http) with context path ''"}},
    {"klog",
     {"I%K       1 controller.go:%N] Starting workers for %W", "E%K       1 reflector.go:%N] k8s.io/client-go/informers/factory.go:%N: Failed to watch *v1.%t: the server could not find the requested resource",
      "W%K       1 warnings.go:%N] batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+", "E%K       1 kubelet_volumes.go:%N] \"There were many similar errors. Turn up verbosity to see them.\" err=\"orphaned pod\" numErrs=%N",
      "I%K       1 event.go:%N] Event occurred object=\"%W/%W\" kind=\"Pod\" reason=\"Killing\" message=\"Stopping container %W\"",
      "E%K       1 leaderelection.go:%N] error retrieving resource lock kube-system/%W: Get \"https://%I:443/api\": context deadline exceeded", "F%K       1 main.go:%N] unable to start manager: port %N is taken",
      "I%K       1 garbagecollector.go:%N] processing item [v1/Pod, namespace: %W, name: %W, uid: %U]"}},
    {"python",
     {"%Y INFO app.views: user %u logged in from %I", "%Y ERROR app.tasks: task %U raised\nTraceback (most recent call last):\n  File \"/srv/app/tasks.py\", line %N, in run\n    handler(payload)\n  File \"%P\", line %N, in handler\n    raise ValueError(payload)\nValueError: invalid amount %N for %W",
      "%Y ERROR django.request: Internal Server Error: %P\nTraceback (most recent call last):\n  File \"/srv/app/views.py\", line %N, in get\n    return cache[key]\nKeyError: 'user-%l'",
      "%Y WARNING urllib3.connectionpool: Retrying (Retry(total=%N, connect=None)) after connection broken by 'NewConnectionError': %P", "%Y CRITICAL app.worker: worker %l lost, %N tasks requeued",
      "%Y ERROR sqlalchemy.pool: The garbage collector is trying to clean up connection %H"}},
    {"hdfs",
     {"%D %N INFO dfs.DataNode$DataXceiver: Receiving block %b src: /%I:%l dest: /%I:50010", "%D %N INFO dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: blockMap updated: %I:50010 is added to %b size %l",
      "%D %N INFO dfs.DataNode$PacketResponder: PacketResponder %N for block %b terminating", "%D %N INFO dfs.DataNode$PacketResponder: Received block %b of size %l from /%I",
      "%D %N INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: %P. %b", "%D %N WARN dfs.DataNode$DataXceiver: %I:50010:Got exception while serving %b to /%I:",
      "%D %N INFO dfs.FSDataset: Deleting block %b file %P", "%D %N INFO dfs.FSNamesystem: BLOCK* ask %I:50010 to delete %b", "%D %N INFO dfs.DataBlockScanner: Verification succeeded for %b",
      "%D %N ERROR dfs.DataNode: DatanodeRegistration(%I:50010, storageID=DS-%l-%I-50010-%l):DataXceiver: java.io.EOFException"}},
};
#define LOG_FORMATS (sizeof log_formats / sizeof log_formats[0])
#define LOG_FORMATS_NOW_S INT64_C(1772000000) /* the moments lie within the day before */

static inline size_t log_format_templates(const struct log_format *f)
{
	size_t n = 0;
	while (n < FORMAT_TEMPLATES_MAX && f->templates[n])
		n++;
	return n;
}

static inline int log_format_moment(char kind, uint64_t *s, char *out, size_t bytes)
{
	time_t at = LOG_FORMATS_NOW_S - (time_t)(log_random(s) % 86000);
	unsigned ms = log_random(s) % 1000;
	const char *how = kind == 'R' ? "%Y-%m-%dT%H:%M:%SZ" : kind == 'S' ? "%b %e %H:%M:%S" : kind == 'X' ? "%Y/%m/%d %H:%M:%S"
	                  : kind == 'A' ? "%d/%b/%Y:%H:%M:%S +0000" : kind == 'K' ? "%m%d %H:%M:%S" : kind == 'D' ? "%y%m%d %H%M%S" : "%Y-%m-%d %H:%M:%S";
	struct tm t;
	if (kind == 'M')
		return snprintf(out, bytes, "%lld%03u", (long long)at, ms);
	if (kind == 'F')
		return snprintf(out, bytes, "%lld.%03u", (long long)at, ms);
	size_t n = strftime(out, bytes, how, gmtime_r(&at, &t));
	if (kind == 'G' || kind == 'K')
		n += (size_t)snprintf(out + n, bytes - n, kind == 'G' ? ".%03u UTC" : ".%06u", ms);
	if (kind == 'Y')
		n += (size_t)snprintf(out + n, bytes - n, ",%03u", ms);
	return (int)n;
}

static inline int log_format_value(char kind, uint64_t *s, char *out, size_t bytes)
{
	static const char *const users[] = {"root", "admin", "ann", "oracle", "git", "deploy", "test", "ubuntu", "bob", "pi"};
	static const char *const clients[] = {"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0", "curl/8.5.0", "Go-http-client/2.0", "kube-probe/1.29"};
	static const char *const tables[] = {"orders", "customers", "invoices", "sessions", "audit_log", "line_items", "carts"};
	static const unsigned statuses[] = {200, 201, 204, 301, 304, 404, 500, 502, 503};
	uint32_t a = log_random(s);
	switch (kind) {
	case 'u':
		return snprintf(out, bytes, "%s", users[a % 10]);
	case 'w':
		return snprintf(out, bytes, "%s", a % 3 ? "-" : users[a / 3 % 10]);
	case 'm':
		return snprintf(out, bytes, "%s", (const char *const[]){"GET", "POST", "PUT", "DELETE"}[a % 4]);
	case 'h':
		return snprintf(out, bytes, "%s-%u", a % 2 ? "web" : "db", a / 2 % 9);
	case 't':
		return snprintf(out, bytes, "%s", tables[a % 7]);
	case 'c':
		return snprintf(out, bytes, "%s", clients[a % 4]);
	case 's':
		return snprintf(out, bytes, "%u", statuses[a % 9]);
	case 'f':
		return snprintf(out, bytes, "%u.%03u", a % 500, a / 500 % 1000);
	case 'l':
		return snprintf(out, bytes, "%u", a % (a & 1024 ? 100000000 : 70000));
	case 'b':
		return snprintf(out, bytes, "blk_%s%u%u", a & 1 ? "-" : "", a, log_random(s));
	default:
		return strchr("RSXAKDGYMF", kind) ? log_format_moment(kind, s, out, bytes) : log_value(kind, s, out, bytes);
	}
}

/* One event of a template, without a line break at its end; returns its length. */
static inline size_t log_format_event(const char *template, uint64_t *state, char *out, size_t bytes)
{
	size_t n = 0;
	for (const char *t = template; *t && n + 96 < bytes; t++) {
		if (*t == '%')
			n += (size_t)log_format_value(*++t, state, out + n, bytes - n);
		else
			out[n++] = *t;
	}
	out[n] = 0;
	return n;
}

#endif
