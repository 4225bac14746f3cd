/* Message ids that nobody outside the suite can guess. */
#ifndef GANNET_BUS_PRIVATE_ID_H
#define GANNET_BUS_PRIVATE_ID_H

#include "bus/bus.h"

/*
 * The broker drops a message whose Nats-Msg-Id its stream has seen, whoever sent the first one, and who submits jobs chooses
 * their ids. So the ids of what the suite itself stores beside submissions are keyed hashes of their names. The key is in
 * the bucket BUCKET_KEYS, which only services may read; the first one makes it. If it is lost, the next service that starts
 * makes another: until all have it, what two of them say twice is recognised by the database and not by the broker.
 */
#define BUS_PRIVATE_ID_BYTES 33 /* 32 hexadecimal digits */

/* Reads the key, or makes it; the bucket must exist. Blocks for a few round trips. Before the first bus_private_id(), once. */
enum status bus_private_ids_open(struct bus *b, struct err *err) must_check;
/* The id of what is called so, the same from all services. Any thread. */
void bus_private_id(const struct bus *b, const char *name, char out[BUS_PRIVATE_ID_BYTES]);

#endif
