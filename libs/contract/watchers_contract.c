/* The field table of the watcher contract's options. */
#include "contract/watchers_contract.h"

#include "contract/check.h"

#define F(member, ...) JSON_FIELD(struct contract_options, member, __VA_ARGS__)
static const struct json_field fields[] = {
    F(document, .min = 1, .max = 1024, .required = true),
    F(base, .min = 1, .max = 1024),
    F(server, .min = 8, .max = 1024),
    F(auth_header, .min = 1, .max = 64),
    F(token_env, .min = 1, .max = 64),
    F(include, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(exclude, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(parameters, .raw_types = JSON_ALLOW(JSON_OBJECT), .check_raw = check_strings),
    F(max_calls, .min = 1, .max = CONTRACT_CALLS_MAX),
    F(timeout_ms, .min = 100, .max = 60000),
    F(pause_ms, .min = 0, .max = 60000),
};
const struct json_table watchers_contract_table = {"watchers.contract", sizeof(struct contract_options), fields,
                                                   countof(fields)};
