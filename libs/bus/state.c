/* Facts about streams and consumers, asked from the server. */
#include <stdio.h>

#include "bus/internal.h"
#include "bus/topology.h"

enum status bus_stream_state(struct bus *b, const char *stream, struct bus_stream_state *ret, struct err *err)
{
	char subject[300];
	snprintf(subject, sizeof subject, "STREAM.INFO.%s", stream);
	scoped_buf answer = {0};
	scoped_arena a = {0};
	struct json doc, created;
	struct bus_stream_state s;
	int code;
	if (bus_api(b, subject, SPAN(""), &answer, &doc, &code, err) != STATUS_OK)
		return err->status;
	if (!json_member(doc, SPAN("created"), &created) || !rfc3339_parse(json_text(created, &a), &s.created_ms))
		return err_set(err, STATUS_INTERNAL, "stream %s: its date of creation is missing or not understood", stream);
	s.messages = bus_api_u64(doc, "/state/messages");
	s.bytes = bus_api_u64(doc, "/state/bytes");
	s.first_sequence = bus_api_u64(doc, "/state/first_seq");
	s.last_sequence = bus_api_u64(doc, "/state/last_seq");
	*ret = s;
	return STATUS_OK;
}

enum status bus_consumer_state(struct bus *b, const char *stream, const char *consumer, struct bus_consumer_state *ret,
                               struct err *err)
{
	char subject[300];
	snprintf(subject, sizeof subject, "CONSUMER.INFO.%s.%s", stream, consumer);
	scoped_buf answer = {0};
	struct json doc;
	int code;
	if (bus_api(b, subject, SPAN(""), &answer, &doc, &code, err) != STATUS_OK)
		return err->status;
	*ret = (struct bus_consumer_state){.waiting = bus_api_u64(doc, "/num_pending"),
	                                   .ack_pending = bus_api_u64(doc, "/num_ack_pending"),
	                                   .redelivered = bus_api_u64(doc, "/num_redelivered"),
	                                   .acknowledged = bus_api_u64(doc, "/ack_floor/stream_seq")};
	return STATUS_OK;
}

enum status bus_consumer_delete(struct bus *b, const char *stream, const char *consumer, struct err *err)
{
	char subject[300];
	snprintf(subject, sizeof subject, "CONSUMER.DELETE.%s.%s", stream, consumer);
	scoped_buf answer = {0};
	struct json doc;
	int code;
	enum status s = bus_api(b, subject, SPAN(""), &answer, &doc, &code, err);
	return code == BUS_API_CONSUMER_NOT_FOUND ? STATUS_OK : s;
}

/* Both lists come in pages, and say how many there are in all. */
enum status bus_stream_consumers(struct bus *b, const char *stream, void (*fn)(void *arg, const struct bus_consumer_place *c), void *arg,
                                 struct err *err)
{
	char subject[300], body[48];
	snprintf(subject, sizeof subject, "CONSUMER.LIST.%s", stream);
	scoped_buf answer = {0};
	scoped_arena a = {0};
	struct json doc, list, key, consumer, filter;
	size_t seen = 0, page;
	uint64_t total;
	int code;
	do {
		int n = snprintf(body, sizeof body, "{\"offset\":%zu}", seen);
		if (bus_api(b, subject, span_of(body, (size_t)n), &answer, &doc, &code, err) != STATUS_OK)
			return err->status;
		total = bus_api_u64(doc, "/total");
		page = 0;
		if (!json_pointer(doc, "/consumers", &list))
			break;
		for (struct json_iter it = json_iter(list); json_next(&it, &key, &consumer); page++)
			if (json_pointer(consumer, "/config/filter_subject", &filter))
				fn(arg, &(struct bus_consumer_place){arena_cstr(&a, json_text(filter, &a)),
				                                     bus_api_u64(consumer, "/delivered/stream_seq")});
		seen += page;
	} while (page && seen < total);
	return STATUS_OK;
}

enum status bus_stream_subjects(struct bus *b, const char *stream, const char *filter,
                                void (*fn)(void *arg, struct span subject, uint64_t messages), void *arg,
                                struct err *err)
{
	char subject[300];
	snprintf(subject, sizeof subject, "STREAM.INFO.%s", stream);
	scoped_buf answer = {0}, body = {0};
	scoped_arena a = {0};
	struct json doc, subjects, key, count;
	size_t seen = 0, page;
	uint64_t total;
	int code;
	do {
		buf_reset(&body);
		struct json_writer w = {.out = &body};
		json_begin_object(&w);
		json_kv_cstr(&w, "subjects_filter", filter);
		json_kv_i64(&w, "offset", (int64_t)seen);
		json_end_object(&w);
		if (bus_api(b, subject, buf_span(&body), &answer, &doc, &code, err) != STATUS_OK)
			return err->status;
		total = bus_api_u64(doc, "/total");
		page = 0;
		if (!json_pointer(doc, "/state/subjects", &subjects))
			break;
		for (struct json_iter it = json_iter(subjects); json_next(&it, &key, &count); page++) {
			int64_t n = 0;
			json_i64(count, &n);
			fn(arg, json_text(key, &a), (uint64_t)n);
		}
		seen += page;
	} while (page && seen < total);
	return STATUS_OK;
}
