/* A thread with a letter box: what client threads receive is dealt with here, one after the other. */
#ifndef GANNET_REASONING_MAILBOX_H
#define GANNET_REASONING_MAILBOX_H

#include "bus/pull.h"

/* Either a delivery or a plain message, copied. */
struct mail {
	struct mail *next;
	bool is_delivery;
	struct bus_delivery delivery;
	char *subject, *data; /* NUL-terminated */
	size_t data_n;
};

struct mailbox;
struct mailbox_options {
	/* Owns the mail's delivery meanwhile; it is freed afterwards. */
	void (*open)(void *arg, struct mail *m);
	void (*idle)(void *arg); /* MAY: about once a second */
	void *arg;
};
enum status mailbox_start(const struct mailbox_options *o, struct mailbox **ret, struct err *err) must_check;
/* A bus_delivery_fn whose argument is the mailbox. */
void mailbox_deliver(void *mailbox, struct bus_delivery *d);
/* A subscription's callback whose argument is the mailbox. */
void mailbox_message(void *mailbox, const struct bus_in *m);
/* Finishes the letter in hand; the others, and what still arrives, are dropped to be delivered again. NULL is fine. */
void mailbox_stop(struct mailbox *m);
void mailbox_free(struct mailbox *m); /* after nothing can arrive any more; NULL is fine */

#endif
