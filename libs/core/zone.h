/* Time zones of the IANA database, read by ourselves: local time and UTC in any zone from any thread. */
#ifndef GANNET_CORE_ZONE_H
#define GANNET_CORE_ZONE_H

#include "core/span.h"
#include "core/status.h"

/*
 * The C library knows one zone a process (TZ), and setting it is not thread-safe. A struct zone is immutable once
 * loaded and may be shared by threads. Leap seconds are not counted, as in POSIX time.
 */
struct zone;

#define ZONE_NAME_MAX 64
#define ZONE_FILE_MAX ((size_t)256 << 10) /* bytes of a TZif file (RFC 8536) */

/*
 * "Europe/Berlin" out of the system's database; "UTC" is known without one. NOT_FOUND names the zone; the field is left
 * to the caller.
 */
enum status zone_load(const char *name, struct zone **ret, struct err *err) must_check;
/* A TZif document of version 2 or later, transitions and the rule for what comes after them. */
enum status zone_parse(struct span tzif, struct zone **ret, struct err *err) must_check;
void zone_free(struct zone *z); /* NULL is fine */

/* Seconds east of UTC in force at a moment. */
int64_t zone_offset_s(const struct zone *z, int64_t utc_s);

/*
 * Moments at which clocks show `local_s` (seconds since 1970 as if local time were UTC): ONCE; TWICE where clocks are
 * set back, the earlier one first; NEVER where they are set forward, and then ret_utc_s[0] is when they are.
 */
enum zone_local { ZONE_ONCE, ZONE_TWICE, ZONE_NEVER };
enum zone_local zone_from_local(const struct zone *z, int64_t local_s, int64_t ret_utc_s[2]);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. Month and day count from 1. */
int64_t date_days(int64_t year, int month, int day);
void date_of_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

#endif
