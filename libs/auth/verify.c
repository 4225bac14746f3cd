/* The verifier: keys that may change while it runs, and the way of a token through it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/internal.h"

#define LOOK_EVERY_MS 1000 /* at the JWKS file */

struct auth {
	struct auth_options o;
	struct auth_cache *cache;
	atomic_int_fast64_t looked_ms;
	pthread_mutex_t look; /* one thread looks at the file; guards `seen` */
	struct stat seen;
	pthread_rwlock_t lock; /* guards all below */
	struct auth_key_set *keys;
	uint64_t generation; /* grows with every change of the keys */
	struct err broken;   /* of the last try to read the file */
};

static enum status read_file(const char *path, struct buf *out, struct stat *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, ret) != 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return err_field(err, STATUS_INVALID, "jwks_path", "cannot read %.200s: %s", path, strerror(e));
	}
	char bytes[4096];
	ssize_t n;
	out->max_bytes = AUTH_JWKS_MAX + 1;
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		buf_add(out, bytes, (size_t)n);
	close(fd);
	if (n < 0 || out->overflow)
		return err_field(err, STATUS_INVALID, "jwks_path", "%.200s cannot be read, or is larger than %zu bytes", path,
		                 AUTH_JWKS_MAX);
	return STATUS_OK;
}

static enum status gather(const struct auth_options *o, struct auth_key_set *s, struct stat *seen, struct err *err)
{
	enum status e = STATUS_OK;
	if (o->secret.p)
		e = auth_key_secret(s, o->secret, err);
	if (e == STATUS_OK && o->public_key.p)
		e = auth_key_pem(s, o->public_key, err);
	if (e == STATUS_OK && o->jwks_path) {
		scoped_buf text = {0};
		e = read_file(o->jwks_path, &text, seen, err);
		if (e == STATUS_OK)
			e = auth_jwks_add(s, buf_span(&text), err);
	}
	if (e == STATUS_OK && s->n == 0)
		e = err_set(err, STATUS_INVALID, "there is no key to check tokens with");
	return e;
}

static struct auth_key_set *new_set(void)
{
	struct auth_key_set *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	return s;
}

static void free_set(struct auth_key_set *s)
{
	auth_key_set_free(s);
	free(s);
}

enum status auth_open(const struct auth_options *o, struct auth **ret, struct err *err)
{
	struct auth_key_set *keys = new_set();
	struct stat seen = {0};
	if (gather(o, keys, &seen, err) != STATUS_OK) {
		free_set(keys);
		return err->status;
	}
	struct auth *a = calloc(1, sizeof *a);
	if (!a)
		abort();
	*a = (struct auth){.o = *o, .cache = auth_cache_new(), .seen = seen, .keys = keys, .generation = 1};
	atomic_init(&a->looked_ms, clock_mono_ms(o->clock));
	pthread_mutex_init(&a->look, NULL);
	pthread_rwlock_init(&a->lock, NULL);
	*ret = a;
	return STATUS_OK;
}

void auth_close(struct auth *a)
{
	if (!a)
		return;
	free_set(a->keys);
	auth_cache_free(a->cache);
	pthread_rwlock_destroy(&a->lock);
	pthread_mutex_destroy(&a->look);
	free(a);
}

static bool is_same(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino && x->st_size == y->st_size &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

/* Under a->look. A file that cannot be used leaves the keys as they are. */
static void read_again(struct auth *a)
{
	struct auth_key_set *keys = new_set();
	struct stat seen = {0};
	struct err err = {0};
	bool good = gather(&a->o, keys, &seen, &err) == STATUS_OK;
	a->seen = seen;
	pthread_rwlock_wrlock(&a->lock);
	a->broken = err;
	if (good) {
		struct auth_key_set *before = a->keys;
		a->keys = keys;
		a->generation++;
		keys = before;
	}
	pthread_rwlock_unlock(&a->lock);
	free_set(keys);
}

static void look_at_file(struct auth *a)
{
	int64_t now_ms = clock_mono_ms(a->o.clock);
	if (!a->o.jwks_path || now_ms - atomic_load_explicit(&a->looked_ms, memory_order_relaxed) < LOOK_EVERY_MS ||
	    pthread_mutex_trylock(&a->look) != 0)
		return;
	struct stat now = {0};
	atomic_store(&a->looked_ms, now_ms);
	if (stat(a->o.jwks_path, &now) != 0 || !is_same(&now, &a->seen))
		read_again(a);
	pthread_mutex_unlock(&a->look);
}

size_t auth_keys(struct auth *a)
{
	pthread_rwlock_rdlock(&a->lock);
	size_t n = a->keys->n;
	pthread_rwlock_unlock(&a->lock);
	return n;
}

enum status auth_keys_check(struct auth *a, struct err *err)
{
	look_at_file(a);
	pthread_rwlock_rdlock(&a->lock);
	enum status s = a->broken.status;
	if (s != STATUS_OK)
		*err = a->broken;
	pthread_rwlock_unlock(&a->lock);
	return s;
}

/* ---- one token */

struct parts {
	struct span input; /* what is signed: header and payload as they came */
	struct buf header, payload, signature;
};

static void free_parts(struct parts *p)
{
	buf_free(&p->header);
	buf_free(&p->payload);
	buf_free(&p->signature);
}

static bool take_apart(struct span token, struct parts *p)
{
	struct span rest = token, header = span_cut(&rest, '.'), payload = {0};
	if (rest.p)
		payload = span_cut(&rest, '.');
	if (!rest.p || memchr(rest.p, '.', rest.n) || !header.n || !payload.n)
		return false;
	p->input = span_of(token.p, header.n + 1 + payload.n);
	return auth_base64_decode(header, &p->header) && auth_base64_decode(payload, &p->payload) &&
	       auth_base64_decode(rest, &p->signature);
}

static bool type_is_ours(struct json header)
{
	struct json typ;
	scoped_arena a = {0};
	if (!json_member(header, SPAN("typ"), &typ))
		return true;
	struct span s = json_text(typ, &a);
	return s.p && ((s.n == 3 && strncasecmp(s.p, "JWT", 3) == 0) || (s.n == 6 && strncasecmp(s.p, "at+jwt", 6) == 0));
}

/* Under the lock for reading. Keys without a kid are for tokens of any, keys with one only for theirs and for tokens without. */
static enum status check_signature(const struct auth_key_set *keys, struct json header, const struct parts *p, struct err *err)
{
	struct json algorithm, kid = {0}, crit;
	if (header.type != JSON_OBJECT || !json_member(header, SPAN("alg"), &algorithm) || algorithm.type != JSON_STRING ||
	    !type_is_ours(header))
		return err_set(err, STATUS_UNAUTHORIZED, "the token's header is not that of a JWT");
	if (json_member(header, SPAN("crit"), &crit))
		return err_set(err, STATUS_UNAUTHORIZED, "the token needs extensions that are not known");
	bool has_kid = json_member(header, SPAN("kid"), &kid), known_kid = false, known_algorithm = false;
	if (has_kid && kid.type != JSON_STRING)
		return err_set(err, STATUS_UNAUTHORIZED, "the token's kid is no text");
	for (size_t i = 0; i < keys->n; i++) {
		const struct auth_key *k = &keys->keys[i];
		if (has_kid && k->kid[0] && !json_text_is(kid, span_from(k->kid)))
			continue;
		known_kid = true;
		if (!json_text_is(algorithm, span_from(auth_algorithm_names[k->algorithm])))
			continue;
		known_algorithm = true;
		if (auth_signature_holds(k, p->input, buf_span(&p->signature)))
			return STATUS_OK;
	}
	if (!known_kid)
		return err_set(err, STATUS_UNAUTHORIZED, "the token's kid names no key that is known");
	if (!known_algorithm)
		return err_set(err, STATUS_UNAUTHORIZED, "the token's alg is not that of the key");
	return err_set(err, STATUS_UNAUTHORIZED, "the token's signature is wrong");
}

static enum status verify_parts(struct auth *a, const struct parts *p, uint64_t *ret_generation,
                                struct auth_identity *ret, struct err *err)
{
	struct json header, claims;
	struct err bad;
	if (json_parse(buf_span(&p->header), &header, &bad) != STATUS_OK)
		return err_set(err, STATUS_UNAUTHORIZED, "the token's header is not that of a JWT");
	pthread_rwlock_rdlock(&a->lock);
	*ret_generation = a->generation;
	enum status s = check_signature(a->keys, header, p, err);
	pthread_rwlock_unlock(&a->lock);
	if (s != STATUS_OK)
		return s;
	if (json_parse(buf_span(&p->payload), &claims, &bad) != STATUS_OK)
		return err_set(err, STATUS_UNAUTHORIZED, "the token's claims are no JSON object");
	return auth_claims_check(&a->o, claims, clock_wall_ms(a->o.clock), ret, err);
}

enum status auth_verify(struct auth *a, struct span token, struct auth_identity *ret, struct err *err)
{
	unsigned char digest[AUTH_DIGEST_BYTES];
	if (token.n == 0 || token.n > AUTH_TOKEN_MAX)
		return err_set(err, STATUS_UNAUTHORIZED, "the token is not 1 to %zu bytes long", AUTH_TOKEN_MAX);
	look_at_file(a);
	pthread_rwlock_rdlock(&a->lock);
	uint64_t generation = a->generation;
	pthread_rwlock_unlock(&a->lock);
	bool digested = auth_digest(token, digest);
	if (digested && auth_cache_get(a->cache, digest, generation, clock_wall_ms(a->o.clock), ret))
		return STATUS_OK;
	struct parts p = {.header.max_bytes = AUTH_TOKEN_MAX, .payload.max_bytes = AUTH_TOKEN_MAX, .signature.max_bytes = AUTH_TOKEN_MAX};
	enum status s = take_apart(token, &p)
	                    ? verify_parts(a, &p, &generation, ret, err)
	                    : err_set(err, STATUS_UNAUTHORIZED, "the token is not three parts of base64url joined by dots");
	if (s == STATUS_OK && digested)
		auth_cache_put(a->cache, digest, generation, ret);
	free_parts(&p);
	return s;
}
