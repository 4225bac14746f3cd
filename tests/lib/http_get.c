/* The smallest HTTP client that can ask a service how it is. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/lib/process.h"
#include "tests/lib/servers.h"

#define ANSWER_WAIT_S 20

/* HTTP/1.0: no chunks, and the connection's end is the body's. */
int test_http_get(int port, const char *path, struct buf *body)
{
	int fd, status = 0;
	char request[1024];
	scoped_buf answer = {0};
	buf_reset(body);
	if (!process_listens(port, &fd))
		return 0;
	struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	int n = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", path);
	CHECK(n < (int)sizeof request);
	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) == n) {
		ssize_t got;
		char *at;
		while ((at = buf_reserve(&answer, 65536)) && (got = read(fd, at, 65536)) > 0)
			buf_commit(&answer, (size_t)got);
	}
	close(fd);
	const char *end = answer.len ? strstr(answer.data, "\r\n\r\n") : NULL;
	if (!end || sscanf(answer.data, "HTTP/1.%*d %d", &status) != 1)
		return 0;
	buf_add(body, end + 4, answer.len - (size_t)(end + 4 - answer.data));
	return status;
}
