#include "service/trouble.h"

#include "core/log.h"

void trouble_note(struct trouble *t, const struct err *err)
{
	pthread_mutex_lock(&t->mu);
	bool lasted = t->err.status != STATUS_OK;
	t->err = err ? *err : (struct err){0};
	pthread_mutex_unlock(&t->mu);
	if (err && !lasted)
		log_error(t->begins, err);
	if (!err && lasted)
		log_fields(LOG_INFO, t->ends);
}

enum status trouble_check(void *trouble, struct err *err)
{
	struct trouble *t = trouble;
	pthread_mutex_lock(&t->mu);
	*err = t->err;
	pthread_mutex_unlock(&t->mu);
	return err->status;
}
