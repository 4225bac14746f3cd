/* All rules of a comparison: two lists, from which ids, levels and texts are made. */
#ifndef GANNET_OPENAPI_RULES_H
#define GANNET_OPENAPI_RULES_H

#include "openapi/openapi.h"

/*
 * What can change in a schema: X(NAME, id, level where clients send, level where they receive, text). Each makes four rules,
 * for parameters, request bodies, response bodies and response headers: "request-property-removed". A server that takes
 * less, or sends more, breaks clients; the other way round it does not.
 */
#define SCHEMA_RULES(X)                                                                                                \
	X(TYPE_CHANGED, "type-changed", BREAKING, BREAKING, "the type is another")                                         \
	X(TYPE_NARROWED, "type-narrowed", BREAKING, INFO, "fewer types are possible")                                      \
	X(TYPE_WIDENED, "type-widened", INFO, BREAKING, "more types are possible")                                         \
	X(NULL_REFUSED, "became-not-nullable", BREAKING, INFO, "null is not possible any more")                            \
	X(NULL_ALLOWED, "became-nullable", INFO, BREAKING, "null is possible now")                                         \
	X(NOTHING_FITS, "nothing-allowed", BREAKING, BREAKING, "no value is allowed any more")                             \
	X(FORMAT_ADDED, "format-added", BREAKING, INFO, "there is a format now")                                           \
	X(FORMAT_REMOVED, "format-removed", INFO, WARNING, "the format is gone")                                           \
	X(FORMAT_CHANGED, "format-changed", BREAKING, BREAKING, "the format is another")                                   \
	X(ENUM_VALUE_REMOVED, "enum-value-removed", BREAKING, INFO, "the value % is gone")                                 \
	X(ENUM_VALUE_ADDED, "enum-value-added", INFO, WARNING, "the value % is new")                                       \
	X(ENUM_ADDED, "enum-added", BREAKING, INFO, "only some values are possible now")                                   \
	X(ENUM_REMOVED, "enum-removed", INFO, BREAKING, "values are not limited to a list any more")                       \
	X(CONST_ADDED, "const-added", BREAKING, INFO, "only one value is possible now")                                    \
	X(CONST_REMOVED, "const-removed", INFO, BREAKING, "other values are possible now")                                 \
	X(CONST_CHANGED, "const-changed", BREAKING, BREAKING, "the only value is another")                                 \
	X(MINIMUM_RAISED, "minimum-raised", BREAKING, INFO, "the minimum is higher")                                       \
	X(MINIMUM_LOWERED, "minimum-lowered", INFO, BREAKING, "the minimum is lower")                                      \
	X(MAXIMUM_LOWERED, "maximum-lowered", BREAKING, INFO, "the maximum is lower")                                      \
	X(MAXIMUM_RAISED, "maximum-raised", INFO, BREAKING, "the maximum is higher")                                       \
	X(MULTIPLE_ADDED, "multiple-of-added", BREAKING, INFO, "values have to be multiples now")                          \
	X(MULTIPLE_REMOVED, "multiple-of-removed", INFO, WARNING, "values need not be multiples any more")                 \
	X(MULTIPLE_CHANGED, "multiple-of-changed", BREAKING, WARNING, "values have to be multiples of another number")     \
	X(MIN_LENGTH_RAISED, "min-length-raised", BREAKING, INFO, "the shortest text is longer")                           \
	X(MIN_LENGTH_LOWERED, "min-length-lowered", INFO, BREAKING, "the shortest text is shorter")                        \
	X(MAX_LENGTH_LOWERED, "max-length-lowered", BREAKING, INFO, "the longest text is shorter")                         \
	X(MAX_LENGTH_RAISED, "max-length-raised", INFO, BREAKING, "the longest text is longer")                            \
	X(PATTERN_ADDED, "pattern-added", BREAKING, INFO, "there is a pattern now")                                        \
	X(PATTERN_REMOVED, "pattern-removed", INFO, WARNING, "the pattern is gone")                                        \
	X(PATTERN_CHANGED, "pattern-changed", BREAKING, WARNING, "the pattern is another")                                 \
	X(MIN_ITEMS_RAISED, "min-items-raised", BREAKING, INFO, "more items are needed")                                   \
	X(MIN_ITEMS_LOWERED, "min-items-lowered", INFO, BREAKING, "fewer items are possible")                              \
	X(MAX_ITEMS_LOWERED, "max-items-lowered", BREAKING, INFO, "fewer items are allowed")                               \
	X(MAX_ITEMS_RAISED, "max-items-raised", INFO, BREAKING, "more items are possible")                                 \
	X(UNIQUE_ADDED, "unique-items-added", BREAKING, INFO, "items have to differ now")                                  \
	X(UNIQUE_REMOVED, "unique-items-removed", INFO, WARNING, "items may be there twice now")                           \
	X(CONTAINS_ADDED, "contains-added", BREAKING, INFO, "a certain item is needed now")                                \
	X(CONTAINS_REMOVED, "contains-removed", INFO, WARNING, "no certain item is promised any more")                     \
	X(PREFIX_ITEM_ADDED, "prefix-item-added", WARNING, WARNING, "the item at place % has a schema of its own now")     \
	X(PREFIX_ITEM_REMOVED, "prefix-item-removed", WARNING, WARNING, "the item at place % has no schema of its own")    \
	X(MIN_PROPERTIES_RAISED, "min-properties-raised", BREAKING, INFO, "more properties are needed")                    \
	X(MIN_PROPERTIES_LOWERED, "min-properties-lowered", INFO, BREAKING, "fewer properties are possible")               \
	X(MAX_PROPERTIES_LOWERED, "max-properties-lowered", BREAKING, INFO, "fewer properties are allowed")                \
	X(MAX_PROPERTIES_RAISED, "max-properties-raised", INFO, BREAKING, "more properties are possible")                  \
	X(PROPERTY_ADDED, "property-added", INFO, INFO, "the property % is new")                                           \
	X(PROPERTY_ADDED_REQUIRED, "required-property-added", BREAKING, INFO, "the property % is new and required")        \
	X(PROPERTY_REMOVED, "property-removed", WARNING, BREAKING, "the property % is gone")                               \
	X(PROPERTY_REFUSED, "property-refused", BREAKING, BREAKING, "the property % is gone and no others are allowed")    \
	X(PROPERTY_BECAME_REQUIRED, "property-became-required", BREAKING, INFO, "the property % is required now")          \
	X(PROPERTY_BECAME_OPTIONAL, "property-became-optional", INFO, BREAKING, "the property % may be missing now")       \
	X(ADDITIONAL_REFUSED, "additional-properties-refused", BREAKING, INFO, "other properties are not allowed any more") \
	X(ADDITIONAL_ALLOWED, "additional-properties-allowed", INFO, WARNING, "other properties are possible now")         \
	X(PATTERN_PROPERTY_ADDED, "pattern-property-added", WARNING, INFO, "properties like % have a schema now")          \
	X(PATTERN_PROPERTY_REMOVED, "pattern-property-removed", INFO, WARNING, "properties like % have no schema any more") \
	X(PROPERTY_NAMES_ADDED, "property-names-added", BREAKING, INFO, "names of properties are limited now")             \
	X(PROPERTY_NAMES_REMOVED, "property-names-removed", INFO, WARNING, "names of properties are not limited any more") \
	X(DEPENDENT_ADDED, "dependent-required-added", BREAKING, INFO, "properties need others now")                       \
	X(DEPENDENT_REMOVED, "dependent-required-removed", INFO, WARNING, "properties need no others any more")            \
	X(ONE_OF_ADDED, "one-of-added", INFO, BREAKING, "the alternative % is new (oneOf)")                                \
	X(ONE_OF_REMOVED, "one-of-removed", BREAKING, INFO, "the alternative % is gone (oneOf)")                           \
	X(ANY_OF_ADDED, "any-of-added", INFO, BREAKING, "the alternative % is new (anyOf)")                                \
	X(ANY_OF_REMOVED, "any-of-removed", BREAKING, INFO, "the alternative % is gone (anyOf)")                           \
	X(NOT_ADDED, "not-added", BREAKING, INFO, "some values are ruled out now")                                         \
	X(NOT_REMOVED, "not-removed", INFO, WARNING, "some values are not ruled out any more")                             \
	X(DISCRIMINATOR_ADDED, "discriminator-added", BREAKING, INFO, "there is a discriminator now")                      \
	X(DISCRIMINATOR_REMOVED, "discriminator-removed", INFO, BREAKING, "the discriminator is gone")                     \
	X(DISCRIMINATOR_CHANGED, "discriminator-changed", BREAKING, BREAKING, "the discriminator is another property")     \
	X(MAPPING_ADDED, "discriminator-mapping-added", INFO, WARNING, "the discriminator's value % is new")               \
	X(MAPPING_REMOVED, "discriminator-mapping-removed", BREAKING, INFO, "the discriminator's value % is gone")         \
	X(READ_ONLY_ADDED, "became-read-only", WARNING, INFO, "it is only read now")                                       \
	X(READ_ONLY_REMOVED, "became-not-read-only", INFO, INFO, "it can be written now")                                  \
	X(WRITE_ONLY_ADDED, "became-write-only", INFO, BREAKING, "it is only written now")                                 \
	X(WRITE_ONLY_REMOVED, "became-not-write-only", INFO, INFO, "it can be read now")                                   \
	X(DEPRECATED, "deprecated", INFO, INFO, "it is deprecated now")                                                    \
	X(DEFAULT_ADDED, "default-added", WARNING, INFO, "there is a default now")                                         \
	X(DEFAULT_REMOVED, "default-removed", WARNING, INFO, "there is no default any more")                               \
	X(DEFAULT_CHANGED, "default-changed", WARNING, INFO, "the default is another")                                     \
	X(ENCODING_CHANGED, "content-encoding-changed", BREAKING, BREAKING, "contentEncoding is another")                  \
	X(MEDIA_TYPE_CHANGED, "content-media-type-changed", BREAKING, BREAKING, "contentMediaType is another")

/* What can change outside of schemas: X(NAME, id, level, text). */
#define OTHER_RULES(X)                                                                                                 \
	X(PATH_REMOVED, "path-removed", BREAKING, "the path is gone")                                                      \
	X(PATH_ADDED, "path-added", INFO, "the path is new")                                                               \
	X(PATH_PARAMETER_RENAMED, "path-parameter-renamed", INFO, "a parameter of the path has another name")              \
	X(OPERATION_REMOVED, "operation-removed", BREAKING, "the operation is gone")                                       \
	X(OPERATION_RETIRED, "deprecated-operation-removed", WARNING, "the operation is gone; it was deprecated")          \
	X(OPERATION_ADDED, "operation-added", INFO, "the operation is new")                                                \
	X(OPERATION_DEPRECATED, "operation-deprecated", INFO, "the operation is deprecated now")                           \
	X(OPERATION_REVIVED, "operation-not-deprecated", INFO, "the operation is not deprecated any more")                 \
	X(OPERATION_ID_CHANGED, "operation-id-changed", WARNING, "operationId is another: generated clients change")       \
	X(OPERATION_ID_REMOVED, "operation-id-removed", WARNING, "operationId is gone: generated clients change")          \
	X(OPERATION_ID_ADDED, "operation-id-added", INFO, "there is an operationId now")                                   \
	X(TAG_REMOVED, "tag-removed", INFO, "the tag % is gone: generated clients may be grouped otherwise")               \
	X(TAG_ADDED, "tag-added", INFO, "the tag % is new")                                                                \
	X(SUNSET_EARLIER, "sunset-earlier", WARNING, "x-sunset is earlier")                                                \
	X(PARAMETER_ADDED, "optional-parameter-added", INFO, "the parameter % is new")                                     \
	X(PARAMETER_ADDED_REQUIRED, "required-parameter-added", BREAKING, "the parameter % is new and required")           \
	X(PARAMETER_REMOVED, "parameter-removed", WARNING, "the parameter % is gone: what it asks for is ignored")         \
	X(PARAMETER_BECAME_REQUIRED, "parameter-became-required", BREAKING, "the parameter % is required now")             \
	X(PARAMETER_BECAME_OPTIONAL, "parameter-became-optional", INFO, "the parameter % is optional now")                 \
	X(PARAMETER_MOVED, "parameter-moved", BREAKING, "the parameter % is sent in another place")                        \
	X(PARAMETER_STYLE, "parameter-style-changed", BREAKING, "the parameter % is written in another style")             \
	X(PARAMETER_EXPLODE, "parameter-explode-changed", BREAKING, "lists in the parameter % are written otherwise")      \
	X(PARAMETER_RESERVED, "parameter-allow-reserved-changed", WARNING, "allowReserved of the parameter % is another")  \
	X(PARAMETER_EMPTY, "parameter-empty-value-refused", BREAKING, "the parameter % may not be empty any more")         \
	X(PARAMETER_DEPRECATED, "parameter-marked-deprecated", INFO, "the parameter % is deprecated now")                         \
	X(PARAMETER_CONTENT, "parameter-content-changed", BREAKING, "the parameter % has another media type")              \
	X(BODY_ADDED, "request-body-added-optional", INFO, "there is a request body now")                                  \
	X(BODY_ADDED_REQUIRED, "request-body-added-required", BREAKING, "there is a required request body now")            \
	X(BODY_REMOVED, "request-body-removed", WARNING, "there is no request body any more")                              \
	X(BODY_BECAME_REQUIRED, "request-body-became-required", BREAKING, "the request body is required now")              \
	X(BODY_BECAME_OPTIONAL, "request-body-became-optional", INFO, "the request body is optional now")                  \
	X(REQUEST_MEDIA_REMOVED, "request-media-type-removed", BREAKING, "the media type % is not taken any more")         \
	X(REQUEST_MEDIA_ADDED, "request-media-type-added", INFO, "the media type % is taken now")                          \
	X(REQUEST_ENCODING, "request-encoding-changed", BREAKING, "the part % is encoded otherwise")                       \
	X(SUCCESS_REMOVED, "response-success-status-removed", BREAKING, "the status % is not answered any more")           \
	X(SUCCESS_ADDED, "response-success-status-added", WARNING, "the status % is new")                                  \
	X(FAILURE_REMOVED, "response-error-status-removed", INFO, "the status % is not answered any more")                 \
	X(FAILURE_ADDED, "response-error-status-added", INFO, "the status % is new")                                       \
	X(DEFAULT_RESPONSE_REMOVED, "response-status-default-removed", WARNING, "other statuses are not described any more")      \
	X(DEFAULT_RESPONSE_ADDED, "response-status-default-added", INFO, "other statuses are described now")                      \
	X(RESPONSE_MEDIA_REMOVED, "response-media-type-removed", BREAKING, "the media type % is not sent any more")        \
	X(RESPONSE_MEDIA_ADDED, "response-media-type-added", INFO, "the media type % is sent now")                         \
	X(HEADER_REMOVED, "response-required-header-removed", BREAKING, "the header %, always sent before, is gone")       \
	X(HEADER_OPTIONAL_REMOVED, "response-optional-header-removed", WARNING, "the header % is gone")                    \
	X(HEADER_ADDED, "response-header-added", INFO, "the header % is new")                                              \
	X(HEADER_BECAME_OPTIONAL, "response-header-became-optional", BREAKING, "the header % may be missing now")          \
	X(HEADER_BECAME_REQUIRED, "response-header-became-required", INFO, "the header % is always sent now")              \
	X(LINK_REMOVED, "response-link-removed", WARNING, "the link % is gone")                                            \
	X(LINK_ADDED, "response-link-added", INFO, "the link % is new")                                                    \
	X(SECURITY_ADDED, "security-added", BREAKING, "authentication is needed now")                                      \
	X(SECURITY_REMOVED, "security-removed", INFO, "no authentication is needed any more")                              \
	X(SECURITY_CHOICE_REMOVED, "security-choice-removed", BREAKING, "% does not suffice any more")                     \
	X(SECURITY_CHOICE_ADDED, "security-choice-added", INFO, "% suffices now")                                          \
	X(SCOPE_ADDED, "security-scope-added", BREAKING, "the scope % is needed now")                                      \
	X(SCOPE_REMOVED, "security-scope-removed", INFO, "the scope % is not needed any more")                             \
	X(SCHEME_REMOVED, "security-scheme-removed", WARNING, "the scheme % is gone")                                      \
	X(SCHEME_ADDED, "security-scheme-added", INFO, "the scheme % is new")                                              \
	X(SCHEME_TYPE, "security-scheme-type-changed", BREAKING, "the scheme % is of another type")                        \
	X(SCHEME_PLACE, "security-scheme-key-moved", BREAKING, "the key of % is sent elsewhere or under another name")     \
	X(SCHEME_HTTP, "security-scheme-http-changed", BREAKING, "the HTTP scheme of % is another")                        \
	X(SCHEME_FLOW_REMOVED, "security-flow-removed", BREAKING, "a flow of % is gone")                                   \
	X(SCHEME_FLOW_ADDED, "security-flow-added", INFO, "a flow of % is new")                                            \
	X(SCHEME_URL, "security-url-changed", WARNING, "an address of % is another")                                       \
	X(SERVER_REMOVED, "server-removed", BREAKING, "the server % is gone")                                              \
	X(SERVER_ADDED, "server-added", INFO, "the server % is new")                                                       \
	X(CALLBACK_REMOVED, "callback-removed", BREAKING, "the callback % is gone")                                        \
	X(CALLBACK_ADDED, "callback-added", WARNING, "the callback % is new")                                              \
	X(WEBHOOK_REMOVED, "webhook-removed", BREAKING, "the webhook % is gone")                                           \
	X(WEBHOOK_ADDED, "webhook-added", INFO, "the webhook % is new")                                                    \
	X(VERSION_SAME, "version-not-raised", WARNING, "there are breaking changes, and info.version is the same")

enum schema_rule_name {
#define X(name, id, sent, received, text) SCHEMA_##name,
	SCHEMA_RULES(X)
#undef X
	    SCHEMA_RULE_COUNT
};
enum other_rule_name {
#define X(name, id, level, text) OTHER_##name,
	OTHER_RULES(X)
#undef X
	    OTHER_RULE_COUNT
};

enum schema_side { SIDE_PARAMETER, SIDE_REQUEST, SIDE_RESPONSE, SIDE_HEADER, SIDE_COUNT };

const struct api_rule *rule_of_schema(enum schema_side side, enum schema_rule_name name);
const struct api_rule *rule_of_other(enum other_rule_name name);

#endif
