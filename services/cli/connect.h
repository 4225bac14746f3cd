/* The way from a command to NATS: which server, connecting, requests and their errors. */
#ifndef GANNET_CLI_CONNECT_H
#define GANNET_CLI_CONNECT_H

#include "services/cli/command.h"

#define REQUEST_TIMEOUT_MS 5000
/* --timeout, else REQUEST_TIMEOUT_MS. */
int cli_timeout_ms(const struct cli *c);

/* A variable of ./var/env, which `make up` writes; NULL when it is not there. */
const char *cli_env_file(struct arena *a, const char *name);
/* Fills `err` with a sentence that says what to do. Once connected it does nothing. */
enum status cli_connect(struct cli *c, struct err *err) must_check;
/* Asks gannet.<tenant>.<what>, which `program` answers, connecting first; `reply` is JSON. */
enum status cli_ask(struct cli *c, const char *program, const char *what, struct span body, struct buf *reply,
                    struct err *err) must_check;
/* And reads the answer, which lies in `reply`. */
enum status cli_ask_json(struct cli *c, const char *program, const char *what, struct span body, struct buf *reply,
                         struct json *ret, struct err *err) must_check;
/* Asks gannet.<tenant>.jobs.<verb>, connecting first; `reply` is JSON. */
enum status cli_request(struct cli *c, const char *verb, struct span body, struct buf *reply,
                        struct err *err) must_check;
/* The same for {"job_id": id}. */
enum status cli_request_job(struct cli *c, const char *verb, struct span job_id, struct buf *reply,
                            struct err *err) must_check;
/* Refuses what cannot be an id before anything is sent. What begins with "out-" is an output's id and stands for its
 * job. */
enum status cli_job_id(const char *given, struct span *ret, struct err *err) must_check;

#endif
