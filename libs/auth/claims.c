/* What a token claims: when it holds, who made it for whom, and whom it speaks of. */
#include "auth/internal.h"
#include "core/id.h"

#define SECONDS_MAX 1e11 /* far beyond every date that RFC 3339 can write */

/* NumericDate of RFC 7519 in milliseconds; false when there is none, *bad when it is no date. */
static bool date_of(struct json claims, struct span name, int64_t *ret_ms, bool *bad)
{
	struct json v;
	double seconds;
	if (!json_member(claims, name, &v))
		return false;
	if (!json_f64(v, &seconds) || seconds < 0 || seconds > SECONDS_MAX) {
		*bad = true;
		return false;
	}
	*ret_ms = (int64_t)(seconds * 1000);
	return true;
}

static enum status check_dates(const struct auth_options *o, struct json claims, int64_t now_ms,
                               struct auth_identity *ret, struct err *err)
{
	int64_t exp_ms = 0, nbf_ms = 0, iat_ms = 0;
	bool bad = false, has_exp = date_of(claims, SPAN("exp"), &exp_ms, &bad);
	bool has_nbf = date_of(claims, SPAN("nbf"), &nbf_ms, &bad), has_iat = date_of(claims, SPAN("iat"), &iat_ms, &bad);
	if (bad)
		return err_set(err, STATUS_UNAUTHORIZED, "the token has a date that is none");
	if (!has_exp)
		return err_set(err, STATUS_UNAUTHORIZED, "the token has no exp: tokens that never expire are refused");
	if (now_ms >= exp_ms + o->skew_ms)
		return err_set(err, STATUS_UNAUTHORIZED, "the token has expired");
	if ((has_nbf && now_ms < nbf_ms - o->skew_ms) || (has_iat && now_ms < iat_ms - o->skew_ms))
		return err_set(err, STATUS_UNAUTHORIZED, "the token is not valid yet");
	ret->expires_ms = exp_ms + o->skew_ms;
	return STATUS_OK;
}

static bool holds_text(struct json v, const char *text)
{
	struct json key, one;
	if (v.type == JSON_STRING)
		return json_text_is(v, span_from(text));
	for (struct json_iter it = json_iter(v); v.type == JSON_ARRAY && json_next(&it, &key, &one);)
		if (json_text_is(one, span_from(text)))
			return true;
	return false;
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

static bool add_role(struct json v, struct auth_identity *ret)
{
	scoped_arena a = {0};
	if (v.type != JSON_STRING || ret->roles_n == AUTH_ROLES_MAX)
		return false;
	struct span name = json_text(v, &a);
	return is_printable(name) && span_copy(name, ret->roles[ret->roles_n++], sizeof ret->roles[0]);
}

static bool read_roles(struct json claims, struct auth_identity *ret)
{
	struct json v, key, one;
	ret->roles_n = 0;
	if (json_member(claims, SPAN("role"), &v) && !add_role(v, ret))
		return false;
	if (!json_member(claims, SPAN("roles"), &v))
		return ret->roles_n > 0;
	if (v.type != JSON_ARRAY)
		return false;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &one);)
		if (!add_role(one, ret))
			return false;
	return ret->roles_n > 0;
}

enum status auth_claims_check(const struct auth_options *o, struct json claims, int64_t now_ms,
                              struct auth_identity *ret, struct err *err)
{
	scoped_arena a = {0};
	struct json iss, aud, sub, tenant;
	memset(ret, 0, sizeof *ret);
	if (claims.type != JSON_OBJECT)
		return err_set(err, STATUS_UNAUTHORIZED, "the token's claims are no JSON object");
	if (check_dates(o, claims, now_ms, ret, err) != STATUS_OK)
		return err->status;
	if (o->issuer && (!json_member(claims, SPAN("iss"), &iss) || !json_text_is(iss, span_from(o->issuer))))
		return err_set(err, STATUS_UNAUTHORIZED, "the token is of another issuer");
	if (o->audience && (!json_member(claims, SPAN("aud"), &aud) || !holds_text(aud, o->audience)))
		return err_set(err, STATUS_UNAUTHORIZED, "the token is for another audience");
	struct span user = json_member(claims, SPAN("sub"), &sub) ? json_text(sub, &a) : (struct span){0};
	if (!user.p || !is_printable(user) || !span_copy(user, ret->user, sizeof ret->user))
		return err_set(err, STATUS_UNAUTHORIZED, "the token's sub is not 1 to %d bytes of text", AUTH_USER_MAX);
	struct span of = json_member(claims, SPAN("tenant"), &tenant) ? json_text(tenant, &a) : (struct span){0};
	if (!of.p || !id_is_tenant(of) || !span_copy(of, ret->tenant, sizeof ret->tenant))
		return err_set(err, STATUS_UNAUTHORIZED, "the token's tenant is not 1 to %d of a-z 0-9 _ -", AUTH_TENANT_MAX);
	if (!read_roles(claims, ret))
		return err_set(err, STATUS_UNAUTHORIZED, "the token has no role, or more than %d, or one of no text",
		               AUTH_ROLES_MAX);
	return STATUS_OK;
}

bool auth_has_role(const struct auth_identity *who, const char *role)
{
	for (size_t i = 0; i < who->roles_n; i++)
		if (strcmp(who->roles[i], role) == 0)
			return true;
	return false;
}
