/* /events: what happens, as it happens, as server-sent events. */
#include "services/gateway/gateway.h"

static const struct route_parameter parameters[] = {
    {"subjects", "query",
     "What to follow, comma separated: filters as in NATS, without \"gannet.<tenant>.\" in front. Allowed are filters "
     "within jobs.event.>, jobs.stream.>, records.result.>, snapshot.taken, reasoning.completed, actions.completed, "
     "findings.> and signals.>; for role user within jobs.event.>, of which its own jobs' events come.",
     "jobs.event.completed.*,reasoning.completed", true},
    {"Last-Event-ID", "header", "The id of the last event that was received: the stream goes on behind it.", "e.4711.17",
     false},
};

static const int too_many[] = {0};
static const struct route rows[] = {
    {"GET", "/events", "followEvents", "Follow what happens",
     "Each event's data is {\"subject\", \"timestamp\", \"data\"}; its id goes into Last-Event-ID (or the parameter "
     "last_event_id) to go on where a connection broke. A comment comes when nothing else does. Events named `error` "
     "end the stream and say why: a client that reads too slowly, a token that expired, the gateway's end. An event "
     "named `reset` says that what lies between the last event and the next is not there any more.",
     .roles = roles_everyone, .success = 200, .errors = too_many, .handle = events_handle,
     .content_type = "text/event-stream", .parameters = parameters, .parameters_n = countof(parameters)},
};

const struct route_area route_area_events = {"Events", "What happens, as it happens.", rows, countof(rows)};
