/* Posting JSON to a URL of the configuration, for targets that are nothing but that. */
#ifndef GANNET_NOTIFIER_POST_H
#define GANNET_NOTIFIER_POST_H

#include "http/client.h"
#include "target.h"

/* url is there and https:// (http:// for loopback addresses only). */
enum status post_check(const struct target *t, struct err *err) must_check;
/* 2xx is OK; 429 and 5xx are retryable (retry-after is minded), anything else is not. No secret gets into `err`. */
enum status post_json(struct dealing *d, const struct http_header *headers, size_t n, struct span body,
                      struct err *err) must_check;

#endif
